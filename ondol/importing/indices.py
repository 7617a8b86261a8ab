"""Rows of the index file from index tables of the exchange, pykrx and FinanceDataReader."""

from __future__ import annotations

import re

import polars as pl

from ondol.importing.readers import Table
from shared.market_files.cells import Cells, FileRefusedError
from shared.market_files.index_names import INDEX_NAMES

DATE = ("BAS_DD", "TRD_DD", "날짜", "Date")
NAME = ("IDX_NM",)
NUMBERS = {
    "close": ("CLSPRC_IDX", "종가", "Close"),
    "open": ("OPNPRC_IDX", "시가", "Open"),
    "high": ("HGPRC_IDX", "고가", "High"),
    "low": ("LWPRC_IDX", "저가", "Low"),
}
_FILE_NAMES = (
    (r"KOSPI[_ ]?200|KS200|(?<!\d)1028(?!\d)", "KOSPI200"),
    (r"KOSDAQ|KQ11|(?<!\d)2001(?!\d)|코스닥", "KOSDAQ"),
    (r"KOSPI|KS11|(?<!\d)1001(?!\d)|코스피", "KOSPI"),
)

WANTED = frozenset({*DATE, *NAME, *(n for names in NUMBERS.values() for n in names)})
INDICES_SCHEMA = {"date": pl.Date, "index": pl.String, **dict.fromkeys(NUMBERS, pl.Float64)}


def index_in(name: str) -> str | None:
    """Return the index that a file name states (KOSPI, KS11, 1001, …), or None."""
    return next((index for pattern, index in _FILE_NAMES if re.search(pattern, name, re.IGNORECASE)), None)


def index_rows(table: Table, index: str | None) -> tuple[pl.DataFrame, dict[str, int]]:
    """Convert an index table; `index` is the one of all rows where no column names it.

    Returns rows of INDICES_SCHEMA, and reason -> rows that are left out.
    """
    frame = table.frame
    cells = Cells(frame)
    day = cells.dates(DATE)
    if day is None:
        raise FileRefusedError("has no date column")
    named = cells.texts(NAME)
    if named is None and index is None:
        raise FileRefusedError("does not say which index it is: put KOSPI, KOSDAQ or KOSPI200 into the file name")
    names = pl.lit(index) if named is None else named.replace_strict(INDEX_NAMES, default=None, return_dtype=pl.String)
    columns: dict[str, pl.Series | pl.Expr] = {"date": day, "index": names}
    for name, sources in NUMBERS.items():
        values = cells.numbers(sources)
        columns[name] = pl.lit(None, pl.Float64) if values is None else values
    cells.refuse_broken()
    rows = pl.select(pl.int_range(frame.height).alias("row")).with_columns(**columns)
    dropped = {}
    for reason, bad in (
        ("index that is not loaded", pl.col("index").is_null()),
        ("row without a value", pl.col("date").is_null() | (pl.col("close").fill_null(0) <= 0)),
    ):
        kept = rows.filter(~bad)
        if kept.height < rows.height:
            dropped[reason] = rows.height - kept.height
        rows = kept
    return rows.select(list(INDICES_SCHEMA)), dropped
