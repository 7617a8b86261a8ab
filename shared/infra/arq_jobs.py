"""Background jobs with arq: JSON payloads instead of pickle, workers configured in code, lost connections retried."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import orjson
import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob
from arq.typing import WorkerCoroutine
from arq.worker import Function, Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.model.calendar import SEOUL

log = structlog.get_logger()

_LOST: list[type[Exception]] = [RedisConnectionError, RedisTimeoutError, OSError]

CONNECT_TRIES = 30
CONNECT_PAUSE_S = 1.0

Job = Callable[..., Awaitable[Any]]


def encode(job: dict[str, Any]) -> bytes:
    """Encode a job as JSON (never pickle); an exception becomes its text."""
    return orjson.dumps(job, default=str)


def decode(data: bytes) -> dict[str, Any]:
    """Decode a job."""
    found: dict[str, Any] = orjson.loads(data)
    return found


def _pool(url: str, name: str) -> ArqRedis:
    """Return a client of a queue that has not connected yet (arq's own function loses one whose start is cancelled)."""
    connections = ConnectionPool.from_url(url, socket_connect_timeout=2, retry_on_error=_LOST)
    return ArqRedis(connections, encode, decode, name)


async def _until_answered(pool: ArqRedis) -> None:
    """Wait until the server answers; raise its error after `CONNECT_TRIES`."""
    for attempt in range(1, CONNECT_TRIES + 1):
        try:
            await pool.ping()
        except (RedisError, OSError) as error:
            if attempt == CONNECT_TRIES:
                raise
            log.warning("broker.unavailable", error=type(error).__name__, attempt=attempt)
            await asyncio.sleep(CONNECT_PAUSE_S)
        else:
            return


class _ConnectedWorker(Worker):
    """A worker that begins when the broker answers."""

    async def main(self) -> None:
        """Connect, and run jobs until it is cancelled."""
        await _until_answered(self.pool)
        await super().main()


@asynccontextmanager
async def queue(url: str, name: str) -> AsyncIterator[ArqRedis]:
    """Connect a client that enqueues jobs: `await jobs.enqueue_job(name, *keys, _job_id=content_name)`."""
    pool = _pool(url, name)
    try:
        await _until_answered(pool)
        yield pool
    finally:
        await pool.aclose(close_connection_pool=True)


def worker(
    url: str,
    name: str,
    jobs: Sequence[Job],
    cron_jobs: Sequence[CronJob],
    *,
    context: dict[str, Any],
    max_jobs: int = 10,
    timeout_s: int = 3600,
    tries: int = 5,
) -> Worker:
    """Return a worker of one queue; run it with `await worker.async_run()` and end it with `await close(worker)`.

    It reconnects to a restarted Redis, and an interrupted job runs again, up to `tries` times.
    """
    functions: list[Function] = [
        func(cast(WorkerCoroutine, job), keep_result=0, timeout=timeout_s, max_tries=tries) for job in jobs
    ]
    return _ConnectedWorker(
        functions=functions,
        cron_jobs=list(cron_jobs),
        queue_name=name,
        redis_pool=_pool(url, name),
        ctx=context,
        job_serializer=encode,
        job_deserializer=decode,
        keep_result=0,
        max_jobs=max_jobs,
        queue_read_limit=1000,
        job_timeout=timeout_s,
        max_tries=tries,
        health_check_interval=10,
        timezone=cast(Any, SEOUL),
        handle_signals=False,
        poll_delay=0.2,
        retry_jobs=True,
    )


async def close(worker: Worker, seconds: float = 5.0) -> None:
    """Stop a worker within `seconds`: cancel its jobs, which run again on another worker, and close its connections."""
    closing = asyncio.ensure_future(_close(worker))
    await asyncio.wait({closing}, timeout=seconds)
    if not closing.done():
        closing.cancel()
        log.warning("worker.close_timed_out")
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        log.warning("worker.close_failed", error=type(error).__name__)


async def _close(worker: Worker) -> None:
    worker.handle_sig(signal.SIGUSR1)
    polling = [] if worker.main_task is None else [worker.main_task]
    # the connections of all are back in the pool before it is closed; one in use would stay open
    await asyncio.gather(*worker.tasks.values(), *polling, return_exceptions=True)
    await worker.pool.aclose(close_connection_pool=True)
