"""The simulator process: its connections, its tasks, its heartbeat and its shutdown."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

import asyncpg
import structlog
from redis.exceptions import RedisError

from services.simulator import metrics
from services.simulator.consumer import InFlight, consume, handle_backtest, handle_query
from services.simulator.job import Context
from services.simulator.leases import LEASE_S, RENEW_S
from services.simulator.long_runs import handle_long
from services.simulator.panel_store import PanelStore
from services.simulator.panel_verification import verify_forever
from services.simulator.priority import LONG_NICE, SWITCH_S, lower_priority
from services.simulator.queue_store import SQL as QUEUE_SQL
from services.simulator.reconciler import reconcile_forever
from services.simulator.renewal import Renewal, open_renewal, renew_leases
from services.simulator.run_store import SQL
from services.simulator.short_work import ShortWork
from services.simulator.sweep_store import SQL as SWEEP_SQL
from services.simulator.sweep_worker import SweepWorker
from shared.contracts.events import BACKTESTS, DATASETS, LONG_RUNS, QUERIES, SIMULATORS
from shared.errors import SetupError, UnavailableError
from shared.infra.database.fast_pool import fast_database
from shared.infra.database.pool import LOST, Database, is_migrated
from shared.infra.health_server import health_server
from shared.infra.lifecycle import Heartbeat, StopRequested, stop_signal, until
from shared.infra.redis import client as redis_client
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.seal import use_seal
from shared.infra.redis.streams import Consumer, Delivery, key_of
from shared.messages import say
from shared.settings import Settings

log = structlog.get_logger()

SHUTDOWN_S = 8.0
"""How long running jobs may finish after SIGTERM before they are released."""
RELEASE_S = 4.0

Handler = Callable[[Consumer, Delivery], Awaitable[None]]


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish the running jobs or release them."""
    if not settings.has_servers:
        raise SetupError("A simulator needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    sys.setswitchinterval(SWITCH_S)
    name, worker = names(socket.gethostname(), settings.metrics_port, os.getpid())
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        context = await _open_context(stack, settings, worker)
        in_flight = InFlight(settings.simulator_concurrency, ShortWork(settings.panel_dir))
        await _serve_health(stack, settings, context)
        while not await is_migrated(context.database) and not stop.is_set():  # noqa: ASYNC110  another process migrates
            await asyncio.sleep(0.2)
        if not stop.is_set():
            await use_seal(context.database, context.broker, context.cache)
        if settings.metrics_port:
            await _expire_predecessor_leases(context.database, name)
        heartbeat = Heartbeat(
            partial(open_renewal, settings, name), partial(renew_leases, in_flight), interval_s=RENEW_S,
            lost=(*LOST, RedisError, UnavailableError, SetupError, asyncpg.PostgresError),
        )  # fmt: skip
        stack.enter_context(heartbeat)
        sweeps = SweepWorker(context, in_flight)
        stack.callback(sweeps.close)
        handlers: dict[str, Handler] = {
            BACKTESTS: partial(handle_backtest, context, in_flight),
            LONG_RUNS: partial(handle_long, context, in_flight),
            QUERIES: partial(handle_query, context, in_flight),
        }
        log.info("simulator.started", worker=worker, slots=settings.simulator_concurrency)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(context.panel_store.follow())
                group.create_task(context.panel_store.release_evicted_forever())
                group.create_task(reconcile_forever(context.database, context.broker, SIMULATORS))
                group.create_task(_while_alive(heartbeat))
                group.create_task(verify_forever(context))
                group.create_task(sweeps.follow())
                group.create_task(sweeps.work())
                for stream, handler in handlers.items():
                    consumer = Consumer(context.broker, stream, SIMULATORS, name, lease_ms=int(LEASE_S * 1000))
                    group.create_task(consume(consumer, in_flight, in_flight.slots[stream], handler))
        except* StopRequested:
            pass
        await _shut_down(in_flight)


async def _open_context(stack: AsyncExitStack, settings: Settings, worker: str) -> Context:
    """Open the connections and thread pools that every job uses; the stack closes them."""
    store = await stack.enter_async_context(
        fast_database(
            settings.database_url or "",
            name="simulator",
            size=settings.database_pool_size,
            acquire_timeout_s=settings.database_acquire_timeout_ms / 1e3,
        )
    )  # fmt: skip
    broker = await stack.enter_async_context(redis_client.broker(settings.broker_url or ""))
    cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
    run_pool, query_pool = ThreadPoolExecutor(settings.simulator_concurrency, "run"), ThreadPoolExecutor(1, "query")
    long_pool = ThreadPoolExecutor(1, "long", initializer=lower_priority, initargs=(LONG_NICE,))
    for pool in (run_pool, query_pool, long_pool):
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    from shared.simulation import run as engine

    panel_store = PanelStore(
        directory=settings.panel_dir, budget_bytes=settings.panel_bytes, cache=cache, broker=broker, database=store
    )
    return Context(
        database=store, broker=broker, cache=cache, panel_store=panel_store, run_pool=run_pool,
        query_pool=query_pool, long_pool=long_pool, run=engine, worker=worker, run_limit_s=settings.run_limit_s,
    )  # fmt: skip


async def _serve_health(stack: AsyncExitStack, settings: Settings, context: Context) -> None:
    checks: dict[str, Callable[[], Awaitable[bool]]] = {
        "postgres": context.database.answers,
        "broker": partial(redis_client.accepts_writes, context.broker, key_of(DATASETS)),
        "cache": context.cache.answers,
    }
    exposition = partial(metrics.exposition, settings.panel_dir)
    await stack.enter_async_context(
        health_server(settings.metrics_host, settings.metrics_port, checks, exposition)
    )  # fmt: skip


def names(host: str, metrics_port: int, process: int) -> tuple[str, str]:
    """Return the consumer name in the streams and the worker name in the rows.

    The consumer name is stable over restarts, since two running simulators of a host cannot listen on one port. A
    restarted simulator therefore receives the entries of its predecessor at once, not after their lease has expired.
    """
    if not metrics_port:
        return f"{host}-{process}", f"{host}-{process}"
    return f"{host}-{metrics_port}", f"{host}-{metrics_port}-{process}"


async def _expire_predecessor_leases(store: Database, name: str) -> None:
    """Expire the leases of earlier processes of this name: this process listens on their port, so they have ended."""
    try:
        async with store.connection() as connection:
            rows = await connection.fetch(SQL["expire_predecessor_leases"], name + "-")
            rows += await connection.fetch(SWEEP_SQL["expire_part_leases"], name + "-")
            rows += await connection.fetch(QUEUE_SQL["expire_predecessor_analyses"], name + "-")
    except (*LOST, UnavailableError) as error:  # then they expire by themselves
        log.warning("database.unavailable", error=type(error).__name__)
    else:
        if rows:
            log.info("leases.expired", rows=len(rows))


async def _while_alive(heartbeat: Heartbeat[Renewal]) -> None:
    """Task: raise UnavailableError when the heartbeat has ended; the process exits and is restarted."""
    while heartbeat.alive:  # noqa: ASYNC110  a thread cannot set an event of this loop when it dies
        await asyncio.sleep(1.0)
    raise UnavailableError(say("heartbeat_ended"))


async def _shut_down(in_flight: InFlight) -> None:
    """Wait for running jobs; stop and release those that do not finish within `SHUTDOWN_S`, and parts at once."""
    for part in in_flight.parts:
        part.leaving = part.stop = True
    if in_flight.tasks:
        await asyncio.wait(in_flight.tasks, timeout=SHUTDOWN_S)
    for job in in_flight.jobs.values():
        job.leaving = job.stop = True
    for analysis in in_flight.analyses:
        analysis.stop = True
    if in_flight.tasks:
        await asyncio.wait(in_flight.tasks, timeout=RELEASE_S)
    if in_flight.part_tasks:
        await asyncio.wait(in_flight.part_tasks, timeout=RELEASE_S)
    log.info("simulator.stopped", unfinished=len(in_flight.tasks) + len(in_flight.part_tasks))
