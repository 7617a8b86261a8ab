"""The api: wiring, the application, and the tasks beside it; no computing in its event loop."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from aiohttp import web

from services.api.auth import Doorkeeper, refuse_open_bind
from services.api.backtests.pending import keep_attaching
from services.api.backtests.progress import Ends
from services.api.backtests.results import Results
from services.api.context import Api, Call, Route
from services.api.datasets import Datasets
from services.api.errors import REFUSALS, problem_middleware
from services.api.http.protocol import Runner
from services.api.http.request import parse_query
from services.api.http.retry_after import Refusals
from services.api.metrics import Measures
from services.api.routes import ROUTES
from services.api.routes.openapi import described
from services.api.schemas.requests import NoQuery
from shared.errors import SetupError
from shared.infra.database.fast_pool import fast_database
from shared.infra.database.pool import is_migrated
from shared.infra.database.sql import statements
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.memory import resident_bytes, trim_heap
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.settings import MIB, Settings

log = structlog.get_logger()

SQL = statements("backtest")
LEAVE_S = 5.0
SMALL_EVERY_S = 10.0
SMALL_BYTES = 128 * MIB
GONE = 499
"""What is counted for a caller that hung up before it was answered."""


async def run(settings: Settings, *, listening: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; `listening` gets the address as soon as there is one."""
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        api, tasks = await stack.enter_async_context(opened(settings))
        while not await is_migrated(api.database) and not stop.is_set():  # noqa: ASYNC110  another process migrates
            await asyncio.sleep(0.2)
        await refuse_open_bind(settings, api.database)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task())
                await stack.enter_async_context(listening_on(api, listening))
                await until(stop)
        except* StopRequested:
            pass


async def _stay_small() -> None:
    """Task: after a burst of large answers the memory goes back to the system."""
    while True:
        await asyncio.sleep(SMALL_EVERY_S)
        if resident_bytes() > SMALL_BYTES:
            await asyncio.to_thread(trim_heap)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Api, list[Callable[[], Coroutine[Any, Any, None]]]]]:
    """The api's services, and the tasks that have to run beside it."""
    if not settings.has_servers:
        raise SetupError("The api needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            fast_database(settings.database_url or "", name="api", size=settings.pool_size,
                           acquire_timeout_s=settings.acquire_timeout_ms / 1e3)
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        published = asyncio.Event()
        api = Api(
            settings=settings, database=database, broker=broker, cache=cache, datasets=Datasets(database, broker),
            ends=Ends(), results=Results(cache, database), doorkeeper=Doorkeeper(settings, database),
            measures=Measures(),
        )  # fmt: skip

        async def look(names: list[str]) -> list[tuple[str, str, str | None]]:
            async with database.connection() as connection:
                rows = await connection.fetch(SQL["select_finished"], [uuid.UUID(name) for name in names])
            return [(str(row["id"]), row["status"], row["result_digest"]) for row in rows]

        async def read() -> None:
            await api.ends.read(broker)

        async def sweep() -> None:
            await api.ends.sweep(look)

        async def follow() -> None:
            await api.datasets.follow(published)

        async def attach() -> None:
            await keep_attaching(api, published)

        async def watch() -> None:
            await database.watch(settings.database_url or "")

        yield api, [read, sweep, follow, attach, watch, _stay_small]


def application(api: Api) -> web.Application:
    """All routes behind one door."""
    described()  # written before anybody asks: it takes a while
    app = web.Application(middlewares=[problem_middleware], client_max_size=api.settings.body_bytes + 1)
    app[REFUSALS] = Refusals()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _served(api, route))
    return app


def _served(api: Api, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    handler, query_model, anyone = route.handler, route.query, api.doorkeeper.anyone
    method, path = route.method, route.path

    async def serve(request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        status = 500
        try:
            caller = anyone if route.public else await api.doorkeeper.admit(request)
            if query_model is NoQuery and not request.query_string:
                query: object = None
            else:
                query = parse_query(query_model, request)
            response = await handler(api, Call(request=request, caller=caller, query=query))
            status = response.status
        except asyncio.CancelledError:
            status = GONE
            raise
        finally:
            api.measures.requested(path, method, status, time.perf_counter() - begin)
        return response

    return serve


@asynccontextmanager
async def listening_on(api: Api, listening: Callable[[str], None] | None) -> AsyncIterator[str]:
    """The server, from bound socket to last answer."""
    runner = Runner(application(api), shutdown_timeout=LEAVE_S)
    await runner.setup()
    settings = api.settings
    try:
        site = web.TCPSite(runner, settings.api_host, settings.api_port, backlog=4096)
        try:
            await site.start()
        except OSError as error:
            raise SetupError(
                f"The port {settings.api_port} of {settings.api_host} cannot be used ({error.strerror}); "
                "choose another with ONDOL_API_PORT or --port."
            ) from error
        host, port = runner.addresses[0][:2]
        address = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
        log.info("api.listening", address=address)
        if listening is not None:
            listening(address)
        yield address
    finally:
        await runner.cleanup()
