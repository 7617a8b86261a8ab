"""Compute one job: map the panels that the request reads, run it in a worker thread, publish its progress."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from services.simulator import metrics
from services.simulator.job import Context, Job
from services.simulator.outcome import RunResult
from services.simulator.panel_store import WAIT_S
from services.simulator.reservation import is_small, reserved_panels
from shared.contracts.events import BacktestProgressed
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.errors import CancelledRunError, ChunkMissingError
from shared.infra.memory import trim_heap
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.simulation.computing_cost import read_bytes_of_request, stored_bytes_of_request
from shared.simulation.plan import plan
from shared.simulation.result.storage import pack

log = structlog.get_logger()

DECODED_S = 0.05
"""Mapping that took longer has decoded chunks, which needs memory for a moment."""
PROGRESS_S = 0.1
MIN_PROGRESS_ROWS = 1000
"""Shorter runs end before a client could read their progress; they publish none."""
Report = Callable[[float, list[dict[str, Any]]], None]


async def compute(context: Context, job: Job) -> RunResult:
    """Map the panels that the request reads and run it in a worker thread; request and await missing chunks.

    Raises RunError, CancelledRunError, ChunkMissingError (after `WAIT_S`).
    """
    metrics.run_started(job)
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    panels = await context.panel_store.panels(job.version)
    deadline = time.monotonic() + WAIT_S
    report = _progress_reporter(context, job, loop)
    while True:
        try:
            pool = context.long_pool if job.long else context.run_pool
            return await loop.run_in_executor(pool, _run_reserved, context, job, panels, begin, report)
        except ChunkMissingError as error:
            if time.monotonic() >= deadline:
                raise
            job.status, job.waited = "preparing", True
            await _publish_progress(context, job)
            await context.panel_store.fetch_missing(job.version, error.missing, lambda: not job.stop)
            if job.stop:
                raise CancelledRunError from None
            job.status = "running"


def _run_reserved(context: Context, job: Job, panels: MappedPanels, begin: float, report: Report) -> RunResult:
    """Run with a reservation for the intermediate values when they are many."""
    stored = stored_bytes_of_request(job.request, panels.days, len(panels.instruments))
    if is_small(panels, stored):
        return _run(context, job, panels.reader(), begin, report)

    def read() -> int:
        return read_bytes_of_request(job.request, panels.days, len(panels.instruments))

    with reserved_panels(panels, stored, read, lambda: job.is_stopped(context.run_limit_s)):
        return _run(context, job, panels.reader(), begin, report)


def _run(context: Context, job: Job, panels: PanelReader, begin: float, report: Report) -> RunResult:
    planned = plan(job.request, panels.days)
    load_begin = time.perf_counter()
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, rows in planned.needs.items():
        if name in panels.factors or not name.isupper():
            by_rows.setdefault((rows.start, rows.stop), []).append(name)
    for (start, stop), names in by_rows.items():
        panels.ensure(names, slice(start, stop))
    loaded = time.perf_counter()
    if loaded - load_begin > DECODED_S:
        trim_heap()
    long = planned.window.stop - planned.window.start > MIN_PROGRESS_ROWS
    outcome = context.run(
        job.request, panels, planned=planned, cancelled=lambda: job.is_stopped(context.run_limit_s),
        progress=report if long else None,
    )  # fmt: skip
    finished, finished_at = time.perf_counter(), dt.datetime.now(dt.UTC)
    timing: dict[str, Any] = {
        "queue_ms": round(job.queue_ms, 3),
        "load_ms": round((loaded - load_begin) * 1e3, 3),
        **{name: round(value, 3) for name, value in outcome.timing.items()},
        "total_ms": round((finished - begin) * 1e3, 3),
        "started_at": job.started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
    }
    cache = panels.counters.as_dict()
    beside = orjson.dumps({"timing": timing, "cache": cache})
    return RunResult(
        stored=pack(outcome.encoded, b"," + beside[1:-1]),
        digest=outcome.result_digest,
        statistics=outcome.statistics.decode(),
        timing=timing,
        cache=cache,
        finished_at=finished_at,
    )


def _progress_reporter(context: Context, job: Job, loop: asyncio.AbstractEventLoop) -> Report:
    """Return the callback of the run's thread; it publishes progress at most every `PROGRESS_S` seconds."""

    def report(progress: float, points: list[dict[str, Any]]) -> None:
        job.progress = progress
        job.points += points
        now = time.monotonic()
        if now - job.published_at >= PROGRESS_S and progress < 1.0:
            job.published_at = now
            asyncio.run_coroutine_threadsafe(_publish_progress(context, job), loop)

    return report


async def _publish_progress(context: Context, job: Job) -> None:
    points, job.points = job.points, []
    before, job.published_points = job.published_points, job.published_points + len(points)
    try:
        await append(
            context.broker,
            BacktestProgressed(
                computation_id=str(job.id), progress=job.progress, equity=tuple(points), status=job.status,
                before=before,
            ),
        )  # fmt: skip
    except LOST as error:
        log.warning("progress.dropped", computation_id=str(job.id), error=type(error).__name__)
