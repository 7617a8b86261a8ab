"""Build a dataset version of the newest data revision: read, compute, encode, publish.

1. Take a fence, then read the newest revision and the changes since the current version.
2. When a retained version has the data of the revision (which took others back), publish it again; that is all.
3. For each part of 512 instruments: reuse it if nothing changed; otherwise read the changed years from the market
   tables and earlier years from the parts of the current version, and build it in a thread. Other preparers that are
   alive build parts of the same version (`services.preparer.distributed.leader`).
4. Store new parts in PostgreSQL and in the cache as they are built.
5. The version is the hash of its content. It becomes current only if no newer build was published before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg
import structlog

from services.preparer import dataset_store
from services.preparer.build_plan import BuildContext, BuildPlan, code_of, is_same_code, load_part_inputs, plan_build
from services.preparer.distributed.leader import POLL_S, BuildSpec, SharedBuild, enqueue_parts
from services.preparer.distributed.membership import Membership
from services.preparer.part_builder import BuiltPart
from services.preparer.part_inputs import PartInputs
from services.preparer.part_store import StoredPart, compute_part, store_part
from services.preparer.version_stats import reasons_of, summaries_to_bytes, version_stats
from shared.dataset.encode import manifest_of
from shared.dataset.manifest import Manifest, content_of, to_bytes
from shared.errors import DatasetError, OndolError
from shared.infra import market_tables
from shared.infra.database.pool import lone_connection
from shared.model.fields import STORED

log = structlog.get_logger()

READ_AHEAD_ROWS = 2000
"""Datasets with more rows read no part ahead: one of 30 years uses about a gigabyte while it is built."""


class SupersededError(OndolError):
    """Another preparer acquired the lease during this build; its version is published."""


@dataclass(kw_only=True)
class BuildReport:
    """The outcome of a build. `version` is None when no market data are loaded."""

    version: str | None = None
    revision: int | None = None
    published: bool = False
    parts_built: int = 0
    parts_reused: int = 0
    parts_shared: int = 0
    """Parts of 512 instruments that other preparers built."""
    encoded_bytes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, since: float) -> float:
        """Add the time since `since` to a stage and return the current time."""
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
        return now


class BuildLease(Protocol):
    """The lease of a build; `lost` becomes true when another preparer may have acquired it."""

    @property
    def lost(self) -> bool:
        """Another preparer may have acquired the lease."""


class UncontendedLease:
    """The lease of a build that no other preparer can start."""

    lost = False


async def build_version(
    context: BuildContext,
    *,
    rebuild: bool = False,
    lease: BuildLease | None = None,
    membership: Membership | None = None,
) -> BuildReport:
    """Build and publish a version of the newest revision; does nothing when it is current. `rebuild` reuses no part.

    membership: share the build with the other preparers that are alive. Raises SupersededError when another preparer
    has published a newer version.
    """
    lease = lease or UncontendedLease()
    report = BuildReport()
    begun = now = time.perf_counter()
    fence = await dataset_store.next_fence(context.database)
    async with dataset_store.build_transaction(context.database) as writer:
        await market_tables.fill_tradable_days(writer)
    async with lone_connection(
        context.database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
    ) as connection, connection.transaction(isolation="repeatable_read", readonly=True):  # fmt: skip
        revision = await market_tables.newest_revision(connection)
        if revision is None:
            return report
        current = await dataset_store.current(context.database)
        same = current is not None and is_same_code(context, current.manifest)
        if current is not None and same and not rebuild and current.revision >= revision:
            report.version, report.revision = current.manifest.version, current.revision
            return report
        if not rebuild and await _publish_again(context, revision, fence, lease, report):
            return report
        base = None if rebuild or not same else current
        plan = await plan_build(connection, base, revision)
        now = report.add("plan", now)
        async with _shared(context, connection, plan, fence, revision, base, membership) as shared:
            built = await _build_parts(context, connection, plan, report, lease, shared)
    now = time.perf_counter()
    manifest, stats, summary = await asyncio.to_thread(_assemble, context, plan, built, revision, report)
    if lease.lost or not await dataset_store.publish(context.database, manifest, fence, stats, summary):
        raise SupersededError("Another preparer has published a newer version; this build is discarded.")
    await context.cache.put_manifest(manifest.version, to_bytes(manifest))
    report.add("publish", now)
    report.seconds["total"] = time.perf_counter() - begun
    report.version, report.revision, report.published = manifest.version, revision, True
    log.info("dataset.built", version=manifest.version, revision=revision, built=report.parts_built,
             reused=report.parts_reused, shared=report.parts_shared,
             **{f"{k}_s": round(v, 3) for k, v in report.seconds.items()})  # fmt: skip
    return report


async def _publish_again(
    context: BuildContext, revision: int, fence: int, lease: BuildLease, report: BuildReport
) -> bool:
    """Publish the version of an earlier revision with equal data, which a revert makes current; False without one."""
    begun = time.perf_counter()
    found = await dataset_store.version_of_data(context.database, revision)
    if found is None or not is_same_code(context, found.manifest):
        return False
    version = found.manifest.version
    if lease.lost or not await dataset_store.publish(
        context.database, found.manifest, fence, found.stats, found.summary, revision
    ):
        raise SupersededError("Another preparer has published a newer version; this build is discarded.")
    await context.cache.put_manifest(version, to_bytes(found.manifest))
    report.parts_reused = len(found.manifest.part_names())
    report.add("total", begun)
    report.version, report.revision, report.published = version, revision, True
    log.info("dataset.republished", version=version, revision=revision)
    return True


@asynccontextmanager
async def _shared(  # noqa: PLR0917
    context: BuildContext, connection: asyncpg.Connection, plan: BuildPlan, fence: int, revision: int,
    base: dataset_store.Current | None, membership: Membership | None,
) -> AsyncIterator[SharedBuild | None]:  # fmt: skip
    """Start sharing the build; None if it has one part or no other preparer is alive."""
    if membership is None or len(plan.parts) < 2 or not await membership.others():
        yield None
        return
    spec = BuildSpec(
        fence=fence,
        revision=revision,
        snapshot=await connection.fetchval("select pg_export_snapshot()"),
        base=base.manifest.version if base is not None else None,
        base_revision=base.revision if base is not None else 0,
        code=code_of(context),
    )
    async with enqueue_parts(membership.broker_url, spec, plan.parts[1:]):
        yield SharedBuild(context.database, spec, membership.name, context.min_wait_s)


async def _build_parts(  # noqa: PLR0917
    context: BuildContext,
    connection: asyncpg.Connection,
    plan: BuildPlan,
    report: BuildReport,
    lease: BuildLease,
    shared: SharedBuild | None,
) -> dict[int, BuiltPart]:
    """Read one part after the other (one snapshot, one connection) and build `context.workers` of them at once.

    In a shared build, parts that other preparers claim are collected at the end; those that they do not finish in time
    are built here.
    """
    built: dict[int, BuiltPart] = {}
    read_slots = asyncio.Semaphore(context.workers + (len(plan.days) < READ_AHEAD_ROWS))
    build_slots = asyncio.Semaphore(context.workers)
    written: set[str] = set()

    async def work(part: int, source: PartInputs, first: int, read_s: float) -> None:
        async with build_slots:
            began = begun = time.perf_counter()
            found = await compute_part(context, plan, part, source, first)
            began = report.add("compute", began)
        stored = await store_part(context, plan, found, written)
        began = report.add("store", began)
        if shared is not None:
            shared.record_duration(read_s + began - begun)
        add(part, stored)
        read_slots.release()

    def add(part: int, stored: StoredPart) -> None:
        report.parts_built += stored.parts
        report.encoded_bytes += stored.encoded_bytes
        built[part] = stored.part

    async def start(part: int) -> None:
        began = time.perf_counter()
        source, from_year = await load_part_inputs(context, connection, plan, part, plan.first_years[part])
        group.create_task(work(part, source, from_year, report.add("read", began) - began))

    def check_lease() -> None:
        if lease.lost:
            raise SupersededError("Another preparer has acquired the lease; this build is discarded.")

    try:
        async with asyncio.TaskGroup() as group:
            for part in plan.parts:
                await read_slots.acquire()
                check_lease()
                if shared is None or await shared.claim(part):
                    await start(part)
                else:
                    read_slots.release()
            while shared is not None and shared.waiting:
                check_lease()
                found, late = await shared.collect()
                for part, stored in found.items():
                    report.parts_shared += 1
                    add(part, stored)
                for part in late:
                    log.warning("part.reclaimed", part=part)
                    await read_slots.acquire()
                    await start(part)
                await asyncio.sleep(POLL_S if shared.waiting else 0)
    except BaseExceptionGroup as failed:  # raise the error of the part that failed; the others were cancelled
        raise _first_of(failed) from failed
    return built


def _first_of(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _assemble(
    context: BuildContext, plan: BuildPlan, built: Mapping[int, BuiltPart], revision: int, report: BuildReport
) -> tuple[Manifest, bytes, bytes]:
    """Return the manifest, the statistics of the version, and the summaries for the next incremental build."""
    count = len(plan.first_years)
    chunks: dict[str, dict[str, tuple[str, ...]]] = {}
    for name in (*STORED, *context.keys):
        chunks[name] = {str(y): tuple(_name(plan, built, name, y, part) for part in range(count)) for y in plan.years}
    content = content_of(
        days=plan.days,
        instruments=plan.instruments,
        factor_versions=context.factor_versions,
        chunks=chunks,
        indices=dict(plan.indices),
        dividends=plan.dividends,
        listings=plan.listings,
    )
    summaries = [built[part].summary if part in built else plan.summaries[part] for part in range(count)]
    manifest = manifest_of(content, revision, reasons_of(summaries))
    total = len(manifest.part_names())
    report.parts_reused = total - report.parts_built
    sizes = {"parts": total, "parts_built": report.parts_built, "encoded_bytes_built": report.encoded_bytes}
    stats = version_stats(
        days=plan.days, instruments=plan.instruments, keys=context.keys, summaries=summaries, sizes=sizes
    )
    return manifest, stats, summaries_to_bytes(summaries)


def _name(plan: BuildPlan, built: Mapping[int, BuiltPart], name: str, year: int, part: int) -> str:
    if part in built and year in built[part].names[name]:
        return built[part].names[name][year]
    if plan.before is None:
        raise DatasetError(f"part {part} of {name} in {year} was neither built nor reused")
    return plan.before.content.chunks[name][str(year)][part]
