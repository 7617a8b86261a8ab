"""The warmer process: its connections, the arq worker (`jobs.py`) and the polling scheduler (`scheduler.py`)."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import aiohttp
import structlog
from prometheus_client import REGISTRY, CollectorRegistry

from services.warmer.jobs import run_worker
from services.warmer.metrics import WarmMetrics
from services.warmer.phases import WarmContext
from services.warmer.scheduler import DISCONNECTED, CatchUp
from shared.contracts.events import DATASETS
from shared.contracts.jobs import WARM_QUEUE
from shared.errors import SetupError
from shared.infra import arq_jobs
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.retry import TEN_MINUTES
from shared.infra.database.pool import database, is_migrated
from shared.infra.health_server import Check, health_server
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.metrics import exposition
from shared.infra.redis import client as redis_client
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.seal import use_seal
from shared.infra.redis.streams import key_of
from shared.settings import Settings

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; a run in progress is released and continues after the restart."""
    if not settings.has_servers:
        raise SetupError("The warmer needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        context = await stack.enter_async_context(open_context(settings))
        checks: dict[str, Check] = {
            "postgres": context.database.answers,
            "broker": partial(redis_client.accepts_writes, context.broker, key_of(DATASETS)),
            "cache": context.cache.answers,
            "schema": partial(_migrated, context),
        }
        await stack.enter_async_context(
            health_server(settings.metrics_host, settings.metrics_port, checks, partial(exposition, REGISTRY))
        )
        log.info("warmer.started", worker=context.worker)
        if not settings.warm_enabled:
            log.warning(
                "warming.disabled", setting="ONDOL_WARM_ENABLED",
                unaffected="manual runs, daily selections, refreshes and purges",
            )  # fmt: skip
        if not settings.paper_trading_enabled:
            log.warning(
                "paper_trading.disabled", setting="ONDOL_PAPER_TRADING_ENABLED", unaffected="manual steps of accounts",
            )  # fmt: skip
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(_serve(context))
        except* StopRequested:
            log.info("warmer.stopped")


@asynccontextmanager
async def open_context(settings: Settings, registry: CollectorRegistry = REGISTRY) -> AsyncIterator[WarmContext]:
    """Open the connections and clients of the warmer; close them at the end of the block."""
    size, timeout_s = settings.database_pool_size, settings.database_acquire_timeout_ms / 1e3
    async with (
        database(settings.database_url or "", size=size, acquire_timeout_s=timeout_s, service="warmer") as store,
        redis_client.broker(settings.broker_url or "") as broker,
        open_cache(settings.cache_url or "", cluster=settings.cache_cluster) as cache,
        aiohttp.ClientSession() as session,
    ):
        client_of = partial(ApiClient, session, api_url(settings), key=settings.api_key, policy=TEN_MINUTES)
        context = WarmContext(
            settings=settings, database=store, database_url=settings.database_url or "", broker=broker, cache=cache,
            client=client_of(origin="warmer"), verifier=client_of(origin="verify"), metrics=WarmMetrics(registry),
            worker=f"{socket.gethostname()}-{os.getpid()}",
        )  # fmt: skip
        if await _migrated(context):
            await use_seal(context.database, context.broker, context.cache)
        yield context


def api_url(settings: Settings) -> str:
    """Return the base URL of the API: the setting, or the API of this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.api_host, settings.api_host)  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    return settings.api_url or f"http://{host}:{settings.api_port}"


async def _migrated(context: WarmContext) -> bool:
    try:
        return await is_migrated(context.database)
    except DISCONNECTED:
        return False


async def _serve(context: WarmContext) -> None:
    while not await _migrated(context):  # noqa: ASYNC110  another process migrates
        await asyncio.sleep(0.2)
    await use_seal(context.database, context.broker, context.cache)
    async with arq_jobs.queue(context.settings.broker_url or "", WARM_QUEUE) as queue, asyncio.TaskGroup() as group:
        catch_up = CatchUp(context, queue)
        group.create_task(run_worker(context))
        group.create_task(catch_up.listen())
        group.create_task(catch_up.poll())
