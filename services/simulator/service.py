"""The simulator as a process: its connections, its tasks, its heartbeat, its end."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.simulator import metrics
from services.simulator.consumer import Desk, consume, on_backtest, on_query
from services.simulator.panel_store import Versions
from services.simulator.reconciler import keep_reconciling
from services.simulator.run_store import LEASE_S, SQL
from services.simulator.runner import Tools
from shared.contracts.events import BACKTESTS, QUERIES
from shared.errors import SetupError, UnavailableError
from shared.infra.database.fast_pool import quick_database
from shared.infra.database.pool import LOST, Database, database, is_migrated
from shared.infra.health_server import probes
from shared.infra.lifecycle import Beat, Heartbeat, StopRequested, stop_signal, until
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.streams import Consumer, Delivery
from shared.settings import Settings

log = structlog.get_logger()

GROUP = "simulators"
BEAT_S = 0.4
"""How often leases are renewed; a cancelled row is noticed at the next beat."""
YOUNG_S = 0.3
"""Younger work has a fresh lease and is not renewed yet."""
LEAVE_S = 8.0
"""How long running work may finish after SIGTERM before it is handed back."""


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what runs, or hand it back."""
    if not settings.has_servers:
        raise SetupError("A simulator needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    name, worker = names(socket.gethostname(), settings.metrics_port, os.getpid())
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        record = await stack.enter_async_context(
            quick_database(
                settings.database_url or "",
                name="simulator",
                size=settings.pool_size,
                acquire_timeout_s=settings.acquire_timeout_ms / 1e3,
            )
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        executor = ThreadPoolExecutor(settings.simulator_slots, "run")
        questions = ThreadPoolExecutor(1, "query")
        for pool in (executor, questions):
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        from shared.simulation import run as engine

        versions = Versions(
            directory=settings.panel_dir, budget_bytes=settings.panel_bytes, cache=cache, broker=broker, database=record
        )
        tools = Tools(
            database=record,
            broker=broker,
            cache=cache,
            versions=versions,
            executor=executor,
            questions=questions,
            run=engine,
            worker=worker,
        )
        desk = Desk(settings.simulator_slots)
        checks: dict[str, Callable[[], Awaitable[bool]]] = {
            "postgres": record.answers,
            "broker": partial(servers.answers, broker),
            "cache": cache.answers,
        }
        await stack.enter_async_context(
            probes(
                settings.metrics_host, settings.metrics_port, checks, partial(metrics.exposition, settings.panel_dir)
            )
        )
        while not await is_migrated(record) and not stop.is_set():  # noqa: ASYNC110  another process migrates
            await asyncio.sleep(0.2)
        if settings.metrics_port:
            await _inherit(record, name)
        heart = Heartbeat(partial(heartbeat, settings, desk, name), interval_s=BEAT_S,
                          lost=(*LOST, RedisError, UnavailableError, SetupError, asyncpg.PostgresError))  # fmt: skip
        stack.enter_context(heart)
        handlers: dict[str, Callable[[Consumer, Delivery], Awaitable[None]]] = {
            BACKTESTS: partial(on_backtest, tools, desk),
            QUERIES: partial(on_query, tools, desk),
        }
        log.info("simulator.ready", worker=worker, slots=settings.simulator_slots)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(versions.follow())
                group.create_task(keep_reconciling(record, broker, GROUP))
                group.create_task(_while_it_beats(heart))
                for stream, handler in handlers.items():
                    consumer = Consumer(broker, stream, GROUP, name, lease_ms=int(LEASE_S * 1000))
                    group.create_task(consume(consumer, desk, desk.slots[stream], handler))
        except* StopRequested:
            pass
        await _leave(desk)


def names(host: str, metrics_port: int, process: int) -> tuple[str, str]:
    """(name in the streams, name in the rows) of a simulator.

    The first one stays the same over restarts: two living simulators of a host cannot listen on one port. Who starts
    again therefore takes up what was delivered to its predecessor, instead of leaving it until the leases run out.
    """
    if not metrics_port:
        return f"{host}-{process}", f"{host}-{process}"
    return f"{host}-{metrics_port}", f"{host}-{metrics_port}-{process}"


async def _inherit(record: Database, name: str) -> None:
    """End the leases of processes of this name: whoever listens on their port now is their successor."""
    try:
        async with record.connection() as connection:
            rows = await connection.fetch(SQL["inherit"], name + "-")
    except (*LOST, UnavailableError) as error:  # then they run out by themselves
        log.warning("record.lost", error=type(error).__name__)
    else:
        if rows:
            log.info("leases.inherited", rows=len(rows))


async def _while_it_beats(heart: Heartbeat) -> None:
    """Task: a simulator whose leases are not renewed any more is of no use; it ends and is started again."""
    while heart.alive:  # noqa: ASYNC110  a thread cannot set an event of this loop when it dies
        await asyncio.sleep(1.0)
    raise UnavailableError("The heartbeat has ended.")


@asynccontextmanager
async def heartbeat(settings: Settings, desk: Desk, name: str) -> AsyncIterator[Beat]:
    """Connections of the heartbeat thread, and its beat: renew rows and entries, stop what is not ours any more."""
    broker: Redis = servers.client(settings.broker_url or "")
    lease_ms = int(LEASE_S * 1000)
    streams = {stream: Consumer(broker, stream, GROUP, name, lease_ms=lease_ms) for stream in (BACKTESTS, QUERIES)}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(broker.aclose)
        record = await stack.enter_async_context(
            database(settings.database_url or "", size=1, acquire_timeout_s=settings.acquire_timeout_ms / 1e3)
        )

        async def beat() -> None:
            works = [work for work in desk.works.values() if time.monotonic() - work.began >= YOUNG_S]
            for work in works:
                values = (work.id, work.lease, LEASE_S, work.progress, work.status)
                async with record.connection() as connection:
                    if await connection.fetchval(SQL["renew"], *values) is None:
                        work.stop = True
            asked = list(desk.entries)
            try:
                if works:
                    await streams[BACKTESTS].renew(*(work.entry for work in works))
                if asked:
                    await streams[QUERIES].renew(*asked)
            except servers.LOST as error:  # the leases that count are the rows'
                log.warning("stream.lost", error=type(error).__name__)

        yield beat


async def _leave(desk: Desk) -> None:
    """Let running work end; what does not end in time is stopped and handed back."""
    if desk.tasks:
        await asyncio.wait(desk.tasks, timeout=LEAVE_S)
    for work in desk.works.values():
        work.leaving = work.stop = True
    if desk.tasks:
        await asyncio.wait(desk.tasks, timeout=4.0)
    log.info("simulator.left", unfinished=len(desk.tasks))
