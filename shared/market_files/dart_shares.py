"""Share counts of periodic reports (`stockTotqySttus`), for prices that state neither shares nor market cap."""

from __future__ import annotations

import polars as pl

from shared.market_files.cells import Cells, Rows, left_out
from shared.market_files.dart_filings import corp_codes, receipt_days, receipts
from shared.market_files.dart_statements import DartTables

STATED_SHARES_SCHEMA = {
    "receipt": pl.String, "corp_code": pl.String, "stock_code": pl.String, "is_preferred": pl.Boolean,
    "period_end": pl.Date, "listed_shares": pl.Float64,
}  # fmt: skip
SHARES_SCHEMA = {
    "stock_code": pl.String, "disclosed_on": pl.Date, "counted_on": pl.Date, "listed_shares": pl.Float64,
}  # fmt: skip

_DAYS_TO_FILE = "100d"

_DAILY_LIMIT = 0.31
"""A close that moves by more was split, merged or not traded for long: the count of the last report may be another."""


def stated_shares(frame: pl.DataFrame, *, stock_code: str | None = None) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Return rows of STATED_SHARES_SCHEMA from `stockTotqySttus` rows, and rows that are left out by reason.

    FileRefusedError when a cell cannot be read.
    """
    cells = Cells(frame)
    columns = {
        "receipt": receipts(cells), "corp_code": corp_codes(cells), "stock_code": cells.codes(["stock_code"]),
        "period_end": cells.dates(["stlm_dt"]), "share": cells.texts(["se"]),
        "listed_shares": cells.numbers(["istc_totqy"]),
    }  # fmt: skip
    cells.refuse_broken()
    types = {"listed_shares": pl.Float64(), "period_end": pl.Date()}
    rows = pl.select(cells.rows.alias("row")).with_columns(
        pl.lit(None, types.get(name, pl.String())).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )
    dropped: dict[str, Rows] = {}
    share = pl.col("share").fill_null("")
    rows = left_out(rows, "share count of another class (합계 and the like)", ~share.str.contains("보통|우선"), dropped)
    rows = left_out(rows, "share count of 0", pl.col("listed_shares").fill_null(0) <= 0, dropped)
    rows = rows.with_columns(
        share.str.contains("우선").alias("is_preferred"),
        pl.coalesce("stock_code", pl.lit(stock_code, pl.String)).alias("stock_code"),
    )
    return rows.select(list(STATED_SHARES_SCHEMA)).cast(pl.Schema(STATED_SHARES_SCHEMA)), dropped


def share_rows(stated: pl.DataFrame, tables: DartTables) -> pl.DataFrame:
    """Return rows of SHARES_SCHEMA sorted by stock and day: each count from the day on which it was disclosed."""
    filings = tables.filings.unique(["receipt"], keep="last", maintain_order=True)
    stocks = pl.concat([tables.stocks, filings.select("corp_code", "stock_code")]).drop_nulls().unique("corp_code")
    rows = stated.join(stocks.rename({"stock_code": "known_code"}), on="corp_code", how="left")
    rows = rows.join(filings.select("receipt", "filed_on", filed_end="period_end"), on="receipt", how="left")
    disclosed_on = pl.max_horizontal("filed_on", receipt_days())
    code = pl.coalesce("stock_code", "known_code")
    rows = rows.select(
        pl.when("is_preferred").then(code.str.slice(0, 5) + "5").otherwise(code).alias("stock_code"),
        disclosed_on.alias("disclosed_on"),
        pl.coalesce("period_end", "filed_end", disclosed_on.dt.offset_by(f"-{_DAYS_TO_FILE}")).alias("counted_on"),
        "listed_shares",
    ).drop_nulls()
    return rows.unique(["stock_code", "disclosed_on"], keep="last").sort("stock_code", "disclosed_on")


class ShareFiller:
    """Fills share counts into rows of prices, given one after the other in order of their days.

    A row without shares and market cap gets the count that was disclosed last, until its close moves by more than the
    daily limit: after a split, a count of a later day is needed.
    """

    def __init__(self, shares: pl.DataFrame) -> None:
        self._shares = shares
        self._last = pl.DataFrame(schema={"stock_code": pl.String, "last_close": pl.Float64, "last_jump": pl.Date})
        self.filled = 0

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `rows` (date, stock_code, close, market_cap, listed_shares, …) sorted by day and code."""
        columns = rows.columns
        traded = pl.col("close") > 0
        found = rows.sort("stock_code", "date").join(self._last, on="stock_code", how="left", maintain_order="left")
        close = pl.when(traded).then("close")
        before = close.forward_fill().shift(1).over("stock_code").fill_null(pl.col("last_close"))
        jump = traded & ((pl.col("close") / before - 1).abs() > _DAILY_LIMIT)
        found = found.with_columns(
            pl.when(jump).then("date").forward_fill().over("stock_code").fill_null(pl.col("last_jump")).alias("jump")
        )
        known = pl.coalesce(close.drop_nulls().last(), pl.col("last_close").last())
        news = found.group_by("stock_code").agg(known.alias("last_close"), pl.col("jump").last().alias("last_jump"))
        self._last = pl.concat([self._last.join(news, on="stock_code", how="anti"), news])
        stated = self._shares.rename({"listed_shares": "stated"}).sort("disclosed_on")
        found = found.sort("date").join_asof(
            stated, left_on="date", right_on="disclosed_on", by="stock_code", strategy="backward",
            check_sortedness=False,
        )  # fmt: skip
        usable = (
            pl.col("listed_shares").is_null() & pl.col("market_cap").is_null() & pl.col("stated").is_not_null()
            & (pl.col("jump").is_null() | (pl.col("jump") < pl.col("counted_on")))
        )  # fmt: skip
        self.filled += int(found.select(usable.sum()).item())
        found = found.with_columns(pl.when(usable).then("stated").otherwise("listed_shares").alias("listed_shares"))
        return found.select(columns).sort("date", "stock_code")
