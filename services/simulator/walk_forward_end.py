"""The last part of a walk-forward: choose from the tables of its trains, then simulate the account over its tests."""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import Executor

from services.simulator import sweep_store
from services.simulator.consumer import InFlight
from services.simulator.part_runs import map_needs, pausing, reserved_for
from services.simulator.sweep_store import PartJob
from shared.dataset.panels import MappedPanels
from shared.errors import RequestError
from shared.infra.database.pool import Database
from shared.model.request import BacktestRequest
from shared.research.sweeps.columns import SweepTable, table_of
from shared.research.sweeps.part import unpack
from shared.research.walk_forward.choice import choose
from shared.research.walk_forward.plan import WalkForwardPlan
from shared.research.walk_forward.report import (
    Choices,
    Finished,
    finish,
    request_error,
    stitch_requests,
    window_outcome,
    without_account,
)


async def read_choices(database: Database, sweep: uuid.UUID, plan: WalkForwardPlan, pool: Executor) -> Choices:
    """Return the choices of ended runs; the tables of one window at a time are in memory."""
    loop = asyncio.get_running_loop()
    outcomes = []
    for window in range(len(plan.windows)):
        train, test = [await _table(database, sweep, plan, plan.run_of(window, kind)) for kind in ("train", "test")]
        outcomes.append(await loop.run_in_executor(pool, window_outcome, plan, train, test))
    last = await _table(database, sweep, plan, plan.next_run)
    return Choices(outcomes=outcomes, following=await loop.run_in_executor(pool, choose, last, plan.body.choose))


async def _table(database: Database, sweep: uuid.UUID, plan: WalkForwardPlan, run: int) -> SweepTable:
    first = run * plan.variants
    parts, after = [], -1
    while rows := await sweep_store.select_run_parts(database, sweep, first, first + plan.variants, after):
        parts += [(row["first"] - first, unpack(bytes(row["data"]))) for row in rows]
        after = rows[-1]["part"]
    return table_of(plan.run(run), parts)


def requests_or_end(plan: WalkForwardPlan, choices: Choices) -> list[BacktestRequest] | Finished:
    """Return the requests of the account, or the end of a walk-forward whose windows cannot be traded."""
    try:
        return stitch_requests(plan, choices.outcomes)
    except RequestError as error:
        return without_account(plan, choices, request_error(error))


def simulate_account(
    plan: WalkForwardPlan, choices: Choices, requests: list[BacktestRequest], panels: MappedPanels,
    *, job: PartJob, in_flight: InFlight,
) -> Finished:  # fmt: skip
    """Simulate the account; raise CancelledRunError, ChunkMissingError."""
    with reserved_for(requests, panels, lambda: job.stop):
        reader = panels.reader()
        map_needs(requests, reader)
        return finish(plan, choices, reader, requests, pausing(job, in_flight))
