"""Work on sweeps: lease a part, run its variants, store the part, publish the change; then the next one.

PostgreSQL is the queue: a part without an end is work, so that nothing has to be restored after a crash. The state of
the sweep is set by `end_part` of `shared/infra/database/sql/sweep.sql`. Parts run in one thread of lower priority. At
each poll it pauses for at most `part_runs.PAUSE_S` while a simulator of the host has a short backtest or query.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import numpy as np
import orjson
import structlog
from cachetools import LRUCache

from services.simulator import metrics, sweep_store
from services.simulator.consumer import InFlight
from services.simulator.job import Context
from services.simulator.panel_store import WAIT_S
from services.simulator.part_runs import best_of, failure, points_of, run_variants_of
from services.simulator.priority import SWEEP_NICE, lower_priority
from services.simulator.sweep_store import PartJob, SweepLine
from services.simulator.walk_forward_end import read_choices, requests_or_end, simulate_account
from shared.contracts.events import SWEEPS, SweepChanged
from shared.contracts.http import problem_document, run_problem
from shared.dataset.panels import MappedPanels
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
from shared.research.ledger.trials import NO_TRIALS
from shared.research.sweeps.columns import table_of
from shared.research.sweeps.part import PartRun, PartTable, failed_part, unpack
from shared.research.sweeps.plan import SweepPlan, decode_plan
from shared.research.walk_forward import plan as walk_forward_plan
from shared.research.walk_forward.plan import WalkForwardPlan
from shared.research.walk_forward.report import Finished, failed, trials_of_end
from shared.simulation import ENGINE_VERSION

log = structlog.get_logger()
T = TypeVar("T")

POLL_S = 1.0
"""How often an idle simulator looks for parts whose message was lost."""
CACHED_PLANS = 8


@dataclass(frozen=True, kw_only=True)
class _Sweep:
    plan: SweepPlan
    """The sweep; of a walk-forward that of all days."""
    walk: WalkForwardPlan | None
    version: str
    is_current: bool
    """Whether engine and rules are those that the sweep was submitted for."""
    line: SweepLine | None
    """The research line that its trials belong to."""


class SweepWorker:
    """The parts of sweeps that this process works on, one at a time."""

    def __init__(self, context: Context, in_flight: InFlight) -> None:
        self._context = context
        self._in_flight = in_flight
        self._sweeps: LRUCache[uuid.UUID, _Sweep] = LRUCache(CACHED_PLANS)
        self._histories: LRUCache[tuple[uuid.UUID, int], list[tuple[int, PartTable]]] = LRUCache(CACHED_PLANS)
        """Parts of sweeps by sweep and number of its withdrawals."""
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
        if job.wait_s is not None:
            metrics.sweep_started(job.wait_s)
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
        ended = await (self._run_variants(job, sweep, began) if job.count else self._run_end(job, sweep, began))
        if ended is None:
            return
        if ended.status in ("completed", "failed"):
            log.info("sweep.completed", sweep=str(job.sweep), parts=ended.parts)
            self._histories.pop((job.sweep, job.withdrawals), None)
        with suppress(*LOST):  # readers look into PostgreSQL every second
            await append(
                self._context.broker,
                SweepChanged(sweep_id=str(job.sweep), status=ended.status, parts_done=ended.parts_done),
            )

    async def _run_variants(self, job: PartJob, sweep: _Sweep, began: float) -> sweep_store.Ended | None:
        """Run and end a part with variants; None when its lease was lost or the sweep was cancelled."""
        loop = asyncio.get_running_loop()
        plan, first = sweep.plan, job.first
        if sweep.walk is not None:
            run, first = divmod(job.first, sweep.walk.variants)
            plan = sweep.walk.run(run)
        history = await self._history(job, plan) if plan.is_sequential else None
        points = await loop.run_in_executor(self._pool, points_of, sweep.plan, first, job.count, history)
        part = await self._part(job, sweep, plan, points)
        table = part.table
        data = await loop.run_in_executor(self._pool, table.pack)
        best = best_of(table_of(plan, [(first, table)]))
        status = "failed" if len(table.points) and len(table.failures) == len(table.points) else "completed"
        ended = await sweep_store.end_part(
            self._context.database, job, status=status, variants=len(table.points), failed=len(table.failures),
            best=orjson.dumps(best).decode(), data=data, line=sweep.line, trials=part.trials,
        )  # fmt: skip
        if ended is not None:
            metrics.part_ended(len(table.points), len(table.failures), time.monotonic() - began, len(data))
            if history is not None:
                self._histories[job.sweep, job.withdrawals] = [*history, (job.first, table)]
        return ended

    async def _run_end(self, job: PartJob, sweep: _Sweep, began: float) -> sweep_store.Ended | None:
        """Run and end the last part of a walk-forward; None when its lease was lost or it was cancelled."""
        assert sweep.walk is not None  # noqa: S101 - only walk-forwards have a part without variants
        found = await self._finished(job, sweep, sweep.walk)
        data = await asyncio.get_running_loop().run_in_executor(self._pool, found.pack)
        status = "completed" if found.error is None else "failed"
        ended = await sweep_store.end_part(
            self._context.database, job, status=status, variants=0, failed=0, best="[]", data=data, line=sweep.line,
            trials=NO_TRIALS if sweep.line is None else trials_of_end(sweep.walk, found),
        )  # fmt: skip
        if ended is not None:
            metrics.walk_forward_ended(status, time.monotonic() - began, len(data))
        return ended

    async def _finished(self, job: PartJob, sweep: _Sweep, walk: WalkForwardPlan) -> Finished:
        """Return the answer of a walk-forward; what cannot be computed is its error."""
        if job.exhausted:
            return failed(walk, failure(500, "walk-forward-failed", say("walk_forward_end_killed"), "killed_simulator"))
        if not sweep.is_current:
            return failed(walk, failure(422, "walk-forward-failed", say("sweep_engine_changed"), "engine_changed"))
        choices = await read_choices(self._context.database, job.sweep, walk, self._pool)
        requests = requests_or_end(walk, choices)
        if isinstance(requests, Finished):
            return requests
        try:
            return await self._with_panels(
                job, sweep.version,
                lambda panels: simulate_account(
                    walk, choices, requests, panels, job=job, in_flight=self._in_flight
                ),
            )  # fmt: skip
        except (CancelledRunError, DatasetError, UnavailableError, *DATABASE_LOST, *LOST):
            raise
        except Exception as error:  # outermost handler of a run: an unexpected error fails this walk-forward only
            log.error("walk_forward.crashed", sweep=str(job.sweep), exc_info=error)
            return failed(walk, failure(500, "walk-forward-failed", say("run_crashed"), "internal"))

    async def _part(self, job: PartJob, sweep: _Sweep, plan: SweepPlan, points: np.ndarray) -> PartRun:
        """Return the rows and trials of a part; what no variant of it can have is the failure of all."""
        if job.exhausted:
            return PartRun(
                table=failed_part(points, failure(500, "variant-failed", say("sweep_part_killed"), "killed_simulator"))
            )
        if not sweep.is_current:
            return PartRun(
                table=failed_part(points, failure(422, "variant-failed", say("sweep_engine_changed"), "engine_changed"))
            )
        try:
            first = None if sweep.line is None else job.first
            return await self._with_panels(
                job, sweep.version,
                lambda panels: run_variants_of(
                    plan, points, panels, job=job, in_flight=self._in_flight, first=first
                ),
            )  # fmt: skip
        except RunError as error:
            return PartRun(table=failed_part(points, run_problem(error, "variant-failed")))
        except RequestError as error:
            problem = problem_document(422, "variant-failed", str(error), error.problems)
            return PartRun(table=failed_part(points, {**problem, "kind": "request"}))
        except (CancelledRunError, DatasetError, UnavailableError, *DATABASE_LOST, *LOST):
            raise
        except Exception as error:  # outermost handler of a run: an unexpected error fails this part only
            log.error("part.crashed", sweep=str(job.sweep), part=job.part, exc_info=error)
            return PartRun(table=failed_part(points, failure(500, "variant-failed", say("run_crashed"), "internal")))

    async def _with_panels(self, job: PartJob, version: str, work: Callable[[MappedPanels], T]) -> T:
        """Return what `work` gives in the thread of sweeps; fetch the parts of the dataset that it misses."""
        loop = asyncio.get_running_loop()
        panels = await self._context.panel_store.panels(version)
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return await loop.run_in_executor(self._pool, work, panels)
            except ChunkMissingError as error:
                if time.monotonic() >= deadline:
                    raise
                await self._context.panel_store.fetch_missing(version, error.missing, lambda: not job.stop)
                if job.stop:
                    raise CancelledRunError from None

    async def _sweep(self, identity: uuid.UUID) -> _Sweep | None:
        found = self._sweeps.get(identity)
        if found is None:
            row = await sweep_store.select_plan(self._context.database, identity)
            if row is None:
                return None
            walk = None
            if row["kind"] == "walk_forward":
                walk = await asyncio.to_thread(walk_forward_plan.decode_plan, row["plan"])
            plan = await asyncio.to_thread(decode_plan, row["plan"]) if walk is None else walk.sweep
            found = self._sweeps[identity] = _Sweep(
                plan=plan, walk=walk, version=row["dataset_version"],
                is_current=(row["engine_version"], row["rules_version"]) == (ENGINE_VERSION, RULES_VERSION),
                line=None if row["research"] is None else SweepLine(row["owner"], row["research"], row["kind"]),
            )  # fmt: skip
        return found

    async def _history(self, job: PartJob, plan: SweepPlan) -> list[tuple[int, PartTable]]:
        """Return the parts before one, which decide the points of a part of tpe."""
        known = list(self._histories.get((job.sweep, job.withdrawals), ()))[: job.part]
        rows = await sweep_store.select_parts_data(self._context.database, job.sweep, len(known), job.part - len(known))
        return [*known, *((row["first"], unpack(bytes(row["data"]))) for row in rows)]


def _log_lost(error: Exception) -> None:
    log.warning("broker.disconnected", error=type(error).__name__)
