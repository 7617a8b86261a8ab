"""One computation, from its lease to its stored end: take, map, run, save."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
import orjson
import structlog
from redis.asyncio import Redis

from services.simulator.panels import WAIT_S, Versions
from shared.contracts.events import BacktestEnded, BacktestProgressed, BacktestRequested
from shared.contracts.http import ORIGINS, problem_document, run_problem
from shared.dataset.reading import Reading
from shared.errors import (
    CancelledRunError,
    ChunkMissingError,
    DatasetError,
    RequestError,
    RunError,
    UnavailableError,
)
from shared.infra.cache import Cache
from shared.infra.postgres import LOST, Database
from shared.infra.process import give_back
from shared.infra.redis import LOST as REDIS_LOST
from shared.infra.sql import statements
from shared.infra.streams import append
from shared.model.request import BacktestRequest, request_from_json
from shared.simulation import ENGINE_VERSION
from shared.simulation.outcome import Outcome
from shared.simulation.plan import plan
from shared.simulation.stored import frame_of

log = structlog.get_logger()

SQL = statements("backtest")
LEASE_S = 4.0
EARLY_S = 0.05
"""A run that is over so soon after its row was announced needs no lease: its end is written into the waiting row."""
ROW_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5)
"""Between looks for a row that was announced while it was written."""
MOST_STARTS = 3
MAPPED_S = 0.05
"""Mapping that took longer has decoded chunks, which needs memory for a moment."""
PROGRESS_S = 0.1
SHORT_ROWS = 1000
"""A run over fewer rows is over before anybody could read of its progress."""
PATIENCE_S = 120.0

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


async def lease(
    tools: Tools, hint: BacktestRequested, entry: str, *, begun: bool = False, early: Work | None = None
) -> Work | None:
    """The lease of a computation, or None when it is done, cancelled, condemned or somebody else's.

    `begun`: the hint was in other hands, which may have begun a run before its lease; `early`: this process did.
    """
    values = (
        uuid.UUID(hint.computation_id), LEASE_S, tools.worker, begun and hint.request is not None,
        None if early is None else early.started_at,
    )  # fmt: skip
    row = await _lasting(tools.database, "fetchrow", SQL["take"], *values)
    if row is None and hint.row_follows and await _comes(tools, hint):
        row = await _lasting(tools.database, "fetchrow", SQL["take"], *values)
    if row is None:
        return None
    return Work(
        id=uuid.UUID(hint.computation_id), lease=row["lease"], entry=entry, version=row["dataset_version"],
        request=request_from_json(row["request"]), origin=row["origin"],
        attempts=row["attempts"], queue_ms=float(row["queue_ms"]), started_at=row["started_at"],
    )  # fmt: skip


async def _comes(tools: Tools, hint: BacktestRequested) -> bool:
    """Whether the row is there, or comes within a second; later the reconciler announces it."""
    for pause in ROW_PAUSES_S:
        if await _lasting(tools.database, "fetchval", SQL["exists"], uuid.UUID(hint.computation_id)):
            return True
        await asyncio.sleep(pause)
    return False


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
        stored=frame_of(outcome.encoded, b"," + beside[1:-1]),
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


async def save(tools: Tools, work: Work, finished: Finished) -> bool:
    """Write the result, fenced by the lease; and the cache. False: the lease was lost."""
    return await _saved(tools, work, finished, _write("complete", tools, work, *_end_of_row(finished)))


async def save_early(tools: Tools, work: Work, finished: Finished, text: str) -> bool:
    """Write the result of a run of the request `text`, which has no lease, into its row; and the cache. False: the row
    does not wait any more, says something else, or cannot be reached: nothing has changed."""

    async def written() -> bool:
        try:
            async with tools.database.connection() as connection:
                return await connection.fetchval(
                    SQL["complete_early"], work.id, text, work.version, ENGINE_VERSION, *_end_of_row(finished),
                    work.started_at,
                ) is not None  # fmt: skip
        except (*LOST, UnavailableError, asyncpg.PostgresError) as error:  # the lease decides what becomes of it
            log.warning("record.lost", error=type(error).__name__)
            return False

    mine = await _saved(tools, work, finished, written())
    if not mine:
        await tools.cache.forget_result(str(work.id))
    return mine


async def _saved(tools: Tools, work: Work, finished: Finished, written: Coroutine[Any, Any, bool]) -> bool:
    # the cache may be written at the same time: nobody looks there before the row, or the end, says `completed`
    cached = asyncio.ensure_future(tools.cache.put_result(str(work.id), finished.stored))
    mine = await written
    await cached
    work.end = BacktestEnded(computation_id=str(work.id), status="completed", result_digest=finished.digest)
    return mine


def _end_of_row(finished: Finished) -> tuple[bytes, str, str, dt.datetime]:
    return finished.stored, finished.digest, finished.statistics, finished.finished_at


async def fail(tools: Tools, work: Work, problem: dict[str, Any]) -> bool:
    """End a computation without a result."""
    work.end = BacktestEnded(computation_id=str(work.id), status="failed")
    return await _write("fail", tools, work, orjson.dumps(problem).decode())


async def hand_back(tools: Tools, work: Work, *, counts: bool = False) -> None:
    """Give the lease back; the reconciler announces the row again. `counts`: this start was one of the three."""
    await _write("hand_back", tools, work, 0 if counts else 1)


async def _write(name: str, tools: Tools, work: Work, *values: object) -> bool:
    """A fenced write: False when the lease is not ours any more."""
    return await _lasting(tools.database, "fetchval", SQL[name], work.id, work.lease, *values) is not None


async def _lasting(database: Database, method: str, *arguments: object) -> Any:
    """A statement that outlives a lost PostgreSQL for as long as it may take to come back."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with database.connection() as connection:
                return await getattr(connection, method)(*arguments)
        except (*LOST, UnavailableError, asyncpg.OperatorInterventionError) as error:
            if time.monotonic() > give_up:
                raise
            log.warning("record.lost", error=type(error).__name__)
            await asyncio.sleep(0.25)


async def end_of(attempt: Awaitable[Finished], tools: Tools, work: Work) -> str:
    """What became of a computation, as one word for logs and metrics; it is stored when this returns."""
    try:
        finished = await attempt
    except CancelledRunError:
        if work.leaving:
            await hand_back(tools, work)
            return "handed_back"
        return "cancelled"
    except ChunkMissingError as error:
        log.warning("chunks.missing", backtest=str(work.id), parts=len(error.missing))
        await hand_back(tools, work)
        return "handed_back"
    except RunError as error:
        return "failed" if await fail(tools, work, run_problem(error)) else "fenced"
    except RequestError as error:
        problem = problem_document(422, "run-failed", str(error), error.problems)
        return "failed" if await fail(tools, work, {**problem, "kind": "request"}) else "fenced"
    except (DatasetError, UnavailableError, *LOST, *REDIS_LOST) as error:
        log.warning("run.interrupted", backtest=str(work.id), error=str(error))
        if work.attempts < MOST_STARTS:
            await hand_back(tools, work, counts=True)
            return "handed_back"
        problem = problem_document(
            503, "run-failed", f"The backtest was interrupted three times, the last time: {error}"
        )
        return "failed" if await fail(tools, work, {**problem, "kind": "interrupted"}) else "fenced"
    except Exception as error:  # the outermost edge of a run: a bug ends this row and no other
        log.error("run.broken", backtest=str(work.id), exc_info=error)
        problem = problem_document(500, "internal", "The run broke by a mistake of ours; it is logged.")
        return "failed" if await fail(tools, work, {**problem, "kind": "internal"}) else "fenced"
    return "completed" if await save(tools, work, finished) else "fenced"
