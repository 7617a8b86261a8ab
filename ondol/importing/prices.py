"""Rows of the price file and of the listings from price tables of any source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError

DATE = ("BAS_DD", "TRD_DD", "Date", "날짜", "일자")
CODE = ("ISU_SRT_CD", "종목코드", "단축코드", "티커", "Code", "ISU_CD")
NAME = ("ISU_ABBRV", "ISU_NM", "종목명", "Name")
MARKET = ("MKT_NM", "시장구분", "Market", "MarketId", "MKT_ID")
NUMBERS = {
    "open": ("TDD_OPNPRC", "시가", "Open"),
    "high": ("TDD_HGPRC", "고가", "High"),
    "low": ("TDD_LWPRC", "저가", "Low"),
    "close": ("TDD_CLSPRC", "종가", "Close"),
    "volume": ("ACC_TRDVOL", "거래량", "Volume"),
    "trading_value": ("ACC_TRDVAL", "거래대금", "Amount"),
    "market_cap": ("MKTCAP", "시가총액", "Marcap"),
    "listed_shares": ("LIST_SHRS", "상장주식수", "Stocks"),
    "change": ("CMPPREVDD_PRC", "대비", "Changes"),
    "change_rate": ("FLUC_RT", "등락률", "ChagesRatio", "ChangesRatio"),
}
"""Column of the load format -> the names of the sources; the first that has a value counts."""
DIRECTION = ("FLUC_TP_CD", "ChangeCode")
MONEY = ("trading_value", "market_cap")
UNITS = {"원": 1.0, "천원": 1e3, "백만원": 1e6, "억원": 1e8, "십억원": 1e9}

WANTED = frozenset({*DATE, *CODE, *NAME, *MARKET, *DIRECTION, *(n for names in NUMBERS.values() for n in names)})
PRICES_SCHEMA = {"date": pl.Date, "stock_code": pl.String, **dict.fromkeys(NUMBERS, pl.Float64)}


@dataclass(frozen=True, kw_only=True)
class PriceTable:
    """`rows` of PRICES_SCHEMA; `listings` (stock_code, from_date, market, name) on the first day and on changes."""

    rows: pl.DataFrame
    listings: pl.DataFrame
    dropped: dict[str, int]
    """Reason -> rows that are left out."""


def price_rows(
    table: Table, *, date: dt.date | None = None, code: str | None = None, adjusted: bool = False,
    unit: str | None = None,
) -> PriceTable:  # fmt: skip
    """Convert a price table; `date` and `code` are those of all rows where the table has no column for them.

    Adjusted tables lose `change`, which is not against the base price. Raises FileRefusedError for a missing date or
    code, a cell that cannot be read, and amounts in another unit than won without `unit`.
    """
    frame = table.frame
    cells = Cells(frame)
    day = cells.dates(DATE)
    if day is None and date is None:
        raise FileRefusedError("has no date column and no date in its name: give --date YYYY-MM-DD")
    stock = cells.codes(CODE)
    if stock is None and code is None:
        raise FileRefusedError("has no code column: put the six-character stock code into the file name")
    scale = _scale(table, unit)
    columns: dict[str, pl.Series | pl.Expr] = {
        "date": day if day is not None else pl.lit(date),
        "stock_code": stock if stock is not None else pl.lit(code),
    }
    for name, sources in NUMBERS.items():
        values = cells.numbers(sources)
        columns[name] = pl.lit(None, pl.Float64) if values is None else values
    direction = cells.texts(DIRECTION)
    rows = pl.select(pl.int_range(frame.height).alias("row")).with_columns(**columns)
    if direction is not None:
        rows = _signed(rows, direction)
    rows = rows.with_columns(pl.col(MONEY) * scale, pl.col("change_rate").round(2))
    if adjusted:
        rows = rows.with_columns(
            pl.lit(None, pl.Float64).alias("change"), pl.lit(None, pl.Float64).alias("change_rate")
        )
    for name, values in (("market", cells.markets(MARKET)), ("name", cells.texts(NAME))):
        rows = rows.with_columns((pl.lit(None, pl.String) if values is None else values).alias(name))
    cells.refuse_broken()
    rows, dropped = _kept(rows)
    _refuse_units(rows)
    return PriceTable(rows=rows.select(list(PRICES_SCHEMA)).cast(pl.Schema(PRICES_SCHEMA)), listings=_listings(rows),
                      dropped=dropped)  # fmt: skip


def _scale(table: Table, unit: str | None) -> float:
    for name, stated in table.units.items():
        if stated in ("천주", "백만주"):
            raise FileRefusedError(f"{name} is in {stated}: download the file again with shares in 주")
        if stated in UNITS and stated not in ("원", unit):
            raise FileRefusedError(f"{name} is in {stated}: say --unit {stated}, or download the file again in 원")
    return UNITS[unit or "원"]


def _signed(rows: pl.DataFrame, direction: pl.Series) -> pl.DataFrame:
    """Give `change` and `change_rate` the sign of the exchange's direction code (2 and 5 are down, 1 and 4 up)."""
    sign = pl.when(direction.is_in(["2", "5"])).then(-1.0).when(direction.is_in(["1", "4"])).then(1.0)
    return rows.with_columns(
        pl.coalesce(pl.col(name).abs() * sign, pl.col(name)).alias(name) for name in ("change", "change_rate")
    )


def _kept(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    dropped = {}
    for reason, bad in (
        ("row without a date or code", pl.col("date").is_null() | pl.col("stock_code").is_null()),
        ("holiday row without prices", pl.col("close").fill_null(0) == 0),
        ("volume below 0 (32-bit overflow)", pl.col("volume").fill_null(0) < 0),
    ):
        kept = rows.filter(~bad)
        if kept.height < rows.height:
            dropped[reason] = rows.height - kept.height
        rows = kept
    return rows.with_columns(pl.col("volume").fill_null(0)), dropped


def _refuse_units(rows: pl.DataFrame) -> None:
    """Refuse amounts whose usual ratio to price times count shows another unit."""
    for amount, count, korean in (("market_cap", "listed_shares", "상장주식수"), ("trading_value", "volume", "거래량")):
        usable = rows.filter((pl.col(count) > 0) & (pl.col(amount) > 0))
        ratio = usable.select((pl.col(amount) / (pl.col(count) * pl.col("close"))).median()).item()
        if ratio is not None and not 0.2 < ratio < 5.0:
            raise FileRefusedError(
                f"{amount} is {ratio:.3g} times close × {count}: amounts are not in won (say --unit 천원, 백만원 or "
                f"십억원), or {korean} is not in shares (download the file again in 주)"
            )


def _listings(rows: pl.DataFrame) -> pl.DataFrame:
    named = rows.filter(pl.col("market").is_not_null()).select(
        "stock_code", pl.col("date").alias("from_date"), "market", "name"
    )
    return changes_of(named, ends=True)


def changes_of(listings: pl.DataFrame, *, ends: bool = False) -> pl.DataFrame:
    """Keep the first entry of each stock and those whose market or name differs from the entry before.

    With `ends`, keep the last entry before each change and of each stock too, so that entries of other files can still
    be merged.
    """
    ordered = listings.sort("stock_code", "from_date", maintain_order=True)
    columns = ("stock_code", "market", "name")
    place = pl.int_range(pl.len())
    kept = (place == 0) | ~pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(1)) for name in columns])
    if ends:
        same_next = pl.all_horizontal([pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in columns])
        kept = kept | (place == pl.len() - 1) | ~same_next
    return ordered.filter(kept).unique(["stock_code", "from_date"], keep="last", maintain_order=True)
