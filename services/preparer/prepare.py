"""Making a dataset version of the newest data revision: read, compute, encode, publish.

1. Take a fence, then see which revision is newest and what the revisions since the current version changed.
2. For each part of 512 instruments: nothing changed, take it over; otherwise read the years that changed from the
   market tables, earlier years from the current version's parts, and build it in a thread (both cores at once).
3. New parts go to the record and to the cache as they come.
4. The version is the hash of what it consists of. It becomes current only if no newer builder was first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import structlog

from services.preparer import record
from services.preparer.about import about, reasons_of, summaries_from_bytes, summaries_to_bytes
from services.preparer.build import Array
from services.preparer.parts import BuiltPart, PartSummary, Source, build_part
from shared.dataset.chunk import LAWS, part_columns, part_count
from shared.dataset.encode import manifest_of
from shared.dataset.history import HISTORY, history, names_needed
from shared.dataset.manifest import DERIVED_VERSION, FORMAT, Manifest, content_of, to_bytes
from shared.errors import DatasetError, OndolError
from shared.factors.catalogue import BY_KEY, FACTORS
from shared.infra import market
from shared.infra.cache import Cache
from shared.infra.postgres import Database, lone_connection
from shared.model.calendar import year_slices
from shared.model.fields import STORED
from shared.model.instruments import Instruments
from shared.model.raw import PRICE_COLUMNS, Dividends, Statements

log = structlog.get_logger()

LONG_ROWS = 2000
"""From so many rows on no part is read ahead: one of 30 years takes about a gigabyte while it is built."""

NEVER = 1 << 30
"""The first year of a part in which nothing changed."""


class SupersededError(OndolError):
    """Another builder took over while this one worked; its version counts."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """What a build works with."""

    database: Database
    database_url: str
    cache: Cache
    workers: int
    factors: tuple[str, ...] | None = None
    """Factor keys to build; None means the whole catalogue."""
    warm_years: int = 5
    """Calendar years before the last trading day's whose parts are copied to the cache at once."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The factor keys, in the order of the catalogue."""
        return tuple(f.key for f in FACTORS if self.factors is None or f.key in self.factors)

    @property
    def factor_versions(self) -> dict[str, int]:
        """Key -> version of its code."""
        return {key: BY_KEY[key].version for key in self.keys}


@dataclass(kw_only=True)
class Report:
    """What a preparation did. `version` None: no market data are loaded."""

    version: str | None = None
    revision: int | None = None
    published: bool = False
    parts_built: int = 0
    parts_taken: int = 0
    encoded_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, since: float) -> float:
        """Add the time since `since` to a stage and return now."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now


@dataclass(frozen=True, kw_only=True)
class _Market:
    """The market without prices and statements, and where the work begins for each part."""

    days: Array
    instruments: Instruments
    indices: Mapping[str, Array]
    dividends: Dividends
    first_years: tuple[int, ...]
    before: Manifest | None
    summaries: Sequence[PartSummary]

    @property
    def years(self) -> dict[int, slice]:
        """Calendar year -> its rows."""
        return year_slices(self.days)


class _Still:
    """Whether a build may go on: `lost` turns true when another builder may have begun."""

    lost = False


async def build(builder: Builder, *, rebuild: bool = False, lease: Any = None) -> Report:
    """Prepare the newest revision and publish it; does nothing when that is done. `rebuild` takes nothing over.

    lease: anything with a `lost` flag. Raises SupersededError when another builder was first.
    """
    lease = lease or _Still()
    report = Report()
    begun = now = time.perf_counter()
    fence = await record.next_fence(builder.database)
    async with lone_connection(
        builder.database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
    ) as connection, connection.transaction(isolation="repeatable_read", readonly=True):  # fmt: skip
        revision = await market.newest_revision(connection)
        if revision is None:
            return report
        current = await record.current(builder.database)
        same = current is not None and _same_code(builder, current.manifest)
        if current is not None and same and not rebuild and current.revision >= revision:
            report.version, report.revision = current.manifest.version, current.revision
            return report
        base = None if rebuild or not same else current
        shape = await _shape(connection, base, revision)
        now = report.add("look", now)
        built = await _build_parts(builder, connection, shape, report, lease)
    now = time.perf_counter()
    manifest, told, summary = await asyncio.to_thread(_assemble, builder, shape, built, revision, report)
    if lease.lost or not await record.publish(builder.database, manifest, fence, told, summary):
        raise SupersededError("Another preparer published a newer version meanwhile; this build is dropped.")
    await builder.cache.put_manifest(manifest.version, to_bytes(manifest))
    report.add("publish", now)
    report.seconds["total"] = time.perf_counter() - begun
    report.version, report.revision, report.published = manifest.version, revision, True
    log.info("dataset.built", version=manifest.version, revision=revision, built=report.parts_built,
             taken=report.parts_taken, **{f"{k}_s": round(v, 3) for k, v in report.seconds.items()})  # fmt: skip
    return report


def _same_code(builder: Builder, manifest: Manifest) -> bool:
    """The code that made a version would make the same today."""
    content = manifest.content
    return (
        content.format == FORMAT
        and content.derived_version == DERIVED_VERSION
        and content.factor_versions == builder.factor_versions
        and manifest.laws == LAWS
    )


async def _shape(connection: Any, current: record.Current | None, revision: int) -> _Market:
    """Days, instruments and the small tables, and from which year on each part has to be built."""
    instruments = await market.read_instruments(connection)
    days = await market.read_days(connection)
    indices = await market.read_indices(connection, days)
    dividends = await market.read_dividends(connection, 0, len(instruments))
    count = part_count(len(instruments))
    shape = _Market(
        days=days,
        instruments=instruments,
        indices=indices,
        dividends=dividends,
        first_years=(-NEVER,) * count,
        before=None,
        summaries=(),
    )
    if current is None or not len(days):
        return shape
    changed = await market.changes(connection, current.revision, revision)
    summaries = summaries_from_bytes(current.summary)
    return replace(
        shape,
        first_years=_first_years(shape, current.manifest, changed, len(summaries)),
        before=current.manifest,
        summaries=summaries,
    )


def _first_years(shape: _Market, before: Manifest, changed: Sequence[market.Change], known: int) -> tuple[int, ...]:
    """Part -> the first calendar year that has to be built; NEVER when nothing changed.

    A year whose trading days differ is built for every part, whatever the revisions say.
    """
    years, old_years = shape.years, before.years
    differing = [
        year
        for year in sorted({*years, *old_years})
        if year not in years
        or year not in old_years
        or not np.array_equal(shape.days[years[year]], before.days[old_years[year]])
    ]
    everywhere = differing[0] if differing else NEVER
    found = [everywhere if part < known else -NEVER for part in range(len(shape.first_years))]
    for change in changed:
        for part in range(len(found)) if change.part < 0 else [change.part]:
            found[part] = min(found[part], change.from_year)
    last = max(years)
    return tuple(year if year <= last else NEVER for year in found)


async def _build_parts(
    builder: Builder, connection: Any, shape: _Market, report: Report, lease: Any
) -> dict[int, BuiltPart]:
    """Read part after part (one snapshot, one connection) and build as many at once as there are workers."""
    built: dict[int, BuiltPart] = {}
    free = asyncio.Semaphore(builder.workers + (len(shape.days) < LONG_ROWS))
    working = asyncio.Semaphore(builder.workers)
    written: set[str] = set()

    async def work(part: int, source: Source, first: int) -> None:
        async with working:
            began = time.perf_counter()
            counts = shape.summaries[part].years if part < len(shape.summaries) else {}
            found = await asyncio.to_thread(build_part, source, builder.keys, first, counts)
            began = report.add("compute", began)
        new = {name: blob for name, blob in found.blobs.items() if name not in written}
        written.update(new)
        await _store(builder, shape, found, new)
        report.add("store", began)
        report.parts_built += len(new)
        report.encoded_bytes += sum(map(len, new.values()))
        built[part] = replace(found, blobs={})
        free.release()

    try:
        async with asyncio.TaskGroup() as group:
            for part, first in enumerate(shape.first_years):
                if first == NEVER:
                    continue
                await free.acquire()
                if lease.lost:
                    raise SupersededError("Another preparer took over; this build is dropped.")
                began = time.perf_counter()
                source, from_year = await _source(builder, connection, shape, part, first)
                report.add("read", began)
                group.create_task(work(part, source, from_year))
                del source
    except BaseExceptionGroup as failed:  # one part's error stands for the build's; the others were cancelled by it
        raise _first_of(failed) from failed
    return built


def _first_of(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _store(builder: Builder, shape: _Market, found: BuiltPart, new: Mapping[str, bytes]) -> None:
    """New parts into the record, those of the warm years into the cache, too."""
    newest = max(shape.years)
    warm = {name: blob for name, blob in new.items() if found.year_of[name] >= newest - builder.warm_years}
    await asyncio.gather(record.write_parts(builder.database, new), builder.cache.put_parts(warm))


async def _source(builder: Builder, connection: Any, shape: _Market, part: int, first: int) -> tuple[Source, int]:
    """Everything that the build of a part reads, and the first year to build."""
    columns = part_columns(part, len(shape.instruments))
    years = [year for year in shape.years if year < first]
    past = await _history(builder, shape, part, years)
    if past is None:
        years, first = [], min(shape.years)
    start = shape.years[years[-1]].stop if years else 0
    prices = await market.read_prices(connection, shape.days[start:], columns.start, columns.stop)
    if past is not None and start:
        count = columns.stop - columns.start
        nothing = np.full((start, count), np.nan)
        prices = {
            name: np.concatenate([past[name][:, :count] if name in HISTORY else nothing, prices[name]])
            for name in PRICE_COLUMNS
        }
    statements = await market.read_statements(connection, columns.start, columns.stop)
    return Source(
        days=shape.days,
        instruments=_cut(shape.instruments, columns),
        prices=prices,
        statements=_shifted_statements(statements, columns.start),
        dividends=_shifted_dividends(shape.dividends, columns),
        indices=shape.indices,
    ), max(first, min(shape.years))


async def _history(builder: Builder, shape: _Market, part: int, years: Sequence[int]) -> dict[str, Array] | None:
    """The unchanged years of a part from the current version; None when they have to be read from the market tables."""
    if not years or shape.before is None:
        return None
    names = names_needed(shape.before, part, years)
    blobs = await builder.cache.get_parts(names)
    blobs |= await record.read_parts(builder.database, [name for name in names if name not in blobs])
    try:
        return await asyncio.to_thread(history, shape.before, part, years, blobs)
    except DatasetError as error:
        log.warning("history.unreadable", part=part, error=str(error))
        return None


def _cut(instruments: Instruments, columns: slice) -> Instruments:
    return Instruments(**{name: getattr(instruments, name)[columns] for name in instruments.__struct_fields__})


def _shifted_statements(found: Statements, first: int) -> Statements:
    return replace(found, instrument=(found.instrument - first).astype(np.int32))


def _shifted_dividends(found: Dividends, columns: slice) -> Dividends:
    inside = (found.instrument >= columns.start) & (found.instrument < columns.stop)
    return Dividends(
        instrument=(found.instrument[inside] - columns.start).astype(np.int32),
        ex_date=found.ex_date[inside],
        dps=found.dps[inside],
        disclosed_on=found.disclosed_on[inside],
    )


def _assemble(
    builder: Builder, shape: _Market, built: Mapping[int, BuiltPart], revision: int, report: Report
) -> tuple[Manifest, bytes, bytes]:
    """Manifest, what is told about the version, and the summaries for the next build."""
    count = len(shape.first_years)
    chunks: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in (*STORED, *builder.keys):
        chunks[name] = {str(y): tuple(_name(shape, built, name, y, part) for part in range(count)) for y in shape.years}
    content = content_of(
        days=shape.days,
        instruments=shape.instruments,
        factor_versions=builder.factor_versions,
        chunks=chunks,
        indices=dict(shape.indices),
        dividends=shape.dividends,
    )
    summaries = [built[part].summary if part in built else shape.summaries[part] for part in range(count)]
    manifest = manifest_of(content, revision, reasons_of(summaries))
    total = len(manifest.part_names())
    report.parts_taken = total - report.parts_built
    sizes = {"parts": total, "parts_built": report.parts_built, "encoded_bytes_built": report.encoded_bytes}
    told = about(days=shape.days, instruments=shape.instruments, keys=builder.keys, summaries=summaries, sizes=sizes)
    return manifest, told, summaries_to_bytes(summaries)


def _name(shape: _Market, built: Mapping[int, BuiltPart], name: str, year: int, part: int) -> str:
    if part in built and year in built[part].names[name]:
        return built[part].names[name][year]
    if shape.before is None:
        raise DatasetError(f"part {part} of {name} in {year} was neither built nor taken over")
    return shape.before.content.chunks[name][str(year)][part]
