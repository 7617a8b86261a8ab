"""Leases and outcomes of computations in PostgreSQL; a method has the name of the SQL statement that it runs."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg
import orjson
import structlog

from services.simulator import metrics
from services.simulator.job import Context, Job
from services.simulator.leases import LEASE_S
from services.simulator.outcome import Cancelled, Completed, Ending, Failed, Outcome, Released, RunResult
from shared.contracts.events import BacktestEnded, BacktestRequested
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.market import RULES_VERSION
from shared.model.request import request_from_json
from shared.simulation import ENGINE_VERSION

log = structlog.get_logger()
T = TypeVar("T")

SQL = statements("backtest")
ROW_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5)
"""Pauses between the polls for a row whose message was published before it was committed."""
LATE_S = 3.0
"""A row that is absent so long after its message was refused."""
RETRY_S = 120.0
"""How long a statement is retried while PostgreSQL is lost."""


async def acquire_lease(
    context: Context, message: BacktestRequested, entry: str, *, redelivered: bool = False, running: Job | None = None
) -> Job | None:
    """Acquire the lease; None if the job is finished, cancelled, exhausted, leased by another worker, or of another
    version of the engine or the rules.

    `redelivered`: another worker may already have started it; `running`: this worker started it before leasing.
    """
    values = (
        uuid.UUID(message.computation_id), LEASE_S, context.worker, redelivered and message.request is not None,
        None if running is None else running.started_at, ENGINE_VERSION, RULES_VERSION,
    )  # fmt: skip
    row = await with_retry(context.database, "fetchrow", SQL["acquire_lease"], *values)
    if row is None and message.row_follows and await wait_for_row(context, message):
        row = await with_retry(context.database, "fetchrow", SQL["acquire_lease"], *values)
    if row is None:
        return None
    return Job(
        id=uuid.UUID(message.computation_id), lease=row["lease"], entry=entry, version=row["dataset_version"],
        request=request_from_json(row["request"]), origin=row["origin"],
        attempts=row["attempts"], queue_ms=float(row["queue_ms"]), started_at=row["started_at"], long=row["long"],
    )  # fmt: skip


async def wait_for_row(context: Context, message: BacktestRequested) -> bool:
    """Return whether the row exists, polling for it until the message is `LATE_S` old."""
    for pause in ROW_PAUSES_S:
        if await with_retry(
            context.database, "fetchval", SQL["computation_exists"], uuid.UUID(message.computation_id)
        ):  # fmt: skip
            return True
        if time.time() - message.created_at > LATE_S:  # the insert was refused: PostgreSQL was lost
            return False
        await asyncio.sleep(pause)
    return False


async def store_outcome(context: Context, job: Job, outcome: Outcome) -> Ending:
    """Write an outcome under the job's lease; `stale_lease` when another worker owns the row by now."""
    match outcome:
        case Completed(result):
            return "completed" if await complete(context, job, result) else "stale_lease"
        case Failed(problem):
            return "failed" if await fail(context, job, problem) else "stale_lease"
        case Released(counts_attempt):
            await release(context, job, counts_attempt=counts_attempt)
            return "released"
        case Cancelled():
            return "cancelled"


async def complete(context: Context, job: Job, result: RunResult) -> bool:
    """Store the result in the row, fenced by the lease, and in the cache. False: the lease was lost."""
    return await _store_result(context, job, result, _write("complete", context, job, *_row_values(result)))


async def complete_optimistic(context: Context, job: Job, result: RunResult, request: str) -> bool:
    """Store the result of a run of `request` without a lease in its queued row, and in the cache.

    False: the row is not queued any more, has another request, or cannot be reached; then nothing has changed.
    """

    async def written() -> bool:
        try:
            async with context.database.connection() as connection:
                return await connection.fetchval(
                    SQL["complete_optimistic"], job.id, request, job.version, ENGINE_VERSION, *_row_values(result),
                    job.started_at, RULES_VERSION,
                ) is not None  # fmt: skip
        except (*LOST, UnavailableError, asyncpg.PostgresError) as error:  # continue under a lease
            log.warning("database.unavailable", error=type(error).__name__)
            return False

    stored = await _store_result(context, job, result, written())
    if not stored:
        await context.cache.forget_result(str(job.id))
    return stored


async def _store_result(context: Context, job: Job, result: RunResult, written: Coroutine[Any, Any, bool]) -> bool:
    # the cache may be written concurrently: it is read only after the row, or the event, says `completed`
    cached = asyncio.ensure_future(context.cache.put_result(str(job.id), result.stored))
    stored = await written
    await cached
    if stored:
        metrics.result_stored(len(result.stored))
    job.ended_event = BacktestEnded(computation_id=str(job.id), status="completed", result_digest=result.digest)
    return stored


def _row_values(result: RunResult) -> tuple[bytes, str, str, dt.datetime]:
    return result.stored, result.digest, result.statistics, result.finished_at


async def fail(context: Context, job: Job, problem: dict[str, Any]) -> bool:
    """Mark the row as failed, fenced by the lease. False: the lease was lost."""
    job.ended_event = BacktestEnded(computation_id=str(job.id), status="failed")
    return await _write("fail", context, job, orjson.dumps(problem).decode())


async def release(context: Context, job: Job, *, counts_attempt: bool = False) -> None:
    """Return the row to the queue; the reconciler publishes it again."""
    await _write("release", context, job, 0 if counts_attempt else 1)


async def _write(statement: str, context: Context, job: Job, *values: object) -> bool:
    """Execute a statement that the lease fences; False when the lease was lost."""
    return await with_retry(context.database, "fetchval", SQL[statement], job.id, job.lease, *values) is not None


async def with_retry(database: Database, method: str, *arguments: object) -> Any:
    """Execute a statement, retrying for up to `RETRY_S` seconds while PostgreSQL is lost."""
    return await with_retries(database, lambda connection: getattr(connection, method)(*arguments))


async def with_retries(database: Database, work: Callable[[asyncpg.pool.PoolConnectionProxy], Awaitable[T]]) -> T:
    """Return what `work` does with a connection, retrying for up to `RETRY_S` seconds while PostgreSQL is lost."""
    give_up = time.monotonic() + RETRY_S
    while True:
        try:
            async with database.connection() as connection:
                return await work(connection)
        except (*LOST, UnavailableError, asyncpg.OperatorInterventionError) as error:
            if time.monotonic() > give_up:
                raise
            log.warning("database.unavailable", error=type(error).__name__)
            await asyncio.sleep(0.25)
