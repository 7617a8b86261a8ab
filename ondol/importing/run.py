"""Import files: recognise each, convert its rows, and write one Parquet file for each kind."""

from __future__ import annotations

import datetime as dt
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from ondol.importing import companies, indices, prices
from ondol.importing.merge import YearParts
from ondol.importing.readers import read_columns, read_table
from ondol.importing.report import FileReport, ImportReport
from shared.market_files.cells import FileRefusedError, code_in, date_in
from shared.market_files.headers import SUFFIXES
from shared.market_files.signatures import Signature, identify

LISTINGS_SCHEMA = {"stock_code": pl.String, "from_date": pl.Date, "market": pl.String, "name": pl.String}

COMPACT_ROWS = 500_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user says about all files: kind, day of files without one, whether adjusted prices count, unit."""

    kind: str | None = None
    date: dt.date | None = None
    adjusted: bool = False
    unit: str | None = None


@dataclass(kw_only=True)
class _Collected:
    prices: YearParts
    indices: YearParts
    companies: list[pl.DataFrame] = field(default_factory=list)
    listings: list[pl.DataFrame] = field(default_factory=list)
    last_days: list[pl.DataFrame] = field(default_factory=list)

    def add_listings(self, listings: pl.DataFrame, last_days: pl.DataFrame) -> None:
        """Add the listings and the last days of a price file; many daily files are compacted on the way."""
        self.listings.append(listings)
        self.last_days.append(last_days)
        if sum(frame.height for frame in self.listings) > COMPACT_ROWS:
            self.listings = [prices.changes_of(pl.concat(self.listings), ends=True)]
            self.last_days = [_newest(self.last_days)]


def find_paths(paths: Sequence[pathlib.Path]) -> list[pathlib.Path]:
    """Return the files among `paths` and the data files below the directories among them, in order of their names."""
    found: dict[pathlib.Path, None] = {}
    for path in paths:
        below = sorted(p for p in path.rglob("*") if p.name.lower().endswith(SUFFIXES)) if path.is_dir() else [path]
        found |= dict.fromkeys(below)
    return list(found)


def import_files(
    paths: Sequence[pathlib.Path], out: pathlib.Path, options: Options, progress: Callable[[str, int, int | None], None]
) -> ImportReport:
    """Convert `paths` (files) and write prices, companies, listings and indices into the directory `out`.

    A file that is not recognised or refused is reported and left out; OSError when `out` cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=out) as scratch:
        parts = []
        for name, key in (("prices", ("date", "stock_code")), ("indices", ("date", "index"))):
            (pathlib.Path(scratch) / name).mkdir()
            parts.append(YearParts(pathlib.Path(scratch) / name, key))
        collected = _Collected(prices=parts[0], indices=parts[1])
        files = []
        for number, path in enumerate(paths):
            progress("files", number, len(paths))
            files.append(_import_file(path, options, collected))
        progress("files", len(paths), len(paths))
        return _write(out, collected, files)


def _import_file(path: pathlib.Path, options: Options, into: _Collected) -> FileReport:
    found: Signature | None = None
    try:
        columns = read_columns(path)
        if not columns and path.name.lower().endswith(".json"):
            return FileReport(path=str(path), recognised="answer without rows (holiday, or not published yet)")
        found = identify(columns)
        if found is None:
            shown = ", ".join(name for name in columns[:8]) or "none"
            raise FileRefusedError(f"no known file has these columns: {shown}")
        rows, dropped = _convert(path, found, options, into)
    except FileRefusedError as error:
        return FileReport(path=str(path), recognised=found.name if found else None, error=str(error))
    return FileReport(path=str(path), recognised=found.name, rows=rows, dropped=dropped)


def _convert(path: pathlib.Path, found: Signature, options: Options, into: _Collected) -> tuple[int, dict[str, int]]:
    index = indices.index_in(path.name) if found.one else None
    kind = "indices" if found.kind == "indices" or (found.adjusted and index and not code_in(path.name)) else found.kind
    if options.kind == "companies" and kind == "prices":
        kind = "companies"
    if options.kind not in (None, kind):
        raise FileRefusedError(f"holds {kind}, not {options.kind}")
    if kind == "indices":
        rows, dropped = indices.index_rows(read_table(path, indices.WANTED), index)
        into.indices.add(rows)
        return rows.height, dropped
    if kind == "companies":
        rows, dropped = companies.company_rows(read_table(path, companies.WANTED))
        into.companies.append(rows)
        return rows.height, dropped
    if found.adjusted and not options.adjusted:
        raise FileRefusedError(
            "prices are adjusted for later splits, so market caps, limits and ticks of the day would be wrong: use a "
            "source of raw prices, or say --adjusted"
        )
    table = prices.price_rows(
        read_table(path, prices.WANTED), date=options.date or date_in(path.name), code=code_in(path.name),
        adjusted=found.adjusted, unit=options.unit,
    )  # fmt: skip
    into.prices.add(table.rows)
    into.add_listings(table.listings, _newest([table.rows.select("stock_code", pl.col("date").alias("last_day"))]))
    return table.rows.height, table.dropped


def _write(out: pathlib.Path, collected: _Collected, files: list[FileReport]) -> ImportReport:
    written: dict[str, int] = {}
    notes: list[str] = []
    for name, parts in (("prices", collected.prices), ("indices", collected.indices)):
        result = parts.write(out / f"{name}.parquet")
        if result is not None:
            written[name] = result.rows
            if result.repeated:
                notes.append(
                    f"{name}: {result.repeated:,} rows repeat a key; {result.differing:,} keys have different values, "
                    "of which the last file counts"
                )
    last_days = _newest(collected.last_days) if collected.last_days else None
    listings = prices.changes_of(pl.concat([pl.DataFrame(schema=LISTINGS_SCHEMA), *collected.listings]))
    merged = companies.merge_companies(collected.companies, listings, last_days)
    notes += merged.notes
    if merged.companies.height:
        merged.companies.write_parquet(out / "companies.parquet")
        written["companies"] = merged.companies.height
    if listings.height:
        listings.write_parquet(out / "listings.parquet")
        written["listings"] = listings.height
    return ImportReport(directory=str(out), files=files, written=written, notes=notes)


def _newest(last_days: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(last_days).group_by("stock_code").agg(pl.col("last_day").max())
