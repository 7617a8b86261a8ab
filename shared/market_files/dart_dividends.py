"""Dividends from the dividend section of periodic reports (`alotMatter`), which states no record date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from shared.market_files.cells import Cells, Rows, left_out
from shared.market_files.dart_filings import corp_codes, receipt_days, receipts
from shared.market_files.dart_statements import DartTables, fiscal_years
from shared.market_files.record_dates import DIVIDENDS_SCHEMA, ex_dates, market_days

STATED_SCHEMA = {
    "receipt": pl.String, "corp_code": pl.String, "stock_code": pl.String, "period_end": pl.Date,
    "is_preferred": pl.Boolean, "dps": pl.Float64,
}  # fmt: skip
"""One stated dividend per share; amounts of a fiscal year are cumulated, null where the report says `-`."""

RECORDS_AT_PERIOD_END = {4: dt.date(2022, 12, 31), 2: dt.date(2024, 12, 31)}
"""Last period of annual (4) and interim (2) dividends whose record date was the end of the period at every company:
later ones may follow the shareholders' meeting."""


@dataclass(frozen=True, kw_only=True)
class Dividends:
    """`rows` of DIVIDENDS_SCHEMA, dividends that are left out by reason, and notes."""

    rows: pl.DataFrame
    dropped: dict[str, int]
    notes: list[str]


def stated_dividends(frame: pl.DataFrame, *, stock_code: str | None = None) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Return rows of STATED_SCHEMA from `alotMatter` rows, and rows that are left out by reason.

    Rows of other figures than the cash dividend per share are not counted. FileRefusedError when a cell cannot be read.
    """
    labels = Cells(frame).texts(["se"])
    wanted = (
        pl.Series([False] * frame.height) if labels is None
        else labels.str.replace_all(r"\s", "").str.starts_with("주당현금배당금").fill_null(value=False)
    )  # fmt: skip
    cells = Cells(frame.filter(wanted))
    columns = {
        "receipt": receipts(cells), "corp_code": corp_codes(cells), "stock_code": cells.codes(["stock_code"]),
        "period_end": cells.dates(["stlm_dt"]), "share": cells.texts(["stock_knd"]),
        "dps": cells.numbers(["thstrm"]),
    }  # fmt: skip
    cells.refuse_broken()
    types = {"period_end": pl.Date(), "dps": pl.Float64()}
    rows = pl.select(wanted.arg_true().alias("row")).with_columns(
        pl.lit(None, types.get(name, pl.String())).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )
    dropped: dict[str, Rows] = {}
    share = pl.col("share").fill_null("보통주")
    rows = left_out(rows, "dividend of another class of shares", ~share.str.contains("보통|우선"), dropped)
    rows = rows.with_columns(
        share.str.contains("우선").alias("is_preferred"),
        pl.coalesce("stock_code", pl.lit(stock_code, pl.String)).alias("stock_code"),
    ).unique(["receipt", "corp_code", "stock_code", "is_preferred"], keep="first", maintain_order=True)
    return rows.select(list(STATED_SCHEMA)).cast(pl.Schema(STATED_SCHEMA)), dropped


def dividend_rows(
    stated: pl.DataFrame, tables: DartTables, *, codes: frozenset[str], price_days: Sequence[dt.date] = (),
    approximate: bool = False,
) -> Dividends:  # fmt: skip
    """Return dividends of each period: the cumulated amount less that of the reports before in its fiscal year.

    The record date is taken to be the end of the period, so ex-dates are approximate; periods later than
    RECORDS_AT_PERIOD_END are left out unless `approximate`. Preferred shares need their code among `codes`. An annual
    report without a dividend gives a row of 0.
    """
    dropped: dict[str, Rows] = {}
    filings = tables.filings.unique(["receipt"], keep="last", maintain_order=True)
    stocks = pl.concat([tables.stocks, filings.select("corp_code", "stock_code")]).drop_nulls().unique("corp_code")
    ends = tables.period_ends.unique("receipt").rename({"period_end": "known_end"})
    rows = stated.join(stocks.rename({"stock_code": "known_code"}), on="corp_code", how="left")
    rows = rows.join(filings.select("receipt", "filed_on", "report", filed_end="period_end"), on="receipt", how="left")
    rows = rows.join(ends, on="receipt", how="left").with_row_index("row")
    rows = rows.with_columns(
        pl.coalesce("stock_code", "known_code").alias("stock_code"),
        pl.coalesce("period_end", "filed_end", "known_end").alias("period_end"),
        pl.max_horizontal("filed_on", receipt_days()).alias("disclosed_on"),
    )
    rows = left_out(rows, "dividend of a corporation without a stock code", pl.col("stock_code").is_null(), dropped)
    rows = left_out(rows, "dividend without a period (add its filing list)", pl.col("period_end").is_null(), dropped)
    preferred = pl.col("stock_code").str.slice(0, 5) + "5"
    rows = rows.with_columns(
        pl.when("is_preferred").then(preferred).otherwise("stock_code").alias("stock_code"),
        pl.col("report").replace_strict({"사업보고서": 4, "반기보고서": 2}, default=None, return_dtype=pl.Int32)
        .fill_null(pl.col("period_end").dt.month().cast(pl.Int32) // 3).alias("fiscal_quarter"),
    )  # fmt: skip
    is_unknown = pl.col("is_preferred") & ~pl.col("stock_code").is_in(sorted(codes))
    rows = rows.filter(~is_unknown | (pl.col("dps").fill_null(0) > 0))  # nearly every report has such a row of `-`
    rows = left_out(
        rows, "dividend of preferred shares that are not among the imported stocks",
        pl.col("is_preferred") & ~pl.col("stock_code").is_in(sorted(codes)), dropped,
    )  # fmt: skip
    rows = rows.with_columns(fiscal_years().alias("fiscal_year"))
    rows = _payments(_last_versions(rows))
    rows = left_out(rows, "cumulated dividend is smaller than that of the report before", pl.col("dps") < 0, dropped)
    last = pl.when(pl.col("fiscal_quarter") == 4).then(RECORDS_AT_PERIOD_END[4]).otherwise(RECORDS_AT_PERIOD_END[2])
    if not approximate:
        rows = left_out(
            rows, "dividend whose record date is not known (say --approximate-ex-dates to take the end of its period)",
            (pl.col("period_end") > last) & (pl.col("dps") > 0), dropped,
        )  # fmt: skip
    notes = []
    if rows.height:
        years = rows["period_end"].dt.year()
        days = market_days(price_days, int(years.min()) - 1, int(years.max()))  # type: ignore[arg-type]
        rows = rows.with_columns(ex_dates(rows["period_end"], days).alias("ex_date"))
        paid = rows.filter(pl.col("dps") > 0).height
        notes.append(
            f"{paid:,} dividends have an approximate ex-date: the record date is taken to be the end of the period"
        )
    else:
        rows = rows.with_columns(pl.lit(None, pl.Date).alias("ex_date"))
    kinds = {True: "annual, approximate ex-date", False: "interim, approximate ex-date"}
    rows = rows.with_columns(
        (pl.col("fiscal_quarter") == 4).replace_strict(kinds, return_dtype=pl.String).alias("kind")
    )
    return Dividends(
        rows=rows.select(list(DIVIDENDS_SCHEMA)).cast(pl.Schema(DIVIDENDS_SCHEMA)).sort("stock_code", "ex_date"),
        dropped={reason: left.count for reason, left in dropped.items()}, notes=notes,
    )  # fmt: skip


_PERIOD = ("stock_code", "fiscal_year", "fiscal_quarter")


def _last_versions(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the last amount of each period, from the first day on which it was stated without a change after."""
    ordered = rows.sort("disclosed_on", maintain_order=True).with_columns(pl.col("dps").fill_null(0))
    last = ordered.with_columns(pl.col("dps").last().over(_PERIOD).alias("final"))
    same = last.filter(pl.col("dps") == pl.col("final"))
    return same.group_by(_PERIOD, maintain_order=True).agg(
        pl.col("row").first(), pl.col("dps").first(), pl.col("disclosed_on").first(), pl.col("period_end").last()
    )


def _payments(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what each period adds; periods that add nothing are left out but for years without any dividend."""
    ordered = rows.sort(_PERIOD)
    before = pl.col("dps").cum_max().shift(1, fill_value=0).over("stock_code", "fiscal_year")
    paid = ordered.with_columns(pl.col("dps").alias("total"), pl.col("dps") - before)
    states_none = (pl.col("fiscal_quarter") == 4) & (pl.col("total") == 0)
    return paid.filter((pl.col("dps") != 0) | states_none)
