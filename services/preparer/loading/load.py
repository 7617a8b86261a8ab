"""Loading of a market directory into PostgreSQL (`ondol load`, `python -m services.preparer.load DIR`)."""

from __future__ import annotations

import asyncio
import pathlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from services.preparer.loading import earlier_rows
from services.preparer.loading.base_price_check import BasePriceCheck
from services.preparer.loading.files import MarketFiles, find_files
from services.preparer.loading.known import Known
from services.preparer.loading.price_rules import PriceCounts
from services.preparer.loading.prices import ChangeUnit, MergedGroup, groups, merge_group, spill_prices
from services.preparer.loading.quality import make_report
from services.preparer.loading.refusals import NO_REFUSALS, Refusals
from services.preparer.loading.revision import (
    Revision,
    Scope,
    begin,
    day_scope,
    record,
    rows_by_kind,
    trading_days,
    writer_connection,
)
from services.preparer.loading.stored_prices import replace_rows
from services.preparer.loading.tables import (
    STATEMENT_COLUMNS,
    Companies,
    merge_table,
    read_companies,
    read_dividends,
    read_indices,
    read_listings,
    read_statements,
    refuse_prices_after_delisting,
)
from services.preparer.loading.thin_days import refuse_thin_days
from shared.infra.database.pool import lone_connection
from shared.infra.database.sql import statements
from shared.infra.market_tables import copy_out, fill_tradable_days
from shared.infra.price_copy import HEADER, TRAILER
from shared.infra.quality_reports import read_report
from shared.model.fields import PART
from shared.quality.report import QualityReport

_SQL = statements("load")
_READ = statements("market")
_REVISIONS = statements("revisions")

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how much is done, of how much or None)."""


@dataclass(kw_only=True)
class LoadReport:
    """The result of a load. `revision` is None when nothing differed, and for a dry run."""

    rows: dict[str, int] = field(default_factory=dict)
    differing: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, tuple[str, ...]] = field(default_factory=dict)
    prices: PriceCounts = field(default_factory=PriceCounts)
    indices_without_value: int = 0
    """Index rows with a close of 0 or less."""
    revision: int | None = None
    seconds: float = 0.0
    quality: QualityReport | None = None
    """What the checks found in everything that is stored; None before the first revision and for a dry run."""


def silent(what: str, done: int, total: int | None) -> None:
    """Ignore the progress."""


async def load_market(
    directory: pathlib.Path,
    database_url: str,
    progress: Progress = silent,
    *,
    change_unit: ChangeUnit = "won",
    dry_run: bool = False,
    refusals: Refusals = NO_REFUSALS,
) -> LoadReport:
    """Load the files of `directory` in one transaction; a revision is made only when some row differs.

    A dry run does everything, takes it back, and returns what would differ. LoadError (file, row, reason) leaves
    everything as it was. Memory is bounded whatever the size of the prices; rows
    are sorted in temporary files (TMPDIR), about 112 bytes each.
    """
    started = time.monotonic()
    files = find_files(directory)
    report = LoadReport(
        ignored={file.name: file.ignored for kind in files.values() for file in kind.files if file.ignored}
    )
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-load-"))
    try:
        async with (
            writer_connection(database_url) as writer,
            lone_connection(database_url, statement_timeout="0") as reader,
        ):
            work = _Load(
                directory=directory, files=files, folder=folder, writer=writer, reader=reader, progress=progress,
                change_unit=change_unit, dry_run=dry_run, refusals=refusals,
            )  # fmt: skip
            await _load(work, report)
            if not dry_run:
                progress("checking quality", 0, None)
                report.quality = await _report_quality(writer, report.revision)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.seconds = time.monotonic() - started
    return report


@dataclass(frozen=True, kw_only=True)
class _Load:
    """The inputs of one load: a connection that writes, and one that reads the rows stored before."""

    directory: pathlib.Path
    files: dict[str, MarketFiles]
    folder: pathlib.Path
    writer: asyncpg.Connection
    reader: asyncpg.Connection
    progress: Progress
    change_unit: ChangeUnit
    dry_run: bool
    refusals: Refusals


async def _report_quality(writer: asyncpg.Connection, revision: int | None) -> QualityReport | None:
    """Return the report of the revision of this load, else the newest one."""
    return await read_report(writer) if revision is None else await make_report(writer, revision)


async def _load(work: _Load, report: LoadReport) -> None:
    files, writer, progress = work.files, work.writer, work.progress
    companies = await read_companies(files.get("companies"), writer, work.refusals)
    known = companies.known
    if "companies" in files:
        report.rows["companies"] = companies.rows
    if "prices" in files:
        report.rows["prices"] = await asyncio.to_thread(
            spill_prices, files["prices"], known, work.folder, report.prices, work.change_unit, work.refusals,
            lambda done: progress("checking prices", done, None),
        )  # fmt: skip
    tables = await asyncio.to_thread(_read_tables, files, known, report)
    transaction = writer.transaction()
    await transaction.start()
    try:
        await _write(work, companies, tables, report)
    except BaseException:
        if not writer.is_closed():
            await transaction.rollback()
        raise
    await (transaction.rollback() if work.dry_run else transaction.commit())


async def _write(work: _Load, companies: Companies, tables: dict[str, Any], report: LoadReport) -> None:
    """Write everything inside the transaction, and the revision with its scope when some row differs."""
    files, writer, known = work.files, work.writer, companies.known
    number = await begin(writer)
    await fill_tradable_days(writer)
    scope = await _write_companies(files.get("companies"), companies, writer, number)
    if "prices" in files:
        scope += await _write_prices(work, files["prices"], known, number)
    scope += await _write_tables(tables, writer, number)
    report.differing = rows_by_kind(scope)
    if scope and not work.dry_run:
        source = str(work.directory.resolve())
        await record(writer, Revision(id=number, kind="load", source=source, scope=scope))
        report.revision = number


def _read_tables(files: dict[str, MarketFiles], known: Known, report: LoadReport) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    if "financials" in files:
        tables["statement"] = read_statements(files["financials"], known)
    if "dividends" in files:
        tables["dividend"] = read_dividends(files["dividends"], known)
    if "listings" in files:
        tables["listing"] = read_listings(files["listings"], known)
    if "indices" in files:
        tables["index"] = read_indices(files["indices"])
        report.indices_without_value = sum(row[-1] <= 0 for row in tables["index"])
    names = {"statement": "financials", "dividend": "dividends", "listing": "listings", "index": "indices"}
    report.rows |= {names[kind]: len(rows) for kind, rows in tables.items()}
    return tables


async def _write_companies(
    file: MarketFiles | None, companies: Companies, writer: asyncpg.Connection, number: int
) -> list[Scope]:
    changed = [row[0] for row in companies.changed]
    await earlier_rows.store_previous(writer, earlier_rows.INSTRUMENTS, number, _REVISIONS["ordinals"], changed)
    await writer.executemany(_SQL["add_instrument"], companies.changed)
    await refuse_prices_after_delisting(file, writer)
    return companies.scope


async def _write_prices(work: _Load, file: MarketFiles, known: Known, number: int) -> list[Scope]:
    """Merge group after group; while one is written, the next is read and sorted in a thread."""
    stored = {(row["part"], row["year"]) for row in await work.reader.fetch(_SQL["stored_years"])}
    waiting = list(groups(work.folder))
    base_prices = BasePriceCheck(file, known)
    first_year: dict[int, int] = {}
    differing: dict[int, int] = {}
    days: set[int] = set()
    days_before = await trading_days(work.writer)

    async def merge(group: tuple[int, int, pathlib.Path]) -> MergedGroup:
        part, year, _ = group
        old = None
        if (part, year) in stored:
            old = await copy_out(work.reader, _READ["prices"], part * PART, (part + 1) * PART, year, year)
        return await asyncio.to_thread(merge_group, file, known, group, old, base_prices)

    coming: list[asyncio.Task[MergedGroup]] = [asyncio.create_task(merge(group)) for group in waiting[:1]]
    try:
        for done, (part, year, _) in enumerate(waiting, 1):
            merged = await coming.pop()
            coming += [asyncio.create_task(merge(group)) for group in waiting[done : done + 1]]
            if merged.rows:
                await replace_rows(merged, work.writer, number, exists=(part, year) in stored)
                first_year[part] = min(year, first_year.get(part, year))
                differing[part] = merged.differing + differing.get(part, 0)
                days.update(merged.days)
            work.progress("storing prices", done, len(waiting))
    finally:
        for task in coming:
            task.cancel()
    await refuse_thin_days(work.refusals, file, work.writer, sorted(days))
    scope = [Scope(kind="price", part=part, from_year=first_year[part], rows=differing[part]) for part in first_year]
    return scope + day_scope(days_before, await trading_days(work.writer))


async def _write_tables(tables: dict[str, Any], writer: asyncpg.Connection, number: int) -> list[Scope]:
    scope: list[Scope] = []
    if "statement" in tables:
        await writer.execute(_SQL["stage_statements"])
        await writer.copy_to_table(
            "statement_new", source=_records(tables["statement"]), columns=STATEMENT_COLUMNS, format="binary"
        )
        scope += await merge_table(writer, earlier_rows.STATEMENTS, number)
    if "listing" in tables:
        await writer.execute(_SQL["stage_listings"])
        await writer.copy_records_to_table("listing_new", records=tables["listing"])
        scope += await merge_table(writer, earlier_rows.LISTINGS, number)
    if "dividend" in tables:
        await writer.execute(_SQL["stage_dividends"])
        await writer.copy_records_to_table("dividend_new", records=tables["dividend"])
        scope += await merge_table(writer, earlier_rows.DIVIDENDS, number)
    if "index" in tables:
        await writer.execute(_SQL["stage_indices"])
        await writer.copy_records_to_table("index_new", records=tables["index"])
        scope += await merge_table(writer, earlier_rows.INDICES, number)
    return scope


async def _records(table: Any) -> AsyncIterator[bytes]:
    yield HEADER
    for start in range(0, len(table), 8192):
        yield table[start : start + 8192].tobytes()
    yield TRAILER
