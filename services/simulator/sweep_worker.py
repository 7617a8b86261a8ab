"""Work on sweeps: lease a part, run its variants, store the part, publish the change; then the next one.

PostgreSQL is the queue: a part without an end is work, so that nothing has to be restored after a crash. Parts yield to
people who wait: they run in one thread of lower priority, which pauses between variants while this process has a
short backtest or query in flight.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import asyncpg
import numpy as np
import orjson
import structlog
from cachetools import LRUCache

from services.simulator import metrics, sweep_store
from services.simulator.consumer import InFlight
from services.simulator.job import Context
from services.simulator.panel_store import WAIT_S
from services.simulator.priority import SWEEP_NICE, lower_priority
from services.simulator.sweep_store import PartJob
from shared.contracts.events import SWEEPS, SweepChanged
from shared.contracts.http import problem_document, run_problem
from shared.dataset.panel_reader import PanelReader
from shared.errors import (
    CancelledRunError,
    ChunkMissingError,
    DatasetError,
    RequestError,
    RunError,
    UnavailableError,
)
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import Broadcast, append
from shared.market import RULES_VERSION
from shared.messages import say
from shared.research.sweeps import tpe
from shared.research.sweeps.columns import SweepTable, table_of
from shared.research.sweeps.part import PartTable, failed_part, requests_of, run_part, unpack
from shared.research.sweeps.plan import SweepPlan, decode_plan
from shared.simulation import ENGINE_VERSION
from shared.simulation.variants import variant_needs

log = structlog.get_logger()

POLL_S = 1.0
"""How often an idle simulator looks for parts whose message was lost."""
CACHED_PLANS = 8
BEST = 10
"""Variants of a part that are stored with their scores beside its data."""
PAUSE_S = 0.05
"""Longest pause of a part between two variants, so that a stream of backtests slows sweeps and does not stop them."""
PAUSE_STEP_S = 0.001


@dataclass(frozen=True, kw_only=True)
class _Sweep:
    plan: SweepPlan
    version: str
    is_current: bool
    """Whether engine and rules are those that the sweep was submitted for."""


class SweepWorker:
    """The parts of sweeps that this process works on, one at a time."""

    def __init__(self, context: Context, in_flight: InFlight) -> None:
        self._context = context
        self._in_flight = in_flight
        self._sweeps: LRUCache[uuid.UUID, _Sweep] = LRUCache(CACHED_PLANS)
        self._histories: LRUCache[uuid.UUID, list[tuple[int, PartTable]]] = LRUCache(CACHED_PLANS)
        self._pool = ThreadPoolExecutor(1, "sweep", initializer=lower_priority, initargs=(SWEEP_NICE,))
        self._wake = asyncio.Event()

    def close(self) -> None:
        """Stop the thread when it is idle."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def follow(self) -> None:
        """Task: look for parts when a sweep changes; stop the parts of a sweep that was cancelled."""
        async for event in Broadcast(self._context.broker, SWEEPS).follow(_log_lost):
            if not isinstance(event, SweepChanged):
                continue
            if event.status == "cancelled":
                for job in self._in_flight.parts:
                    job.stop = job.stop or str(job.sweep) == event.sweep_id
            elif event.status in ("queued", "running"):
                self._wake.set()

    async def work(self) -> None:
        """Task: work on one part after another; one that has begun is ended or released when this task is cancelled."""
        while True:
            self._wake.clear()
            try:
                job = await sweep_store.acquire_part(self._context.database, self._context.worker)
            except (*DATABASE_LOST, UnavailableError, asyncpg.PostgresError) as error:
                log.warning("database.unavailable", error=type(error).__name__)
                await asyncio.sleep(POLL_S)
                continue
            if job is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S * random.uniform(0.7, 1.3)):  # noqa: S311  jitter
                        await self._wake.wait()
                continue
            self._in_flight.parts.append(job)
            task = asyncio.ensure_future(self._process(job))
            self._in_flight.part_tasks.add(task)
            task.add_done_callback(self._in_flight.part_tasks.discard)
            await asyncio.wait({task})

    async def _process(self, job: PartJob) -> None:
        try:
            await self._run(job)
        except CancelledRunError:
            await self._release(job, counts_attempt=False)
        except ChunkMissingError as error:
            log.warning("chunks.missing", sweep=str(job.sweep), part=job.part, parts=len(error.missing))
            await self._release(job, counts_attempt=False)
        except (DatasetError, UnavailableError, *DATABASE_LOST, *LOST, asyncpg.PostgresError) as error:
            log.warning("part.interrupted", sweep=str(job.sweep), part=job.part, error=str(error))
            await self._release(job, counts_attempt=True)
        except Exception as error:  # outermost handler of a part: its lease expires, and another attempt follows
            log.error("part.crashed", sweep=str(job.sweep), part=job.part, exc_info=error)
        finally:
            self._in_flight.parts.remove(job)

    async def _release(self, job: PartJob, *, counts_attempt: bool) -> None:
        with suppress(*DATABASE_LOST, UnavailableError, asyncpg.PostgresError):  # else its lease expires
            await sweep_store.release_part(self._context.database, job, counts_attempt=counts_attempt)

    async def _run(self, job: PartJob) -> None:
        began = time.monotonic()
        sweep = await self._sweep(job.sweep)
        if sweep is None:
            return
        loop = asyncio.get_running_loop()
        history = await self._history(job, sweep.plan) if sweep.plan.is_sequential else None
        points = await loop.run_in_executor(self._pool, _points, sweep.plan, job, history)
        table = await self._table(job, sweep, points)
        ended = await self._end(job, sweep.plan, table)
        if ended is None:
            return
        metrics.part_ended(len(table.points), len(table.failures), time.monotonic() - began)
        if history is not None:
            self._histories[job.sweep] = [*history, (job.first, table)]
        if ended.status == "completed":
            log.info("sweep.completed", sweep=str(job.sweep), parts=ended.parts)
            self._histories.pop(job.sweep, None)
        with suppress(*LOST):  # readers look into PostgreSQL every second
            await append(
                self._context.broker,
                SweepChanged(sweep_id=str(job.sweep), status=ended.status, parts_done=ended.parts_done),
            )

    async def _table(self, job: PartJob, sweep: _Sweep, points: np.ndarray) -> PartTable:
        """Return the table of a part; what no variant of it can have is the failure of all."""
        if job.exhausted:
            return failed_part(points, _failure(500, say("sweep_part_killed"), "killed_simulator"))
        if not sweep.is_current:
            return failed_part(points, _failure(422, say("sweep_engine_changed"), "engine_changed"))
        try:
            return await self._compute(job, sweep, points)
        except RunError as error:
            return failed_part(points, run_problem(error))
        except RequestError as error:
            problem = problem_document(422, "run-failed", str(error), error.problems)
            return failed_part(points, {**problem, "kind": "request"})
        except (CancelledRunError, DatasetError, UnavailableError, *DATABASE_LOST, *LOST):
            raise
        except Exception as error:  # outermost handler of a run: an unexpected error fails this part only
            log.error("part.crashed", sweep=str(job.sweep), part=job.part, exc_info=error)
            return failed_part(points, _failure(500, say("run_crashed"), "internal"))

    async def _compute(self, job: PartJob, sweep: _Sweep, points: np.ndarray) -> PartTable:
        loop = asyncio.get_running_loop()
        panels = await self._context.panel_store.panels(sweep.version)
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return await loop.run_in_executor(
                    self._pool, _run_part, sweep.plan, points, panels.reader(), job, self._in_flight
                )
            except ChunkMissingError as error:
                if time.monotonic() >= deadline:
                    raise
                await self._context.panel_store.fetch_missing(sweep.version, error.missing, lambda: not job.stop)
                if job.stop:
                    raise CancelledRunError from None

    async def _end(self, job: PartJob, plan: SweepPlan, table: PartTable) -> sweep_store.Ended | None:
        data = await asyncio.get_running_loop().run_in_executor(self._pool, table.pack)
        rows = table_of(plan, [(job.first, table)])
        status = "failed" if len(table.points) and len(table.failures) == len(table.points) else "completed"
        return await sweep_store.end_part(
            self._context.database, job, status=status, variants=len(table.points), failed=len(table.failures),
            best=orjson.dumps(best_of(rows)).decode(), data=data,
        )  # fmt: skip

    async def _sweep(self, identity: uuid.UUID) -> _Sweep | None:
        found = self._sweeps.get(identity)
        if found is None:
            row = await sweep_store.select_plan(self._context.database, identity)
            if row is None:
                return None
            plan = await asyncio.to_thread(decode_plan, row["plan"])
            found = self._sweeps[identity] = _Sweep(
                plan=plan, version=row["dataset_version"],
                is_current=(row["engine_version"], row["rules_version"]) == (ENGINE_VERSION, RULES_VERSION),
            )  # fmt: skip
        return found

    async def _history(self, job: PartJob, plan: SweepPlan) -> list[tuple[int, PartTable]]:
        """Return the parts before one, which decide the points of a part of tpe."""
        known = list(self._histories.get(job.sweep, ()))[: job.part]
        rows = await sweep_store.select_parts_data(self._context.database, job.sweep, len(known), job.part - len(known))
        return [*known, *((row["first"], unpack(bytes(row["data"]))) for row in rows)]


def best_of(table: SweepTable) -> list[tuple[int, float]]:
    """Return (variant, score) of the best variants of a part."""
    return [(int(table.variants[row]), float(table.scores[row])) for row in table.best(BEST)]


def _points(plan: SweepPlan, job: PartJob, history: list[tuple[int, PartTable]] | None) -> np.ndarray:
    if history is None:
        return plan.points[job.first : job.first + job.count]
    before = table_of(plan, history)
    search = plan.body.search
    return tpe.next_points(
        plan.space, before.points, before.scores, seed=search.seed, count=job.count, batch=search.batch
    )


def _run_part(plan: SweepPlan, points: np.ndarray, panels: PanelReader, job: PartJob, in_flight: InFlight) -> PartTable:
    def cancelled() -> bool:
        until = time.monotonic() + PAUSE_S
        while in_flight.is_urgent and not job.stop and time.monotonic() < until:
            time.sleep(PAUSE_STEP_S)
        return job.stop

    found = requests_of(plan, points, cancelled)
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, needed in variant_needs(found.requests, panels.days).items():
        if name in panels.factors or not name.isupper():
            by_rows.setdefault((needed.start, needed.stop), []).append(name)
    for (start, stop), names in by_rows.items():
        panels.ensure(names, slice(start, stop))
    return run_part(plan, points, panels, found, cancelled)


def _failure(status: int, detail: str, kind: str) -> dict[str, object]:
    return {**problem_document(status, "run-failed", detail), "kind": kind}


def _log_lost(error: Exception) -> None:
    log.warning("broker.disconnected", error=type(error).__name__)
