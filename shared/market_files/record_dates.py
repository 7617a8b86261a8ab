"""Dividends by record date, and the ex-dates that follow from record dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl

from shared.market.holidays import trading_days
from shared.market_files.cells import Cells, FileRefusedError, Rows, left_out
from shared.model.calendar import to_day

DIVIDENDS_SCHEMA = {
    "stock_code": pl.String, "ex_date": pl.Date, "dps": pl.Float64, "disclosed_on": pl.Date, "kind": pl.String,
}  # fmt: skip

CODE = ("sht_cd", "종목코드", "단축코드")
RECORD_DATE = ("record_date", "배당기준일", "기준일")
AMOUNT = (
    "per_sto_divi_amt",
    "주당배당금",
    "주당현금배당금",
    "주당 배당금",
    "주당 현금배당금",
    "주당배당금_일반",
    "현금배당금",
)
KIND = ("divi_kind", "배당구분", "배당종류")
WANTED = frozenset({*CODE, *RECORD_DATE, *AMOUNT, *KIND})

_WHOLE_YEAR = 200


def ex_dates(records: pl.Series, days: np.ndarray) -> pl.Series:
    """Return the ex-dates of record dates: the trading day before the last trading day up to the record date.

    `days` are sorted day numbers of trading days; a record date before the second of them has no ex-date.
    """
    numbers = records.to_physical().fill_null(-(2**31)).to_numpy()
    places = np.searchsorted(days, numbers, side="right") - 2
    found = pl.Series(records.name, days[np.maximum(places, 0)] if len(days) else np.zeros(len(numbers), np.int32))
    return found.cast(pl.Int32).cast(pl.Date).set(pl.Series(places < 0), None)


def market_days(price_days: Sequence[dt.date], first_year: int, last_year: int) -> np.ndarray:
    """Return day numbers of the trading days of calendar years, sorted.

    A year in which there are prices on most days has those days, and outside of them those of the holiday table (record
    dates are announced ahead); other years have the days of the holiday table (weekdays outside of it), without 31
    December, on which the exchange is closed.
    """
    by_year: dict[int, list[int]] = {}
    for day in price_days:
        by_year.setdefault(day.year, []).append(to_day(day))
    found = []
    for year in range(first_year, last_year + 1):
        days = np.array(sorted(by_year.get(year, [])), np.int32)
        table = trading_days(to_day(dt.date(year, 1, 2)), to_day(dt.date(year, 12, 30)))
        if len(days) < _WHOLE_YEAR:
            found.append(table)
        else:
            found += [table[table < days[0]], days, table[table > days[-1]]]
    return np.concatenate(found) if found else np.zeros(0, np.int32)


def record_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Return rows of DIVIDENDS_SCHEMA from a table of record dates, and rows that are left out by reason.

    `ex_date` holds the record date until `with_ex_dates`. FileRefusedError when a cell cannot be read.
    """
    cells = Cells(frame)
    columns = {
        "stock_code": cells.codes(CODE), "ex_date": cells.dates(RECORD_DATE), "dps": cells.numbers(AMOUNT),
        "kind": cells.texts(KIND),
    }  # fmt: skip
    cells.refuse_broken()
    if columns["dps"] is None:
        raise FileRefusedError("has no amount for each share (주당배당금)")
    types = {"ex_date": pl.Date(), "dps": pl.Float64()}
    rows = pl.select(pl.int_range(frame.height).alias("row")).with_columns(
        pl.lit(None, types.get(name, pl.String())).alias(name) if values is None else values.alias(name)
        for name, values in columns.items()
    )
    dropped: dict[str, Rows] = {}
    unknown = pl.col("stock_code").is_null() | pl.col("ex_date").is_null()
    rows = left_out(rows, "row without a code or record date", unknown, dropped)
    rows = left_out(rows, "row without a cash dividend", pl.col("dps").fill_null(0) <= 0, dropped)
    rows = rows.with_columns(pl.lit(None, pl.Date).alias("disclosed_on"))
    return rows.select(list(DIVIDENDS_SCHEMA)).cast(pl.Schema(DIVIDENDS_SCHEMA)), dropped


def with_ex_dates(rows: pl.DataFrame, price_days: Sequence[dt.date] = ()) -> pl.DataFrame:
    """Replace record dates by the ex-dates that follow from the days with prices and from the holiday table."""
    if rows.is_empty():
        return rows
    years = rows["ex_date"].dt.year()
    days = market_days(price_days, int(years.min()) - 1, int(years.max()))  # type: ignore[arg-type]
    return rows.with_columns(ex_dates(rows["ex_date"], days).alias("ex_date"))
