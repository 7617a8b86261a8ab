"""The api service: opens what it needs, and runs the server beside its background tasks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from services.api.app import listening_on
from services.api.auth import Authenticator, check_bind_address
from services.api.backtests.event_cache import EventCache
from services.api.backtests.pending import attach_pending_forever
from services.api.backtests.results import Results
from services.api.computed_time import ComputedTime
from services.api.context import AppContext
from services.api.datasets import Datasets
from services.api.disk_guard import DiskGuard
from services.api.event_hub import EventHub
from services.api.metrics import ApiMetrics
from services.api.research.lines import ResearchLines
from services.api.research.record import record_forever
from services.api.sweeps.tables import Sweeps
from services.api.walk_forwards.store import WalkForwards
from services.api.web_bundle import load_bundle
from shared.errors import SetupError
from shared.infra.database.fast_pool import fast_database
from shared.infra.database.pool import is_migrated
from shared.infra.database.sql import statements
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.memory import resident_bytes, trim_heap
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.seal import use_seal
from shared.settings import MIB, Settings

SQL = statements("backtest")
TRIM_EVERY_S = 10.0
TRIM_ABOVE_BYTES = 128 * MIB

Task = Callable[[], Coroutine[Any, Any, None]]


async def run(settings: Settings, *, listening: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `listening` receives the address of the server."""
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        context, tasks = await stack.enter_async_context(opened(settings))
        while not await is_migrated(context.database) and not stop.is_set():  # noqa: ASYNC110  another process migrates
            await asyncio.sleep(0.2)
        if not stop.is_set():
            await use_seal(context.database, context.broker, context.cache)
        await check_bind_address(settings, context.database)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task())
                await stack.enter_async_context(listening_on(context, listening))
                await until(stop)
        except* StopRequested:
            pass


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[AppContext, list[Task]]]:
    """Open the services behind the routes; yield them and the background tasks that they need."""
    if not settings.has_servers:
        raise SetupError("The api needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            fast_database(settings.database_url or "", name="api", size=settings.database_pool_size,
                           acquire_timeout_s=settings.database_acquire_timeout_ms / 1e3)
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        results, metrics = Results(cache, database), ApiMetrics()
        context = AppContext(
            settings=settings, database=database, broker=broker, cache=cache, datasets=Datasets(database, broker),
            event_hub=EventHub(), results=results, events=EventCache(results),
            authenticator=Authenticator(settings, database), metrics=metrics, sweeps=Sweeps(database),
            walk_forwards=WalkForwards(database), lines=ResearchLines(database), computed=ComputedTime(database),
            disk=DiskGuard(settings.disk_folders, settings.disk_reserve_bytes, metrics),
            bundle=load_bundle() if settings.web else None,
        )  # fmt: skip
        yield context, _tasks(context)


def _tasks(context: AppContext) -> list[Task]:
    """Return the background tasks."""
    published = asyncio.Event()

    async def select_finished(names: list[str]) -> list[tuple[str, str, str | None]]:
        async with context.database.connection() as connection:
            rows = await connection.fetch(SQL["select_finished"], [uuid.UUID(name) for name in names])
        return [(str(row["id"]), row["status"], row["result_digest"]) for row in rows]

    async def read_events() -> None:
        await context.event_hub.read(context.broker)

    async def sweep_outcomes() -> None:
        await context.event_hub.sweep(select_finished)

    async def follow_datasets() -> None:
        await context.datasets.follow(published)

    async def attach_pending() -> None:
        await attach_pending_forever(context, published)

    async def record_backtests() -> None:
        await record_forever(context)

    async def watch_database() -> None:
        await context.database.watch(context.settings.database_url or "")

    return [
        read_events, sweep_outcomes, follow_datasets, attach_pending, record_backtests, watch_database, _trim_heap,
        context.authenticator.keys.record_use_forever, context.disk.watch,
        context.computed.store_forever,
    ]  # fmt: skip


async def _trim_heap() -> None:
    """Task: return memory to the operating system after a burst of large answers."""
    while True:
        await asyncio.sleep(TRIM_EVERY_S)
        if resident_bytes() > TRIM_ABOVE_BYTES:
            await asyncio.to_thread(trim_heap)
