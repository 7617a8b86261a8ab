"""One run: map what the request reads, run it in a worker thread, tell its progress."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
import structlog
from redis.asyncio import Redis

from services.simulator.panel_store import WAIT_S, Versions
from shared.contracts.events import BacktestEnded, BacktestProgressed, BacktestRequested
from shared.contracts.http import ORIGINS
from shared.dataset.panel_reader import Reading
from shared.errors import CancelledRunError, ChunkMissingError
from shared.infra.database.pool import Database
from shared.infra.memory import give_back
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append
from shared.model.request import BacktestRequest, request_from_json
from shared.simulation.plan import plan
from shared.simulation.result.outcome import Outcome
from shared.simulation.result.storage import pack

log = structlog.get_logger()

MAPPED_S = 0.05
"""Mapping that took longer has decoded chunks, which needs memory for a moment."""
PROGRESS_S = 0.1
SHORT_ROWS = 1000
"""A run over fewer rows is over before anybody could read of its progress."""
Run = Callable[..., Outcome]


@dataclass(kw_only=True)
class Work:
    """A computation that this process holds the lease of, or began to run before it asked for it (lease 0)."""

    id: uuid.UUID
    lease: int
    entry: str
    request: BacktestRequest
    version: str
    origin: str
    attempts: int
    queue_ms: float
    started_at: dt.datetime
    status: str = "running"
    progress: float = 0.0
    waited: bool = False
    """The preparer had to bring chunks."""
    stop: bool = False
    """Set by the heartbeat when the lease is lost or the row was cancelled, and when the process has to leave."""
    leaving: bool = False
    end: BacktestEnded | None = None
    """What to announce once it is written."""
    points: list[dict[str, Any]] = field(default_factory=list)
    told: int = 0
    """Equity points that were told as progress."""
    began: float = field(default_factory=time.monotonic)
    told_at: float = field(default_factory=time.monotonic)

    def goes_on_as(self, row: Work | None) -> bool:
        """Take over the lease of a row, if the row says what this began to compute before."""
        if row is None or (self.request, self.version) != (row.request, row.version):
            return False
        self.lease, self.attempts, self.origin = row.lease, row.attempts, row.origin
        return True


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What every computation uses."""

    database: Database
    broker: Redis
    cache: Cache
    versions: Versions
    executor: Executor
    questions: Executor
    run: Run
    worker: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A result as it is stored: one frame, with what lists and metrics need beside it."""

    stored: bytes
    digest: str
    statistics: str
    timing: dict[str, Any]
    cache: dict[str, Any]
    finished_at: dt.datetime


def early_work(hint: BacktestRequested, entry: str) -> Work | None:
    """What a hint says about a row that nobody has begun, None when it says too little."""
    if hint.request is None:
        return None
    try:
        request = request_from_json(hint.request)
    except msgspec.MsgspecError:
        return None
    return Work(
        id=uuid.UUID(hint.computation_id), lease=0, entry=entry, version=hint.dataset_version, request=request,
        origin=hint.origin if hint.origin in ORIGINS else "user", attempts=1,
        queue_ms=max(0.0, (time.time() - hint.created_at) * 1e3),
        started_at=dt.datetime.now(dt.UTC),
    )  # fmt: skip


async def compute(tools: Tools, work: Work) -> Finished:
    """Map what the request reads and run it in a worker thread; missing chunks are asked for and waited for.

    Raises RunError, CancelledRunError, ChunkMissingError.
    """
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    panels = await tools.versions.panels(work.version)
    deadline = time.monotonic() + WAIT_S
    tell = _progress_teller(tools, work, loop)
    while True:
        try:
            return await loop.run_in_executor(tools.executor, _run, tools.run, work, panels.reading(), begin, tell)
        except ChunkMissingError as error:
            if time.monotonic() >= deadline:
                raise
            work.status, work.waited = "preparing", True
            await _tell_progress(tools, work)
            await tools.versions.bring(work.version, error.missing, lambda: not work.stop)
            if work.stop:
                raise CancelledRunError from None
            work.status = "running"


def _run(
    run: Run, work: Work, panels: Reading, begin: float, tell: Callable[[float, list[dict[str, Any]]], None]
) -> Finished:
    planned = plan(work.request, panels.days)
    needs = planned.needs
    load_begin = time.perf_counter()
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, rows in needs.items():
        if name in panels.factors or not name.isupper():
            by_rows.setdefault((rows.start, rows.stop), []).append(name)
    for (start, stop), names in by_rows.items():
        panels.ensure(names, slice(start, stop))
    loaded = time.perf_counter()
    if loaded - load_begin > MAPPED_S:
        give_back()
    long = planned.window.stop - planned.window.start > SHORT_ROWS
    outcome = run(work.request, panels, planned=planned, cancelled=lambda: work.stop, progress=tell if long else None)
    finished, finished_at = time.perf_counter(), dt.datetime.now(dt.UTC)
    timing: dict[str, Any] = {
        "queue_ms": round(work.queue_ms, 3),
        "load_ms": round((loaded - load_begin) * 1e3, 3),
        **{name: round(value, 3) for name, value in outcome.timing.items()},
        "total_ms": round((finished - begin) * 1e3, 3),
        "started_at": work.started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
    }
    cache = panels.counters.as_dict()
    beside = orjson.dumps({"timing": timing, "cache": cache})
    return Finished(
        stored=pack(outcome.encoded, b"," + beside[1:-1]),
        digest=outcome.result_digest,
        statistics=outcome.statistics.decode(),
        timing=timing,
        cache=cache,
        finished_at=finished_at,
    )


def _progress_teller(
    tools: Tools, work: Work, loop: asyncio.AbstractEventLoop
) -> Callable[[float, list[dict[str, Any]]], None]:
    """Called by the run with its progress; passes it on every 100 ms at most."""

    def tell(progress: float, points: list[dict[str, Any]]) -> None:
        work.progress = progress
        work.points += points
        now = time.monotonic()
        if now - work.told_at >= PROGRESS_S and progress < 1.0:
            work.told_at = now
            asyncio.run_coroutine_threadsafe(_tell_progress(tools, work), loop)

    return tell


async def _tell_progress(tools: Tools, work: Work) -> None:
    points, work.points = work.points, []
    before, work.told = work.told, work.told + len(points)
    try:
        await append(
            tools.broker,
            BacktestProgressed(
                computation_id=str(work.id),
                progress=work.progress,
                equity=tuple(points),
                status=work.status,
                before=before,
            ),
        )
    except REDIS_LOST as error:
        log.warning("progress.lost", backtest=str(work.id), error=type(error).__name__)
