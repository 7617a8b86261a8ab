"""The warmer: an arq worker with its cron jobs, and a watch that makes due runs begin and lost ones go on.

The cron entries are the plan; the watch is what makes it come true. Every few seconds, and whenever a run is asked for
by hand, it looks into the record: is a night due that has no run, does a run wait, has its warmer fallen silent? So a
missed 03:00, a killed warmer and a restart are all mended by looking. Any number of warmers may look.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import aiohttp
import asyncpg
import structlog
from arq.connections import ArqRedis
from arq.cron import cron
from arq.worker import Worker
from prometheus_client import REGISTRY, CollectorRegistry

from services.warmer import daily_selection, dataset, retention, scheduler, warm_run
from services.warmer.metrics import WarmMetrics
from services.warmer.phases import Tools
from shared.contracts.events import DatasetRequested
from shared.contracts.schedule import SEOUL, Job, timetable
from shared.errors import OndolError, SetupError, UnavailableError
from shared.infra import arq_jobs
from shared.infra.api_client import Client
from shared.infra.database.pool import LOST, database, is_migrated, lone_connection
from shared.infra.database.sql import statements
from shared.infra.health_server import Check, health_server
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.metrics import exposition
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.streams import append
from shared.settings import Settings

log = structlog.get_logger()

QUEUE: Final = "ondol:arq:warm"
CHANNEL: Final = "ondol_warm"
LOOK_S: Final = 5.0
AWAY = (*LOST, *servers.LOST, UnavailableError, asyncpg.PostgresError)
"""A dependency that does not answer: look again later."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a run that is going on is handed back and goes on after the return."""
    if not settings.has_servers:
        raise SetupError("The warmer needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        tools = await stack.enter_async_context(open_tools(settings))
        checks: dict[str, Check] = {
            "postgres": tools.database.answers,
            "broker": partial(servers.answers, tools.broker),
            "cache": tools.cache.answers,
            "schema": partial(_migrated, tools),
        }
        await stack.enter_async_context(
            health_server(settings.metrics_host, settings.metrics_port, checks, partial(exposition, REGISTRY))
        )
        if not settings.warm_enabled:
            log.warning(
                "warming_is_off", setting="ONDOL_WARM_ENABLED", still="runs by hand, picks, refreshes and purges"
            )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(_serve(tools))
        except* StopRequested:
            log.info("warmer_left")


@asynccontextmanager
async def open_tools(settings: Settings, registry: CollectorRegistry = REGISTRY) -> AsyncIterator[Tools]:
    """Everything that a warmer works with, closed at the end of the block."""
    size, patience_s = settings.pool_size, settings.acquire_timeout_ms / 1e3
    async with (
        database(settings.database_url or "", size=size, acquire_timeout_s=patience_s, service="warmer") as record,
        servers.broker(settings.broker_url or "") as broker,
        open_cache(settings.cache_url or "", cluster=settings.cache_cluster) as cache,
        aiohttp.ClientSession() as session,
    ):
        ask = partial(Client, session, api_url(settings), key=settings.api_key)
        yield Tools(
            settings=settings, database=record, database_url=settings.database_url or "", broker=broker, cache=cache,
            user=ask(origin="warmer"), verifier=ask(origin="verify"), metrics=WarmMetrics(registry),
            worker=f"{socket.gethostname()}-{os.getpid()}",
        )  # fmt: skip


def api_url(settings: Settings) -> str:
    """Where the API is asked: the setting, or the API of this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.api_host, settings.api_host)  # noqa: S104
    return settings.api_url or f"http://{host}:{settings.api_port}"


async def _migrated(tools: Tools) -> bool:
    try:
        return await is_migrated(tools.database)
    except AWAY:
        return False


async def _serve(tools: Tools) -> None:
    while not await _migrated(tools):  # noqa: ASYNC110  another process migrates
        await asyncio.sleep(0.2)
    asked = asyncio.Event()
    async with arq_jobs.queue(tools.settings.broker_url or "", QUEUE) as jobs, asyncio.TaskGroup() as group:
        group.create_task(_work(tools))
        group.create_task(_listen(tools, asked))
        group.create_task(_watch(tools, jobs, asked))


async def _work(tools: Tools) -> None:
    """Task: the arq worker, built anew when the broker was away for too long."""
    while True:
        worker = build_worker(tools)
        try:
            await worker.async_run()
        except servers.LOST as error:
            log.warning("worker_lost_the_broker", error=type(error).__name__)
        finally:
            await close_worker(worker)
        await asyncio.sleep(0.5)


async def close_worker(worker: Worker) -> None:
    """Stop what runs (it hands its run back) and let go of the broker, whatever the worker was doing."""
    closing = asyncio.ensure_future(worker.close())
    await asyncio.wait({closing}, timeout=8)
    if not closing.done():
        closing.cancel()
        log.warning("worker_left_late")
    elif not closing.cancelled() and (error := closing.exception()) is not None:
        log.warning("worker_left_badly", error=type(error).__name__)


def build_worker(tools: Tools) -> Worker:
    """The arq worker with its functions and its cron entries in Seoul's time."""
    jobs: dict[str, Job] = {job.name: job for job in timetable(tools.settings.warm_at)}
    night, morning = jobs["warm"].at or dt.time(3), jobs["picks"].at or dt.time(7)
    late = jobs["purge"].at or dt.time(4, 30)
    entries = [
        cron(look, name="cron:picks", hour=morning.hour, minute=morning.minute, max_tries=5, keep_result=0),
        cron(refresh, name="cron:refresh", minute=0, max_tries=5, keep_result=0),
        cron(purge, name="cron:purge", hour=late.hour, minute=late.minute, max_tries=5, keep_result=0),
    ]
    if tools.settings.warm_enabled:
        entries.append(cron(look, name="cron:warm", hour=night.hour, minute=night.minute, max_tries=5, keep_result=0))
    functions: list[arq_jobs.Job] = [warm, morning_picks, refresh, look, purge]
    return arq_jobs.worker(
        tools.settings.broker_url or "", QUEUE, functions, entries, context={"tools": tools},
        timeout_s=6 * 3600, tries=100,
    )  # fmt: skip


async def warm(ctx: dict[str, Any], run_id: int) -> str | None:
    """arq: do what is left of a run; nothing when another warmer has it."""
    return await warm_run.carry_out(ctx["tools"], run_id)


async def morning_picks(ctx: dict[str, Any], day: str) -> int:
    """arq: the picks of a day that are not noted yet."""
    return await daily_selection.make_picks(ctx["tools"], dt.date.fromisoformat(day))


async def refresh(ctx: dict[str, Any]) -> bool:
    """arq, hourly: a data revision that nobody prepared is told to the preparer."""
    tools: Tools = ctx["tools"]
    if await dataset.is_prepared(tools.database):
        return False
    await asyncio.shield(append(tools.broker, DatasetRequested()))
    log.info("refresh_asked")
    return True


async def purge(ctx: dict[str, Any]) -> int:
    """arq, nightly: results that are kept long enough are forgotten; returns how many."""
    tools: Tools = ctx["tools"]
    now = await scheduler.record_clock(tools.database)()
    return (await retention.purge(tools.database, tools.settings, now)).computations


async def look(ctx: dict[str, Any]) -> None:
    """arq, at the hours of the timetable: look for what is due. The watch of every warmer does the same."""
    tools: Tools = ctx["tools"]
    async with arq_jobs.queue(tools.settings.broker_url or "", QUEUE) as jobs:
        await look_once(tools, jobs, scheduler.record_clock(tools.database))


async def look_once(tools: Tools, jobs: ArqRedis, clock: scheduler.Clock) -> None:
    """Make the night's run when it is due, and hand every run and every morning that waits to the workers."""
    now = await clock()
    plan: dict[str, Job] = {job.name: job for job in timetable(tools.settings.warm_at)}
    if tools.settings.warm_enabled:
        await scheduler.start_night(tools.database, plan["warm"], now)
    for run_id, attempts in await scheduler.to_do(tools.database):
        await jobs.enqueue_job("warm", run_id, _job_id=f"warm:{run_id}:{attempts}")
    day = daily_selection.due_picks(plan["picks"], now)
    if day is not None and await daily_selection.are_due(tools.database, day):
        # at most one try in ten minutes: a strategy without data fails every time
        slot = now.astimezone(SEOUL).strftime("%H%M")[:3]
        await jobs.enqueue_job("morning_picks", day.isoformat(), _job_id=f"picks:{day.isoformat()}:{slot}")


async def _watch(tools: Tools, jobs: ArqRedis, asked: asyncio.Event) -> None:
    """Task: look at once, every few seconds, and when somebody asks for a run."""
    clock = scheduler.record_clock(tools.database)
    fresh = True
    while True:
        try:
            if fresh:
                fresh = not await _begin(tools)
            await look_once(tools, jobs, clock)
        except AWAY as error:
            log.warning("look_failed", error=str(error) or type(error).__name__)
        try:
            async with asyncio.timeout(LOOK_S):
                await asked.wait()
            asked.clear()
        except TimeoutError:
            continue


async def _begin(tools: Tools) -> bool:
    """What is done once after the start: the last success is told to the metrics, a cold current version is warmed."""
    async with tools.database.connection() as connection:
        at: float | None = await connection.fetchval(statements("warm")["last_success"])
        await connection.execute(statements("warm")["forget_old"])
    if at is not None:
        tools.metrics.succeeded(at)
    if tools.settings.warm_enabled:
        clock = scheduler.record_clock(tools.database)
        await scheduler.start_night(tools.database, timetable(tools.settings.warm_at)[0], await clock())
        known = await dataset.current_version(tools.database)
        await scheduler.start_up(tools.database, known[0] if known else None)
    return True


async def _listen(tools: Tools, asked: asyncio.Event) -> None:
    """Task: hear of runs that are asked for by hand the moment their row exists."""

    def hear(*_: object) -> None:
        asked.set()

    while True:
        try:
            async with lone_connection(tools.database_url) as connection:
                heard: Callable[..., None] = hear
                await connection.add_listener(CHANNEL, heard)
                while not connection.is_closed():  # noqa: ASYNC110  nothing tells of a connection's end
                    await asyncio.sleep(1)
        except (*AWAY, OndolError):
            await asyncio.sleep(1)
