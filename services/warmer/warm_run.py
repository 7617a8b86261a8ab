"""One warm run from its lease to its end: plan, phases, verification; items are noted, so an interrupted run goes on.

1. Take the lease of the row; a thread renews it. Writes are fenced by it: a warmer that lost the run changes nothing.
2. See that the newest data revision is prepared, pin its version, and check the plan against the cache's limit.
3. Carry out the phases. An item that was noted as done by an earlier attempt is not done again.
4. Verify as a user would, unless nothing needed work.
5. End as completed, partial (some item failed; it is named) or failed. When a dependency is away, the run is handed
   back and goes on later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import asyncpg
import orjson
import structlog

from services.warmer import dataset, phases, verification
from services.warmer.phases import Item, Tools
from services.warmer.progress import Clock, Teller
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
ATTEMPTS: Final = 30
"""How often a run is taken up again before it counts as failed."""

SQL = statements("warm")


class _LeaseLostError(OndolError):
    """Another warmer has the run now; stop without a trace."""


@dataclass
class Run:
    """A run that this process holds."""

    id: int
    lease: int
    attempts: int
    trigger: str
    phases: tuple[str, ...]
    dataset_version: str | None
    teller: Teller
    lost: bool = False
    began: float = field(default_factory=time.perf_counter)


async def carry_out(tools: Tools, run_id: int) -> str | None:
    """Do what is left of a run; returns its final status, or None when it is somebody else's or was handed back."""
    run = await _take(tools, run_id)
    if run is None:
        return None
    with structlog.contextvars.bound_contextvars(run=run.id):
        log.info("warm_begins", trigger=run.trigger, phases=list(run.phases), attempt=run.attempts)
        try:
            await run.teller.run("running")
            async with _renewed(tools, run):
                status, summary = await _perform(tools, run)
                return await _finish(tools, run, status, summary, None)
        except asyncio.CancelledError:
            await asyncio.shield(_hand_back(tools, run))
            raise
        except _LeaseLostError:
            log.warning("warm_lost", worker=tools.worker)
        except (UnavailableError, *DATABASE_LOST, *REDIS_LOST) as error:
            if run.attempts >= ATTEMPTS:
                return await _finish(tools, run, "failed", {}, str(error))
            log.warning("warm_interrupted", error=str(error))
            await _hand_back(tools, run)
        except OndolError as error:
            return await _finish(tools, run, "failed", {}, str(error))
    return None


async def _take(tools: Tools, run_id: int) -> Run | None:
    async with tools.database.connection() as connection:
        row = await connection.fetchrow(SQL["acquire_lease"], run_id, LEASE_S, tools.worker)
    if row is None:
        return None
    chosen = tuple(name for name in PHASES if name in row["phases"])
    return Run(
        id=row["id"], lease=row["lease"], attempts=row["attempts"], trigger=row["trigger"], phases=chosen,
        dataset_version=row["dataset_version"], teller=Teller(tools.broker, row["id"], row["attempts"]),
    )  # fmt: skip


@asynccontextmanager
async def _renewed(tools: Tools, run: Run) -> AsyncIterator[None]:
    """Renew the lease from a heartbeat thread with a connection of its own."""

    async def renew(connection: asyncpg.Connection) -> None:
        if await connection.fetchval(SQL["renew_lease"], run.id, run.lease, LEASE_S) is None:
            run.lost = True

    lost = (SetupError, *DATABASE_LOST, asyncpg.PostgresError)
    with Heartbeat(partial(lone_connection, tools.database_url), renew, interval_s=RENEW_S, lost=lost):
        yield


async def _hand_back(tools: Tools, run: Run) -> None:
    try:
        async with tools.database.connection() as connection:
            await connection.fetchval(SQL["release"], run.id, run.lease)
    except (UnavailableError, *DATABASE_LOST):
        return  # its lease runs out


async def _finish(tools: Tools, run: Run, status: str, summary: dict[str, Any], error: str | None) -> str | None:
    text = orjson.dumps(summary).decode()
    async with tools.database.connection() as connection:
        mine = await connection.fetchval(SQL["finish"], run.id, run.lease, status, text, error)
        succeeded: float | None = await connection.fetchval(SQL["last_success"])
    if mine is None:
        return None
    level = log.info if status == "completed" else log.warning
    level("warm_ends", status=status, error=error, seconds=round(time.perf_counter() - run.began, 3), **summary)
    tools.metrics.ended(status)
    if succeeded is not None:
        tools.metrics.succeeded(succeeded)
    await run.teller.run(status)
    return status


async def _perform(tools: Tools, run: Run) -> tuple[str, dict[str, Any]]:
    current = await _newest(tools)
    async with tools.database.connection() as connection:
        if run.dataset_version not in (None, current.version):
            await connection.execute(SQL["forget_items"], run.id)
        plan = await _plan(tools, current)
        mine = await connection.fetchval(SQL["pin"], run.id, run.lease, current.version, orjson.dumps(plan).decode())
    if mine is None:
        raise _LeaseLostError
    for place, phase in enumerate(run.phases):
        await _check_memory(tools, phase, plan)
        await _phase(tools, run, phase, place, await phases.items_of(tools, phase, current))
    async with tools.database.connection() as connection:
        counted = {row["phase"]: row for row in await connection.fetch(SQL["phases"], run.id)}
        failed = [dict(row) for row in await connection.fetch(SQL["failures"], run.id)]
    fresh = sum(row["fresh"] for row in counted.values())
    summary: dict[str, Any] = {"dataset": current.version, "fresh": fresh, "unchanged": fresh == 0}
    summary["failures"] = [{"phase": row["phase"], "item": row["item"], "reason": row["error"]} for row in failed]
    if summary["unchanged"]:
        summary["message"] = "nothing has changed since the last run: no work was needed"
        if failed:
            summary["message"] = f"nothing has changed since the last run, except for {len(failed)} items that failed"
    else:
        failing = {row["item"] for row in failed}
        found = await verification.verify(tools, run.phases, current, failing)
        summary |= found.summary()
        for kind in ("chunk", "result"):
            if summary[f"{kind}_hit_rate"] is not None:
                tools.metrics.verified(kind, summary[f"{kind}_hit_rate"])
        async with tools.database.connection() as connection:
            for phase, (hits, misses) in found.chunks.items():
                await connection.execute(SQL["hit_phase"], run.id, phase, hits, misses)
    return ("partial" if failed else "completed"), summary


async def _newest(tools: Tools) -> dataset.Current:
    """The version of the newest data revision, prepared if it is not yet; OndolError when there are no data."""
    if await dataset.newest_revision(tools.database) is None:
        raise OndolError("There are no market data to warm: load some with `ondol load DIR`.")
    await dataset.prepared(tools.database, tools.broker)
    return await dataset.current(tools.database, tools.settings)


async def _plan(tools: Tools, current: dataset.Current) -> dict[str, Any]:
    """What the warm parts need, against the cache's limit: said beforehand when it cannot fit."""
    parts = current.warm_parts()
    needed = await dataset.bytes_of(tools.database, parts)
    used, limit = await tools.cache.memory()
    limit = limit or tools.settings.cache_bytes
    plan = {
        "parts": len(parts), "needed_bytes": needed, "cache_used_bytes": used, "cache_limit_bytes": limit,
        "fits": needed <= limit * 0.9,
    }  # fmt: skip
    if not plan["fits"]:
        log.warning("warm_does_not_fit", remedy="raise ONDOL_CACHE_BYTES or lower ONDOL_WARM_YEARS", **plan)
    return plan


async def _check_memory(tools: Tools, phase: str, plan: dict[str, Any]) -> None:
    used, limit = await tools.cache.memory()
    limit = limit or tools.settings.cache_bytes
    if used > 0.9 * limit:
        log.warning("warm_memory_short", phase=phase, cache_used_bytes=used, cache_limit_bytes=limit, fits=plan["fits"])


async def _phase(tools: Tools, run: Run, phase: str, place: int, items: Sequence[Item]) -> None:
    async with tools.database.connection() as connection:
        begun = await connection.fetchrow(SQL["begin_phase"], run.id, phase, place, len(items))
        done = {row["item"] for row in await connection.fetch(SQL["done_items"], run.id, phase)}
    await run.teller.phase(place, begun)
    left = iter([item for item in items if item.name not in done])
    clock = Clock()

    async def work() -> None:
        for item in left:
            if run.lost:
                raise _LeaseLostError
            began = time.perf_counter()
            outcome = await item.do()
            seconds = time.perf_counter() - began
            status = "failed" if outcome.error else "done"
            async with tools.database.connection() as connection:
                await connection.execute(
                    SQL["note_item"], run.id, run.lease, phase, item.name, status, outcome.fresh, seconds,
                    outcome.error, outcome.lacking,
                )  # fmt: skip
                counted = None
                if clock.is_due():
                    counted = await connection.fetchrow(SQL["count_phase"], run.id, phase, clock.spent())
            await run.teller.phase(place, counted)
            tools.metrics.item(phase, "lacking" if outcome.lacking else status)
            if outcome.error:
                log.warning("warm_item_failed", phase=phase, item=item.name, reason=outcome.error)

    workers = tools.settings.warm_parallel if phase in phases.ASKING else 1
    await _together([work() for _ in range(workers)])
    async with tools.database.connection() as connection:
        await connection.execute(SQL["count_phase"], run.id, phase, clock.spent())
        row = await connection.fetchrow(SQL["end_phase"], run.id, phase)
    if row is None:
        raise _LeaseLostError
    await run.teller.phase(place, row, ended=True)
    tools.metrics.phase(phase, row["seconds"])
    log.info("warm_phase_ends", phase=phase, items=row["items"], done=row["done"], failed=row["failed"],
             fresh=row["fresh"], seconds=round(row["seconds"], 3))  # fmt: skip


async def _together(work: Sequence[Any]) -> None:
    """Run coroutines at once; the first error ends the others and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for one in work:
                group.create_task(one)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
