"""Rows of the index file from index tables of the exchange, pykrx and FinanceDataReader."""

from __future__ import annotations

import datetime as dt
import re

import polars as pl

from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError, Rows, left_out
from shared.market_files.column_names import COLUMN_NAMES
from shared.market_files.headers import key_of
from shared.market_files.index_names import INDEX_NAMES

NUMBERS = {name: (*COLUMN_NAMES[f"index_{name}"], *COLUMN_NAMES[name]) for name in ("close", "open", "high", "low")}
_READ = ("date", "index_name")
NAMES = {re.sub(r"\s", "", name): index for name, index in INDEX_NAMES.items()} | {
    "kospi": "KOSPI", "ks11": "KOSPI", "종합주가지수": "KOSPI", "kosdaq": "KOSDAQ", "kq11": "KOSDAQ",
    "kospi200": "KOSPI200", "ks200": "KOSPI200", "kosdaq150": "KOSDAQ150",
}  # fmt: skip
"""Names of indices without blanks, in lower case -> names of Ondol; other indices are left out."""
_FILE_NAMES = (
    (r"(?:KOSPI|코스피)[_ ]?200|KS200|(?<!\d)1028(?!\d)", "KOSPI200"),
    (r"(?:KOSDAQ|코스닥)[_ ]?150|KQ150|(?<!\d)2203(?!\d)", "KOSDAQ150"),
    (r"KOSDAQ|KQ11|(?<!\d)2001(?!\d)|코스닥", "KOSDAQ"),
    (r"KOSPI|KS11|(?<!\d)1001(?!\d)|코스피", "KOSPI"),
)

WANTED = frozenset(
    {key_of(name) for column in _READ for name in COLUMN_NAMES[column]}
    | {key_of(n) for names in NUMBERS.values() for n in names}
)
INDICES_SCHEMA = {"date": pl.Date, "index": pl.String, **dict.fromkeys(NUMBERS, pl.Float64)}


def index_in(name: str) -> str | None:
    """Return the index that a file name states (KOSPI, KS11, 1001, …), or None."""
    return next((index for pattern, index in _FILE_NAMES if re.search(pattern, name, re.IGNORECASE)), None)


def index_rows(
    table: Table, index: str | None, *, date: dt.date | None = None, drop_broken: bool = False
) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Convert an index table; `index` and `date` are those of all rows where no column states them.

    Returns rows of INDICES_SCHEMA, and rows that are left out by reason.
    """
    cells = Cells(table.frame)
    day = cells.dates(COLUMN_NAMES["date"])
    if day is None and date is None:
        raise FileRefusedError("has no date column and no date in its name: give --date YYYY-MM-DD")
    named = cells.texts(COLUMN_NAMES["index_name"])
    if named is None and index is None:
        raise FileRefusedError(
            "does not say which index it is: put KOSPI, KOSDAQ or KOSPI200 into the file name "
            "(prices of a stock need open, high, low and volume too)"
        )
    names: pl.Series | pl.Expr = pl.lit(index)
    if named is not None:
        plain = named.str.replace_all(r"\s", "").str.to_lowercase()
        names = plain.replace_strict(NAMES, default=None, return_dtype=pl.String)
    columns: dict[str, pl.Series | pl.Expr] = {"date": pl.lit(date) if day is None else day, "index": names}
    for name, sources in NUMBERS.items():
        values = cells.numbers(sources)
        columns[name] = pl.lit(None, pl.Float64) if values is None else values
    rows = pl.select(pl.int_range(table.frame.height).alias("row")).with_columns(**columns)
    dropped = dict(table.dropped)
    if not drop_broken:
        cells.refuse_broken()
    elif cells.bad is not None:
        rows = rows.filter(~cells.bad)
        dropped |= cells.broken
    rows = left_out(rows, "index that is not loaded", pl.col("index").is_null(), dropped)
    without = pl.col("date").is_null() | (pl.col("close").fill_null(0) <= 0)
    rows = left_out(rows, "row without a value", without, dropped)
    return rows.select(list(INDICES_SCHEMA)), dropped
