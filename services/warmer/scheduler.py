"""Decide which warm runs are due, and enqueue them.

Every warmer polls; the decision is a row in PostgreSQL and PostgreSQL's clock decides. The first poll after `warm_at`
(03:00 in Seoul) inserts the run of the night, the others find it. A missed night, a killed warmer and a wrong local
clock need no other handling. The arq cron entries of `services/warmer/jobs.py` call the same `enqueue_due` at the
scheduled minute.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import asyncpg
import structlog
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from services.warmer import daily_selection, dataset, paper_accounts, webhook_deliveries
from services.warmer.phases import WarmContext
from shared.contracts.schedule import Job
from shared.contracts.warm import PHASES
from shared.errors import OndolError, UnavailableError
from shared.infra.database.pool import LOST, Database, lone_connection
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.jobs import jobs_by_name
from shared.model.calendar import SEOUL

log = structlog.get_logger()

LATE: Final = dt.timedelta(minutes=5)
"""A nightly run that starts later than this after its time is a catch-up."""
POLL_S: Final = 5.0
CHANNEL: Final = "ondol_warm"
DISCONNECTED = (*LOST, *REDIS_LOST, RedisError, UnavailableError, asyncpg.PostgresError)
"""Errors of a dependency that does not answer; poll again later."""

Clock = Callable[[], Awaitable[dt.datetime]]


def database_clock(database: Database) -> Clock:
    """Return PostgreSQL's clock, which is the same for all warmers."""

    async def now() -> dt.datetime:
        async with database.connection() as connection:
            found: dt.datetime = await connection.fetchval(statements("warm")["select_now"])
            return found

    return now


def due_date(job: Job, now: dt.datetime) -> tuple[dt.date, str]:
    """Return the date in Seoul of the last scheduled time, and whether its run is `nightly` or a `catch_up`."""
    date = job.last_due(now)
    if date is None:
        raise ValueError("the warm run has a time of day")
    return date, "nightly" if now - due_instant(job, date) <= LATE else "catch_up"


def due_instant(job: Job, date: dt.date) -> dt.datetime:
    """Return the instant at which the run of a date is due."""
    return dt.datetime.combine(date, job.at or dt.time(0), SEOUL)


async def insert_nightly_run(database: Database, job: Job, now: dt.datetime) -> int | None:
    """Insert the run that is due; None when it exists, when another run is open, or when no market data are loaded.

    Without any earlier nightly run, a run created since the due instant (that of a new installation) counts as it.
    """
    date, trigger = due_date(job, now)
    sql = statements("warm")
    async with database.connection() as connection:
        known = await connection.fetchrow(sql["select_last_nightly"])
        if not known["has_data"] or (known["last"] is not None and known["last"] >= date):
            return None
        if known["last"] is None and known["latest"] is not None and known["latest"] >= due_instant(job, date):
            return None
        run: int | None = await connection.fetchval(sql["insert_nightly_run"], date, trigger, list(PHASES))
    if run is not None:
        log.info("warm_run.scheduled", run_id=run, date=date.isoformat(), trigger=trigger)
    return run


async def insert_startup_run(database: Database, version: str | None) -> int | None:
    """Insert a run for a current version that was never warmed; None when it was, or when another run is open."""
    if version is None:
        return None
    async with database.connection() as connection:
        run: int | None = await connection.fetchval(statements("warm")["insert_startup_run"], list(PHASES), version)
    if run is not None:
        log.info("warm_run.scheduled", run_id=run, dataset=version, trigger="start_up")
    return run


async def select_due_runs(database: Database) -> Sequence[tuple[int, int]]:
    """Return (run, attempts) of queued runs and of runs whose lease has expired."""
    async with database.connection() as connection:
        rows: list[Any] = await connection.fetch(statements("warm")["select_due_runs"])
    return [(row["id"], row["attempts"]) for row in rows]


async def enqueue_due(context: WarmContext, queue: ArqRedis, clock: Clock) -> None:
    """Insert the nightly run if it is due, and enqueue every due run, daily selection, step of paper accounts
    and delivery of webhooks.

    Job ids name the run and its attempt, so repeated calls enqueue a job once.
    """
    now = await clock()
    jobs = jobs_by_name(context.settings)
    if context.settings.warm_enabled:
        await insert_nightly_run(context.database, jobs["warm"], now)
    for run_id, attempts in await select_due_runs(context.database):
        await queue.enqueue_job("warm", run_id, _job_id=f"warm:{run_id}:{attempts}")
    day = daily_selection.due_day(jobs["picks"], now)
    if day is not None and await daily_selection.is_due(context.database, day, now):
        # at most one attempt in ten minutes: a strategy whose data are missing fails every time
        slot = now.astimezone(SEOUL).strftime("%H%M")[:3]
        await queue.enqueue_job("select_daily", day.isoformat(), _job_id=f"picks:{day.isoformat()}:{slot}")
    if context.settings.paper_trading_enabled:
        await paper_accounts.mark_day(context, now)
        if await paper_accounts.is_due(context.database, now):
            await queue.enqueue_job("step_accounts", _job_id=f"paper:{now.timestamp() // POLL_S:.0f}")
    if await webhook_deliveries.is_due(context.database):
        await queue.enqueue_job("deliver_webhooks", _job_id=f"webhooks:{now.timestamp() // POLL_S:.0f}")


class CatchUp:
    """Polls for due runs: at the start, every `POLL_S` seconds, and when a manual run was inserted."""

    def __init__(self, context: WarmContext, queue: ArqRedis) -> None:
        self._context = context
        self._queue = queue
        self._clock = database_clock(context.database)
        self._inserted = asyncio.Event()

    async def poll(self) -> None:
        """Task: start up once, then call `enqueue_due` for ever."""
        started = False
        while True:
            try:
                if not started:
                    await self._start_up()
                    started = True
                await enqueue_due(self._context, self._queue, self._clock)
            except DISCONNECTED as error:
                log.warning("poll.failed", error=str(error) or type(error).__name__)
            try:
                async with asyncio.timeout(POLL_S):
                    await self._inserted.wait()
                self._inserted.clear()
            except TimeoutError:
                continue

    async def _start_up(self) -> None:
        """Restore the metric of the last success, delete old runs, and schedule a run for a cold current version."""
        context, sql = self._context, statements("warm")
        async with context.database.connection() as connection:
            succeeded_at: float | None = await connection.fetchval(sql["select_last_success"])
            await connection.execute(sql["delete_old_runs"])
        if succeeded_at is not None:
            context.metrics.succeeded(succeeded_at)
        if context.settings.warm_enabled:
            warm = jobs_by_name(context.settings)["warm"]
            await insert_nightly_run(context.database, warm, await self._clock())
            known = await dataset.current_version(context.database)
            await insert_startup_run(context.database, known[0] if known else None)

    async def listen(self) -> None:
        """Task: LISTEN for manual runs, so that they start without waiting for the next poll."""

        def on_notify(*_: object) -> None:
            self._inserted.set()

        while True:
            try:
                async with lone_connection(self._context.database_url) as connection:
                    listener: Callable[..., None] = on_notify
                    await connection.add_listener(CHANNEL, listener)
                    while not connection.is_closed():  # noqa: ASYNC110  asyncpg has no awaitable for a closed connection
                        await asyncio.sleep(1)
            except (*DISCONNECTED, OndolError):
                await asyncio.sleep(1)
