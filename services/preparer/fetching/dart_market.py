"""Statements and dividends from the stored answers of OpenDART: a pure function of them, business year after year."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from services.preparer.fetching.dart import SOURCE
from services.preparer.fetching.krx_market import replace_file
from services.preparer.fetching.raw_store import AnswerName, RawStore
from shared.market_files.dart_answers import corporations, dart_rows, page_count
from shared.market_files.dart_dividends import STATED_SCHEMA, dividend_rows, stated_dividends
from shared.market_files.dart_filings import FILINGS_SCHEMA, filings_of
from shared.market_files.dart_lines import LINES_SCHEMA, api_lines
from shared.market_files.dart_statements import DartTables, coverage, financial_rows
from shared.market_files.dart_xbrl import xbrl_rows

VERSION = 1
"""Part of the name of cached years; raised when a rule of this module or of the account lines changes."""
BATCH_ROWS = 200_000

_STATEMENT_FIELDS = (
    "rcept_no", "reprt_code", "bsns_year", "corp_code", "fs_div", "sj_div", "account_id", "account_nm",
    "account_detail", "thstrm_amount", "thstrm_add_amount", "currency",
)  # fmt: skip
_DIVIDEND_FIELDS = ("rcept_no", "corp_code", "se", "thstrm", "stock_knd", "stlm_dt")


@dataclass(kw_only=True)
class DartFiles:
    """Rows of `financials` and `dividends` (None: nothing is stored), and notes for the user."""

    financials: pl.DataFrame | None = None
    dividends: pl.DataFrame | None = None
    notes: list[str] = field(default_factory=list)


def read_dart(
    store: RawStore, codes: frozenset[str] | None, price_days: Sequence[dt.date], *, approximate: bool
) -> DartFiles:
    """Return the statements and dividends of the stocks `codes` (None: all) from everything that is stored."""
    found = DartFiles()
    tables = _tables(store)
    lines = _cached_years(store, "fnlttSinglAcntAll", _statement_lines, LINES_SCHEMA)
    if not lines.is_empty():
        originals = _original_lines(store)
        made = financial_rows(pl.concat([lines, originals]), tables)
        rows = of_stocks(made.rows, codes)
        found.financials = rows
        found.notes += [f"statements: {note}" for note in made.notes]
        found.notes += [f"statements: {count:,} left out: {reason}" for reason, count in made.dropped.items()]
        if made.rows.height > rows.height:
            found.notes.append(f"statements: {made.rows.height - rows.height:,} left out: their stock has no prices")
        low = [f"{name} {share:.0%}" for name, share in coverage(rows).items() if share < 0.9]
        if low:
            found.notes.append(f"statements: accounts that fewer than 90 % of the statements have: {', '.join(low)}")
    stated = _cached_years(store, "alotMatter", _stated_dividends, STATED_SCHEMA)
    if not stated.is_empty():
        dividends = dividend_rows(
            stated, tables, codes=codes or frozenset(), price_days=price_days, approximate=approximate
        )
        found.dividends = of_stocks(dividends.rows.filter(pl.col("ex_date").is_not_null()), codes)
        found.notes += [f"dividends: {note}" for note in dividends.notes]
        found.notes += [f"dividends: {count:,} left out: {reason}" for reason, count in dividends.dropped.items()]
    return found


def of_stocks(rows: pl.DataFrame, codes: frozenset[str] | None) -> pl.DataFrame:
    """Return the rows of these stocks, all of them for None."""
    return rows if codes is None else rows.filter(pl.col("stock_code").is_in(sorted(codes)))


def stored_filings(store: RawStore) -> pl.DataFrame:
    """Return the periodic reports (FILINGS_SCHEMA) of all stored filing lists."""
    frames = [pl.DataFrame(schema=FILINGS_SCHEMA)]
    rows = [row for name in _stored(store, "list") if (data := store.read(name)) for row in _list_rows(data)]
    if rows:
        frames.append(filings_of(pl.DataFrame(rows, infer_schema_length=None)).reports)
    return pl.concat(frames).unique("receipt", keep="last", maintain_order=True)


def _list_rows(data: bytes) -> list[dict[str, object]]:
    return dart_rows(data) if page_count(data) else []


def _tables(store: RawStore) -> DartTables:
    newest = max(_stored(store, "corpCode"), key=lambda name: name.name, default=None)
    data = None if newest is None else store.read(newest)
    stocks = pl.DataFrame(schema={"corp_code": pl.String, "stock_code": pl.String})
    return DartTables(
        filings=stored_filings(store), period_ends=pl.DataFrame(schema={"receipt": pl.String, "period_end": pl.Date}),
        stocks=stocks if data is None else corporations(data),
    )  # fmt: skip


def _stored(store: RawStore, api: str) -> list[AnswerName]:
    return [AnswerName(source=SOURCE, api=api, name=name) for name in sorted(store.names(SOURCE, api))]


def _cached_years(
    store: RawStore, api: str, read: Callable[[RawStore, Sequence[AnswerName]], pl.DataFrame], schema: Mapping[str, Any]
) -> pl.DataFrame:
    """Return what `read` makes of the answers of an API, each business year from a file while its answers are same."""
    folder = store.root / "years"
    years: dict[str, list[AnswerName]] = {}
    for name in _stored(store, api):
        years.setdefault(name.name.partition("/")[0], []).append(name)
    frames = [pl.DataFrame(schema=schema)]
    for year, names in years.items():
        path = folder / f"{api}-{year}-{_fingerprint(store.root / SOURCE / api / year)}.parquet"
        if not path.exists():
            rows = read(store, names)
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob(f"{api}-{year}-*"):
                old.unlink()
            replace_file(rows, path)
        frames.append(pl.read_parquet(path))
    return pl.concat(frames)


def _fingerprint(folder: pathlib.Path) -> str:
    """Return a digest of the names, sizes and inodes of the answers of a folder."""
    digest = hashlib.sha256(str(VERSION).encode())
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        if entry.is_file() and not entry.name.startswith("."):
            found = entry.stat()
            digest.update(f" {entry.name} {found.st_size} {found.st_ino}".encode())
    return digest.hexdigest()[:16]


def _batches(store: RawStore, names: Sequence[AnswerName], fields: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield frames of the rows of answers and of those that they replaced; `fs_div` comes from the name."""
    schema = dict.fromkeys(fields, pl.String)
    cells: dict[str, list[str | None]] = {name: [] for name in fields}
    for name in names:
        basis = name.name.removesuffix(".json").rpartition("-")[2]
        for data in store.versions(name):
            rows = dart_rows(data)
            for column, values in cells.items():
                if column == "fs_div":
                    values.extend([basis] * len(rows))
                else:
                    values.extend(None if (cell := row.get(column)) is None else str(cell) for row in rows)
        if len(cells[fields[0]]) >= BATCH_ROWS:
            yield pl.DataFrame(cells, schema=schema)
            cells = {column: [] for column in fields}
    if cells[fields[0]]:
        yield pl.DataFrame(cells, schema=schema)


def _statement_lines(store: RawStore, names: Sequence[AnswerName]) -> pl.DataFrame:
    frames = (api_lines(frame).rows for frame in _batches(store, names, _STATEMENT_FIELDS))
    return pl.concat([pl.DataFrame(schema=LINES_SCHEMA), *frames])


def _stated_dividends(store: RawStore, names: Sequence[AnswerName]) -> pl.DataFrame:
    frames = (stated_dividends(frame)[0] for frame in _batches(store, names, _DIVIDEND_FIELDS))
    return pl.concat([pl.DataFrame(schema=STATED_SCHEMA), *frames])


def _original_lines(store: RawStore) -> pl.DataFrame:
    """Return the account lines of the stored XBRL documents."""
    frames = [pl.DataFrame(schema=LINES_SCHEMA)]
    for name in _stored(store, "fnlttXbrl"):
        receipt, corp, code, end = name.name.partition("/")[2].removesuffix(".zip").split("-")
        data = store.read(name)
        if data is None:
            continue
        rows = xbrl_rows(
            data, receipt=receipt, corp_code=corp, report=code, year=int(name.name[:4]),
            period_end=dt.datetime.strptime(end, "%Y%m%d").date(),
        )  # fmt: skip
        if rows.height:
            frames.append(api_lines(rows).rows)
    return pl.concat(frames)


def payers(store: RawStore) -> frozenset[str]:
    """Return the corporations that stated a dividend in a stored report."""
    stated = _cached_years(store, "alotMatter", _stated_dividends, STATED_SCHEMA)
    return frozenset(stated.filter(pl.col("dps") > 0)["corp_code"].drop_nulls())
