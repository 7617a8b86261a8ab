"""Run short jobs without a lease: compute first, then complete the queued row in one statement.

A short run saves the round trip of its lease (measured in docs/adr/0009 and 0013). It may run a job that
another worker also runs; both results have the same bytes and `complete_optimistic` stores the first. Longer runs
acquire the lease while they run and continue under it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from services.simulator import run_store
from services.simulator.job import Context, Job
from services.simulator.outcome import Ending, RunResult
from shared.contracts.events import BacktestRequested
from shared.contracts.http import ORIGINS
from shared.model.request import request_from_json

OPTIMISTIC_S = 0.05
"""A run that takes longer acquires the lease and continues under it."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A started run. With an `ending` nothing is left to do; without a `job` there is nothing to run."""

    job: Job | None = None
    running: asyncio.Future[RunResult] | None = None
    ending: Ending | None = None


async def start(
    context: Context, message: BacktestRequested, entry: str, compute: Callable[[Job], Awaitable[RunResult]]
) -> Attempt | None:
    """Run the job of a message without a lease; None when the message does not contain the job.

    The returned attempt has either ended, or continues under a lease.
    """
    job = job_of(message, entry)
    if job is None:
        return None
    running = asyncio.ensure_future(compute(job))
    await asyncio.wait({running}, timeout=OPTIMISTIC_S)
    if (
        running.done()
        and running.exception() is None
        and await run_store.complete_optimistic(context, job, running.result(), message.request or "")
    ):
        return Attempt(job=job, ending="completed")
    leased = await run_store.acquire_lease(context, message, entry, running=job)
    if job.adopt_lease(leased):
        return Attempt(job=job, running=running)
    job.stop = True
    (ended,) = await asyncio.gather(running, return_exceptions=True)
    if leased is not None:
        return Attempt(job=leased, running=asyncio.ensure_future(compute(leased)))
    return Attempt(job=job, ending="stale_lease") if isinstance(ended, RunResult) else Attempt()


def job_of(message: BacktestRequested, entry: str) -> Job | None:
    """Return the job that a message describes; None when it has no request, or one that cannot be decoded."""
    if message.request is None:
        return None
    try:
        request = request_from_json(message.request)
    except msgspec.MsgspecError:
        return None
    return Job(
        id=uuid.UUID(message.computation_id), lease=0, entry=entry, version=message.dataset_version, request=request,
        origin=message.origin if message.origin in ORIGINS else "user", attempts=1,
        queue_ms=max(0.0, (time.time() - message.created_at) * 1e3),
        started_at=dt.datetime.now(dt.UTC),
    )  # fmt: skip
