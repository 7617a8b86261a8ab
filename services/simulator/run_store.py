"""What is read from and written into the row of a computation: its lease, its end, and everything it can end as."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Coroutine
from typing import Any

import asyncpg
import orjson
import structlog

from services.simulator.runner import Finished, Tools, Work
from shared.contracts.events import BacktestEnded, BacktestRequested
from shared.contracts.http import problem_document, run_problem
from shared.errors import CancelledRunError, ChunkMissingError, DatasetError, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.model.request import request_from_json
from shared.simulation import ENGINE_VERSION

log = structlog.get_logger()

SQL = statements("backtest")
LEASE_S = 4.0
EARLY_S = 0.05
"""A run that is over so soon after its row was announced needs no lease: its end is written into the waiting row."""
ROW_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5)
"""Between looks for a row that was announced while it was written."""
LATE_S = 3.0
"""A row that is not there so long after its hint will not come."""
MOST_STARTS = 3
PATIENCE_S = 120.0


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
    """Whether the row is there, or comes while its hint is young; later the reconciler announces it."""
    for pause in ROW_PAUSES_S:
        if await _lasting(tools.database, "fetchval", SQL["exists"], uuid.UUID(hint.computation_id)):
            return True
        if time.time() - hint.created_at > LATE_S:  # it was refused: PostgreSQL was away
            return False
        await asyncio.sleep(pause)
    return False


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
