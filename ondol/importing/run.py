"""Import files: recognise each, convert its rows, and write one Parquet file for each kind."""

from __future__ import annotations

import pathlib
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from ondol.importing import companies, indices, prices
from ondol.importing.merge import YearParts
from ondol.importing.options import Options
from ondol.importing.readers import Document, Table, open_documents
from ondol.importing.report import FileReport, ImportReport, file_report
from ondol.importing.sources import Source, sources_in
from ondol.importing.statements import DartFiles
from shared.market_files.cells import FileRefusedError, Rows, code_in, date_in
from shared.market_files.markets import LISTINGS_SCHEMA
from shared.market_files.signatures import Signature, is_load_format, nearest, recognise
from shared.market_files.wide import wide_table

COMPACT_ROWS = 500_000
NO_TABLE = "sheet without a known table, left out"
FILES = ("companies", "listings", "prices", "financials", "dividends", "indices")
WIDE = Signature("wide sheet of prices (DataGuide)", "prices", frozenset())
ADJUSTED_WIDE = Signature("wide sheet of prices (DataGuide)", "prices", frozenset(), adjusted=True)
_OUTPUT = {"lines": "financials", "bulk": "financials", "dividends": "dividends", "records": "dividends"}
"""Kind of a signature -> the file that it becomes, where the names differ."""


@dataclass(kw_only=True)
class _Collected:
    prices: YearParts
    indices: YearParts
    dart: DartFiles = field(default_factory=DartFiles)
    companies: list[pl.DataFrame] = field(default_factory=list)
    listings: list[pl.DataFrame] = field(default_factory=list)
    last_days: list[pl.DataFrame] = field(default_factory=list)

    def add_listings(self, listings: pl.DataFrame, last_days: pl.DataFrame) -> None:
        """Add the listings and the last days of a price file; many daily files are compacted on the way."""
        self.listings.append(listings)
        self.last_days.append(last_days)
        if sum(frame.height for frame in self.listings) > COMPACT_ROWS or len(self.last_days) > 500:
            self.listings = [prices.changes_of(pl.concat(self.listings), ends=True)]
            self.last_days = [_newest(self.last_days)]


def import_files(
    paths: Sequence[pathlib.Path], out: pathlib.Path, options: Options, progress: Callable[[str, int, int | None], None]
) -> ImportReport:
    """Convert `paths` (files) and write the files of the load format into the directory `out`.

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
            try:
                for source in sources_in(path, pathlib.Path(scratch)):
                    files += _import_file(source, options, collected)
            except FileRefusedError as error:
                files.append(FileReport(path=str(path), error=str(error)))
        progress("files", len(paths), len(paths))
        return _write(out, collected, files, options)


def _import_file(source: Source, options: Options, into: _Collected) -> list[FileReport]:
    """Return the report of a file, or of each sheet of a workbook."""
    reports: list[FileReport] = []
    unknown: list[FileReport] = []
    try:
        for document in open_documents(source.path):
            report = _import_document(_named(source, document.sheet), document, options, into)
            (reports if document.is_known else unknown).append(report)
    except FileRefusedError as error:
        return [*reports, FileReport(path=source.label, error=str(error))]
    if not reports:
        return unknown[:1]
    return reports + [replace(report, recognised=NO_TABLE, error=None) for report in unknown]


def _named(source: Source, sheet: str | None) -> Source:
    """Return the source of a sheet; its name may state the day or the code."""
    if sheet is None:
        return source
    return replace(source, name=f"{source.name} {sheet}", label=f"{source.label}, sheet {sheet}")


def _import_document(source: Source, document: Document, options: Options, into: _Collected) -> FileReport:
    found: Signature | None = None
    try:
        if document.is_empty:
            return FileReport(path=source.label, recognised="answer without rows (holiday, or not published yet)")
        if document.is_wide:
            found = WIDE
            rows, dropped = _wide_prices(source, document, options, into)
            return file_report(source.label, found.name, rows, dropped)
        found = recognise(document.columns)
        if is_load_format(document.columns) and (found is None or found.name not in _SOURCES_IN_LOAD_FORMAT):
            raise FileRefusedError(
                "is in the load format already: put it into the directory of ondol load under the name of its kind"
            )
        if found is None:
            raise FileRefusedError(_unknown(document))
        if found.kind == "unused":
            height = document.read(lambda key: True).frame.height
            return file_report(source.label, found.name, 0, {_UNUSED[found.name]: Rows(count=height)})
        rows, dropped = _convert(source, document, found, options, into)
    except FileRefusedError as error:
        return FileReport(path=source.label, recognised=found.name if found else None, error=str(error))
    return file_report(source.label, found.name, rows, dropped)


_SOURCES_IN_LOAD_FORMAT = frozenset({"marcap"})
_UNUSED = {
    "KRX ratios of stocks": "row of ratios (factors are computed from statements and prices)",
    "DART decisions on capital": "decision on capital (splits follow from base prices)",
}


def _unknown(document: Document) -> str:
    shown = ", ".join(name or "(no name)" for name in document.columns[:20]) or "none"
    text = f"no known file has these columns: {shown}"
    if 2 * sum(bool(re.match(r"[\d.,/+-]+$", name)) for name in document.columns) > len(document.columns):
        return f"{text}; they look like data: add a line with the names of the columns above them"
    near = nearest(document.columns)
    return text if near is None else f"{text}; the nearest is {near[0].name}, which also has {', '.join(near[1])}"


def _convert(
    source: Source, document: Document, found: Signature, options: Options, into: _Collected
) -> tuple[int, dict[str, Rows]]:
    index = indices.index_in(source.name) if found.one else None
    kind = "indices" if found.kind == "prices" and index and not code_in(source.name) else found.kind
    if options.kind == "companies" and kind == "prices":
        kind = "companies"
    output = _OUTPUT.get(kind, kind)
    if output in ("prices", "companies", "indices", "financials", "dividends") and options.kind not in (None, output):
        raise FileRefusedError(f"holds {output}, not {options.kind}")
    if kind == "indices":
        table = document.read(indices.WANTED.__contains__)
        day = options.date or date_in(source.name)
        rows, dropped = indices.index_rows(table, index, date=day, drop_broken=options.drop_broken)
        into.indices.add(rows)
        return rows.height, dropped
    if kind == "companies":
        table = document.read(companies.WANTED.__contains__)
        rows, dropped = companies.company_rows(table, drop_broken=options.drop_broken)
        into.companies.append(rows)
        return rows.height, dropped
    if kind == "prices":
        return _prices(source, document.read(prices.WANTED.__contains__), found, options, into)
    return into.dart.add(kind, document, source.name)


def _prices(
    source: Source, table: Table, found: Signature, options: Options, into: _Collected
) -> tuple[int, dict[str, Rows]]:
    converted = prices.price_rows(
        table, found, options, date=options.date or date_in(source.name), code=code_in(source.name)
    )
    into.prices.add(converted.rows)
    last_days = _newest([converted.rows.select("stock_code", pl.col("date").alias("last_day"))])
    into.add_listings(converted.listings, last_days)
    return converted.rows.height, converted.dropped


def _wide_prices(source: Source, document: Document, options: Options, into: _Collected) -> tuple[int, dict[str, Rows]]:
    if options.kind not in (None, "prices"):
        raise FileRefusedError(f"holds prices, not {options.kind}")
    wide = wide_table(document.rows(), drop_broken=options.drop_broken)
    table = Table(frame=wide.frame, units=wide.units, dropped=wide.dropped)
    return _prices(source, table, ADJUSTED_WIDE if wide.is_adjusted else WIDE, options, into)


def _write(out: pathlib.Path, collected: _Collected, files: list[FileReport], options: Options) -> ImportReport:
    written: dict[str, int] = {}
    dropped: dict[str, int] = {}
    notes: list[str] = []
    filler = None if options.adjusted else collected.dart.share_filler()
    for name, parts in (("prices", collected.prices), ("indices", collected.indices)):
        finish = prices.with_prices if filler is None else lambda rows: filler(prices.with_prices(rows))
        result = parts.write(out / f"{name}.parquet", finish if name == "prices" else None)
        if result is not None:
            if result.left_out:
                dropped["row with a market cap but without prices in any file"] = result.left_out
            if not result.rows:
                continue
            written[name] = result.rows
            if result.repeated:
                notes.append(
                    f"{name}: {result.repeated:,} rows repeat a key; {result.differing:,} keys have different values, "
                    "of which the last file counts"
                )
    if filler is not None and filler.filled:
        notes.append(
            f"{filler.filled:,} prices have the share count of the last report: new shares are seen when the next one "
            "is disclosed"
        )
    last_days = _newest(collected.last_days) if collected.last_days else None
    listings = prices.changes_of(pl.concat([pl.DataFrame(schema=LISTINGS_SCHEMA), *collected.listings]))
    merged = companies.merge_companies(collected.companies, listings, last_days)
    notes += merged.notes
    frames = {"companies": merged.companies, "listings": listings}
    financials = collected.dart.financials()
    if financials is not None:
        frames["financials"] = financials.rows
        dropped |= financials.dropped
        notes += financials.notes
    codes = merged.companies["stock_code"].to_list() + ([] if last_days is None else last_days["stock_code"].to_list())
    dividends = collected.dart.dividends(
        financials, frozenset(codes), collected.prices.days(), approximate=options.approximate_ex_dates
    )
    if dividends is not None:
        frames["dividends"] = dividends.rows
        dropped |= dividends.dropped
        notes += dividends.notes
    for name in ("financials", "dividends"):
        if name in frames and merged.companies.height:
            known = frames[name].join(merged.companies, on="stock_code", how="semi", maintain_order="left")
            if known.height < frames[name].height:
                reason = f"{name} of stocks that are not among the imported companies"
                dropped[reason] = frames[name].height - known.height
                frames[name] = known
    for name, frame in frames.items():
        if frame.height:
            frame.write_parquet(out / f"{name}.parquet")
            written[name] = frame.height
    former = [name for name in FILES if name not in written and (out / f"{name}.parquet").exists()]
    if former:
        notes.append(f"{', '.join(former)} of an earlier import stay in {out}: remove them if they do not belong there")
    return ImportReport(directory=str(out), files=files, written=written, dropped=dropped, notes=notes)


def _newest(last_days: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(last_days).group_by("stock_code").agg(pl.col("last_day").max())
