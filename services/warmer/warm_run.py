"""Execute one warm run under a lease: plan, phases, verification. Items are stored, so an interrupted run continues.

1. Acquire the lease of the row; a heartbeat thread renews it, and it fences all writes.
2. Wait until the newest data revision is prepared, pin its version, and compare its size with the cache's limit.
3. Execute the phases. Items that an earlier attempt has stored as done are skipped.
4. Verify by repeating the requests as a user would, unless nothing had to be computed.
5. End as completed, partial (some items failed; they are listed) or failed. While a dependency is unavailable, the run
   is released and continues later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import asyncpg
import orjson
import structlog

from services.warmer import dataset, phases, verification
from services.warmer.phases import Item, ItemResult, WarmContext
from services.warmer.progress import PhaseTimer, ProgressPublisher
from shared.contracts.warm import PHASES
from shared.errors import OndolError, SetupError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.database.pool import lone_connection
from shared.infra.database.sql import statements
from shared.infra.lifecycle import Heartbeat
from shared.infra.redis.client import LOST as REDIS_LOST

log = structlog.get_logger()

LEASE_S: Final = 15.0
RENEW_S: Final = 3.0
MAX_ATTEMPTS: Final = 30
"""A run that was interrupted so often has failed."""
MAX_CACHE_SHARE: Final = 0.9

SQL = statements("warm")


class _LeaseLostError(OndolError):
    """Another warmer leases the run; stop without writing."""


@dataclass
class Run:
    """A run that this process leases."""

    id: int
    lease: int
    attempts: int
    trigger: str
    phases: tuple[str, ...]
    dataset_version: str | None
    progress: ProgressPublisher
    lost: bool = False
    began: float = field(default_factory=time.perf_counter)


async def execute(context: WarmContext, run_id: int) -> str | None:
    """Execute the rest of a run; return its final status, or None when it is leased elsewhere or was released."""
    run = await _acquire_lease(context, run_id)
    if run is None:
        return None
    with structlog.contextvars.bound_contextvars(run_id=run.id):
        log.info("warm_run.started", trigger=run.trigger, phases=list(run.phases), attempt=run.attempts)
        try:
            await run.progress.run("running")
            async with _renewed(context, run):
                status, summary = await _perform(context, run)
                return await _finish(context, run, status, summary, None)
        except asyncio.CancelledError:
            await asyncio.shield(_release(context, run))
            raise
        except _LeaseLostError:
            log.warning("warm_run.lease_lost", worker=context.worker)
        except (UnavailableError, *DATABASE_LOST, *REDIS_LOST) as error:
            if run.attempts >= MAX_ATTEMPTS:
                return await _finish(context, run, "failed", {}, str(error))
            log.warning("warm_run.interrupted", error=str(error))
            await _release(context, run)
        except OndolError as error:
            return await _finish(context, run, "failed", {}, str(error))
    return None


async def _acquire_lease(context: WarmContext, run_id: int) -> Run | None:
    async with context.database.connection() as connection:
        row = await connection.fetchrow(SQL["acquire_lease"], run_id, LEASE_S, context.worker)
    if row is None:
        return None
    return Run(
        id=row["id"], lease=row["lease"], attempts=row["attempts"], trigger=row["trigger"],
        phases=tuple(name for name in PHASES if name in row["phases"]), dataset_version=row["dataset_version"],
        progress=ProgressPublisher(context.broker, row["id"], row["attempts"]),
    )  # fmt: skip


@asynccontextmanager
async def _renewed(context: WarmContext, run: Run) -> AsyncIterator[None]:
    """Renew the lease from a heartbeat thread with a connection of its own."""

    async def renew(connection: asyncpg.Connection) -> None:
        if await connection.fetchval(SQL["renew_lease"], run.id, run.lease, LEASE_S) is None:
            run.lost = True

    lost = (SetupError, *DATABASE_LOST, asyncpg.PostgresError)
    with Heartbeat(partial(lone_connection, context.database_url), renew, interval_s=RENEW_S, lost=lost):
        yield


async def _release(context: WarmContext, run: Run) -> None:
    try:
        async with context.database.connection() as connection:
            await connection.fetchval(SQL["release"], run.id, run.lease)
    except (UnavailableError, *DATABASE_LOST):
        return  # the lease expires


async def _finish(
    context: WarmContext, run: Run, status: str, summary: dict[str, Any], error: str | None
) -> str | None:  # fmt: skip
    text = orjson.dumps(summary).decode()
    async with context.database.connection() as connection:
        finished = await connection.fetchval(SQL["finish_run"], run.id, run.lease, status, text, error)
        succeeded_at: float | None = await connection.fetchval(SQL["select_last_success"])
    if finished is None:
        return None
    write = log.info if status == "completed" else log.warning
    write("warm_run.ended", status=status, error=error, seconds=round(time.perf_counter() - run.began, 3), **summary)
    context.metrics.ended(status)
    if succeeded_at is not None:
        context.metrics.succeeded(succeeded_at)
    await run.progress.run(status)
    return status


async def _perform(context: WarmContext, run: Run) -> tuple[str, dict[str, Any]]:
    current = await _newest(context)
    async with context.database.connection() as connection:
        if run.dataset_version not in (None, current.version):
            await connection.execute(SQL["delete_items"], run.id)
        plan = await _plan(context, current)
        text = orjson.dumps(plan).decode()
        pinned = await connection.fetchval(SQL["pin_version"], run.id, run.lease, current.version, text)
    if pinned is None:
        raise _LeaseLostError
    for position, phase in enumerate(run.phases):
        await _check_memory(context, phase, plan)
        await _execute_phase(context, run, phase, position, await phases.items_of(context, phase, current))
    async with context.database.connection() as connection:
        counted = {row["phase"]: row for row in await connection.fetch(SQL["select_phases"], run.id)}
        failed = [dict(row) for row in await connection.fetch(SQL["select_failures"], run.id)]
    computed = sum(row["fresh"] for row in counted.values())
    summary: dict[str, Any] = {"dataset": current.version, "fresh": computed, "unchanged": computed == 0}
    summary["failures"] = [
        {"phase": row["phase"], "item": row["item"], "reason": row["error"], "missing_data": row["missing_data"]}
        for row in failed
    ]
    if summary["unchanged"]:
        summary["message"] = "nothing has changed since the last run: no work was needed"
        if failed:
            summary["message"] = f"nothing has changed since the last run, except for {len(failed)} items that failed"
    else:
        summary |= await _verify(context, run, current, {row["item"] for row in failed})
    broken = [row for row in failed if not row["missing_data"]]
    return ("partial" if broken else "completed"), summary


async def _verify(context: WarmContext, run: Run, current: dataset.Current, failed: set[str]) -> dict[str, Any]:
    """Verify the phases, store and record the hits; return the summary."""
    found = await verification.verify(context, run.phases, current, failed)
    summary = found.summary()
    for kind in ("chunk", "result"):
        if summary[f"{kind}_hit_rate"] is not None:
            context.metrics.verified(kind, summary[f"{kind}_hit_rate"])
    async with context.database.connection() as connection:
        for phase, (hits, misses) in found.chunks.items():
            await connection.execute(SQL["set_phase_hits"], run.id, phase, hits, misses)
    return summary


async def _newest(context: WarmContext) -> dataset.Current:
    """Return the version of the newest data revision, prepared first if necessary; OndolError without market data."""
    if await dataset.newest_revision(context.database) is None:
        raise OndolError("No market data are loaded: load some with `ondol load DIR`.")
    await dataset.ensure_prepared(context.database, context.broker)
    return await dataset.current(context.database, context.settings)


async def _plan(context: WarmContext, current: dataset.Current) -> dict[str, Any]:
    """Return the size of the warm parts and the cache's limit; log a warning when they do not fit."""
    parts = current.warm_parts()
    needed = await dataset.bytes_of(context.database, parts)
    used, limit = await context.cache.memory()
    limit = limit or context.settings.cache_bytes
    plan = {
        "parts": len(parts), "needed_bytes": needed, "cache_used_bytes": used, "cache_limit_bytes": limit,
        "fits": needed <= limit * MAX_CACHE_SHARE,
    }  # fmt: skip
    if not plan["fits"]:
        log.warning("cache.too_small", remedy="raise ONDOL_CACHE_BYTES or lower ONDOL_WARM_YEARS", **plan)
    return plan


async def _check_memory(context: WarmContext, phase: str, plan: dict[str, Any]) -> None:
    used, limit = await context.cache.memory()
    limit = limit or context.settings.cache_bytes
    if used > MAX_CACHE_SHARE * limit:
        log.warning("cache.nearly_full", phase=phase, cache_used_bytes=used, cache_limit_bytes=limit, fits=plan["fits"])


async def _execute_phase(context: WarmContext, run: Run, phase: str, position: int, items: Sequence[Item]) -> None:
    async with context.database.connection() as connection:
        started = await connection.fetchrow(SQL["begin_phase"], run.id, phase, position, len(items))
        done = {row["item"] for row in await connection.fetch(SQL["select_done_items"], run.id, phase)}
    await run.progress.phase(position, started)
    remaining = iter([item for item in items if item.name not in done])
    timer = PhaseTimer()

    async def work() -> None:
        for item in remaining:
            if run.lost:
                raise _LeaseLostError
            began = time.perf_counter()
            result = await item.run()
            seconds = time.perf_counter() - began
            counted = await _store_item(context, run, phase, item, result, seconds=seconds, timer=timer)
            await run.progress.phase(position, counted)

    concurrency = context.settings.warm_concurrency if phase in phases.CONCURRENT else 1
    await _gather([work() for _ in range(concurrency)])
    async with context.database.connection() as connection:
        await connection.execute(SQL["count_phase"], run.id, phase, timer.spent())
        row = await connection.fetchrow(SQL["end_phase"], run.id, phase)
    if row is None:
        raise _LeaseLostError
    await run.progress.phase(position, row, ended=True)
    context.metrics.phase(phase, row["seconds"])
    log.info("warm_phase.ended", phase=phase, items=row["items"], done=row["done"], failed=row["failed"],
             computed=row["computed"], seconds=round(row["seconds"], 3))  # fmt: skip


async def _store_item(
    context: WarmContext, run: Run, phase: str, item: Item, result: ItemResult, *, seconds: float, timer: PhaseTimer
) -> asyncpg.Record | None:
    """Store the result of an item; return the counts of the phase if they are due."""
    status = "failed" if result.error else "done"
    async with context.database.connection() as connection:
        await connection.execute(
            SQL["upsert_item"], run.id, run.lease, phase, item.name, status, result.computed, seconds, result.error,
            result.missing_data,
        )  # fmt: skip
        counted = None
        if timer.is_due():
            counted = await connection.fetchrow(SQL["count_phase"], run.id, phase, timer.spent())
    context.metrics.item(phase, "missing_data" if result.missing_data else status)
    if result.error:
        log.warning("warm_item.failed", phase=phase, item=item.name, reason=result.error)
    return counted


async def _gather(coroutines: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run coroutines concurrently; the first error cancels the others and is raised without its group."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
