"""Making a dataset version of the newest data revision: read, compute, encode, publish.

1. Take a fence, then see which revision is newest and what the revisions since the current version changed.
2. For each part of 512 instruments: nothing changed, take it over; otherwise read the years that changed from the
   market tables, earlier years from the current version's parts, and build it in a thread (both cores at once).
   Where other preparers are alive, they take parts of it (`services.preparer.distributed.leader`).
3. New parts go to the record and to the cache as they come.
4. The version is the hash of what it consists of. It becomes current only if no newer builder was first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.preparer import dataset_store
from services.preparer.build_plan import Builder, Market, code_of, same_code, shape_of, source_of
from services.preparer.distributed.leader import POLL_S, Crew, Order, Presence, offered
from services.preparer.part_builder import BuiltPart, Source
from services.preparer.part_store import Made, compute_part, store_part
from services.preparer.version_stats import about, reasons_of, summaries_to_bytes
from shared.dataset.encode import manifest_of
from shared.dataset.manifest import Manifest, content_of, to_bytes
from shared.errors import DatasetError, OndolError
from shared.infra import market_tables
from shared.infra.database.pool import lone_connection
from shared.model.fields import STORED

log = structlog.get_logger()

LONG_ROWS = 2000
"""From so many rows on no part is read ahead: one of 30 years takes about a gigabyte while it is built."""


class SupersededError(OndolError):
    """Another builder took over while this one worked; its version counts."""


@dataclass(kw_only=True)
class Report:
    """What a preparation did. `version` None: no market data are loaded."""

    version: str | None = None
    revision: int | None = None
    published: bool = False
    parts_built: int = 0
    parts_taken: int = 0
    parts_shared: int = 0
    """Parts of 512 instruments that other preparers built."""
    encoded_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, since: float) -> float:
        """Add the time since `since` to a stage and return now."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now


class _Still:
    """Whether a build may go on: `lost` turns true when another builder may have begun."""

    lost = False


async def build(
    builder: Builder, *, rebuild: bool = False, lease: Any = None, presence: Presence | None = None
) -> Report:
    """Prepare the newest revision and publish it; does nothing when that is done. `rebuild` takes nothing over.

    lease: anything with a `lost` flag. presence: shares the build with the preparers that it sees. Raises
    SupersededError when another builder was first.
    """
    lease = lease or _Still()
    report = Report()
    begun = now = time.perf_counter()
    fence = await dataset_store.next_fence(builder.database)
    async with builder.database.transaction() as writer:
        await market_tables.fill_tradable_days(writer)
    async with lone_connection(
        builder.database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
    ) as connection, connection.transaction(isolation="repeatable_read", readonly=True):  # fmt: skip
        revision = await market_tables.newest_revision(connection)
        if revision is None:
            return report
        current = await dataset_store.current(builder.database)
        same = current is not None and same_code(builder, current.manifest)
        if current is not None and same and not rebuild and current.revision >= revision:
            report.version, report.revision = current.manifest.version, current.revision
            return report
        base = None if rebuild or not same else current
        shape = await shape_of(connection, base, revision)
        now = report.add("look", now)
        async with _shared(builder, connection, shape, fence, revision, base, presence) as crew:
            built = await _build_parts(builder, connection, shape, report, lease, crew)
    now = time.perf_counter()
    manifest, told, summary = await asyncio.to_thread(_assemble, builder, shape, built, revision, report)
    if lease.lost or not await dataset_store.publish(builder.database, manifest, fence, told, summary):
        raise SupersededError("Another preparer published a newer version meanwhile; this build is dropped.")
    await builder.cache.put_manifest(manifest.version, to_bytes(manifest))
    report.add("publish", now)
    report.seconds["total"] = time.perf_counter() - begun
    report.version, report.revision, report.published = manifest.version, revision, True
    log.info("dataset.built", version=manifest.version, revision=revision, built=report.parts_built,
             taken=report.parts_taken, shared=report.parts_shared,
             **{f"{k}_s": round(v, 3) for k, v in report.seconds.items()})  # fmt: skip
    return report


@asynccontextmanager
async def _shared(  # noqa: PLR0917
    builder: Builder, connection: Any, shape: Market, fence: int, revision: int, base: dataset_store.Current | None,
    presence: Presence | None,
) -> AsyncIterator[Crew | None]:  # fmt: skip
    """The crew of a build, told of it; None when there is nothing to share or nobody to share it with."""
    if presence is None or len(shape.parts) < 2 or not await presence.others():
        yield None
        return
    order = Order(
        fence=fence,
        revision=revision,
        snapshot=await connection.fetchval("select pg_export_snapshot()"),
        base=base.manifest.version if base is not None else None,
        base_revision=base.revision if base is not None else 0,
        code=code_of(builder),
    )
    async with offered(presence.broker_url, order, shape.parts[1:]):
        yield Crew(builder.database, order, presence.name, builder.patience_s)


async def _build_parts(  # noqa: PLR0917
    builder: Builder, connection: Any, shape: Market, report: Report, lease: Any, crew: Crew | None
) -> dict[int, BuiltPart]:
    """Read part after part (one snapshot, one connection) and build as many at once as there are workers.

    With a crew, parts that others claimed are left to them and collected at the end; what they do not finish in time is
    built here.
    """
    built: dict[int, BuiltPart] = {}
    free = asyncio.Semaphore(builder.workers + (len(shape.days) < LONG_ROWS))
    working = asyncio.Semaphore(builder.workers)
    written: set[str] = set()

    async def work(part: int, source: Source, first: int, read_s: float) -> None:
        async with working:
            began = begun = time.perf_counter()
            found = await compute_part(builder, shape, part, source, first)
            began = report.add("compute", began)
        made = await store_part(builder, shape, found, written)
        began = report.add("store", began)
        if crew is not None:
            crew.took(read_s + began - begun)
        note(part, made)
        free.release()

    def note(part: int, made: Made) -> None:
        report.parts_built += made.parts
        report.encoded_bytes += made.encoded_bytes
        built[part] = made.part

    async def begin(part: int) -> None:
        began = time.perf_counter()
        source, from_year = await source_of(builder, connection, shape, part, shape.first_years[part])
        group.create_task(work(part, source, from_year, report.add("read", began) - began))

    def go_on() -> None:
        if lease.lost:
            raise SupersededError("Another preparer took over; this build is dropped.")

    try:
        async with asyncio.TaskGroup() as group:
            for part in shape.parts:
                await free.acquire()
                go_on()
                if crew is None or await crew.claim(part):
                    await begin(part)
                else:
                    free.release()
            while crew is not None and crew.waiting:
                go_on()
                found, late = await crew.collect()
                for part, made in found.items():
                    report.parts_shared += 1
                    note(part, made)
                for part in late:
                    log.warning("part.taken_back", part=part)
                    await free.acquire()
                    await begin(part)
                await asyncio.sleep(POLL_S if crew.waiting else 0)
    except BaseExceptionGroup as failed:  # one part's error stands for the build's; the others were cancelled by it
        raise _first_of(failed) from failed
    return built


def _first_of(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _assemble(
    builder: Builder, shape: Market, built: Mapping[int, BuiltPart], revision: int, report: Report
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
        listings=shape.listings,
    )
    summaries = [built[part].summary if part in built else shape.summaries[part] for part in range(count)]
    manifest = manifest_of(content, revision, reasons_of(summaries))
    total = len(manifest.part_names())
    report.parts_taken = total - report.parts_built
    sizes = {"parts": total, "parts_built": report.parts_built, "encoded_bytes_built": report.encoded_bytes}
    told = about(days=shape.days, instruments=shape.instruments, keys=builder.keys, summaries=summaries, sizes=sizes)
    return manifest, told, summaries_to_bytes(summaries)


def _name(shape: Market, built: Mapping[int, BuiltPart], name: str, year: int, part: int) -> str:
    if part in built and year in built[part].names[name]:
        return built[part].names[name][year]
    if shape.before is None:
        raise DatasetError(f"part {part} of {name} in {year} was neither built nor taken over")
    return shape.before.content.chunks[name][str(year)][part]
