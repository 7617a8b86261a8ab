"""The preparer: publishes every new data revision, and brings chunk parts back that the caches have lost."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

import asyncpg
import structlog

from services.preparer import dataset_store
from services.preparer.build import Report
from services.preparer.build_plan import Builder
from services.preparer.preparer import Preparer
from shared.contracts.events import DATASETS, DatasetRequested, Event, MarketLoaded
from shared.errors import DatasetError, SetupError, UnavailableError
from shared.infra import metrics
from shared.infra.database.pool import LOST, Database, database, is_migrated
from shared.infra.health_server import health_server
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.redis import client as servers
from shared.infra.redis.cache import Cache
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Broadcast
from shared.settings import Settings

log = structlog.get_logger()

REFRESH_S = 60.0
"""How often the preparer looks for a revision that nobody told it of, and for parts that the cache has lost."""
TRANSIENT = (*LOST, *servers.LOST, UnavailableError, SetupError, asyncpg.OperatorInterventionError)


def builder_of(settings: Settings, record_: Database, cache: Cache) -> Builder:
    """What a build works with, from the settings."""
    return Builder(
        database=record_,
        database_url=settings.database_url or "",
        cache=cache,
        workers=settings.preparer_threads or os.cpu_count() or 1,
        factors=settings.factors,
        warm_years=settings.warm_years + settings.warm_lookback_years,
    )


async def prepare_once(settings: Settings, *, rebuild: bool = False) -> Report:
    """Prepare the newest revision and end: what `ondol prepare` does."""
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(database(settings.database_url or "", size=settings.database_pool_size))
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        builder = builder_of(settings, found, cache)
        preparer = Preparer(builder, broker, settings.broker_url or "", keep_days=settings.dataset_retention_days)
        return await preparer.prepare(rebuild=rebuild)


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. A build that is cut short is repeated by whoever is there."""
    if not settings.has_servers:
        raise SetupError("A preparer needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        found = await stack.enter_async_context(
            database(settings.database_url or "", size=settings.database_pool_size,
                     acquire_timeout_s=settings.database_acquire_timeout_ms / 1e3, service="preparer")
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))

        async def broker_answers() -> bool:
            return await servers.answers(broker)

        async def migrated() -> bool:
            return await found.answers() and await is_migrated(found)

        checks = {"postgres": found.answers, "schema": migrated, "broker": broker_answers, "cache": cache.answers}
        port = await stack.enter_async_context(
            health_server(settings.metrics_host, settings.metrics_port, checks, metrics.exposition)
        )
        while not stop.is_set() and not await migrated():  # noqa: ASYNC110 - the schema is another process
            await asyncio.sleep(0.2)
        preparer = Preparer(
            builder_of(settings, found, cache),
            broker,
            settings.broker_url or "",
            keep_days=settings.dataset_retention_days,
        )
        log.info("preparer.ready", metrics_port=port, workers=preparer.builder.workers)
        await stack.enter_async_context(preparer.presence.kept())
        work: asyncio.Queue[tuple[float, Event]] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(_listen(broker, work))
                group.create_task(_work(preparer, work))
                group.create_task(preparer.hands.work())
        except* StopRequested:
            pass


async def _listen(broker: BrokerClient, work: asyncio.Queue[tuple[float, Event]]) -> None:
    """Task: pass on what is asked on the stream. What is missed while nobody listens is asked again by the askers."""
    broadcast = Broadcast(broker, DATASETS)
    started = False
    while True:
        try:
            if not started:
                await broadcast.start()
                started = True
            for entry, event in await broadcast.read():
                if isinstance(event, (DatasetRequested, MarketLoaded)):
                    work.put_nowait((int(entry.split("-")[0]) / 1000, event))
        except servers.LOST as error:
            log.warning("datasets.lost", error=type(error).__name__)
            await asyncio.sleep(0.2)


async def _work(preparer: Preparer, work: asyncio.Queue[tuple[float, Event]]) -> None:
    """Task: start-up is the recovery path; then one thing after the other, everything that waits at once."""
    due = True
    requests: list[tuple[float, DatasetRequested]] = []
    while True:
        try:
            if due:
                await _measure(preparer, await preparer.prepare())
                due = False
            await _bring(preparer, requests)
            requests = []
        except (*TRANSIENT, DatasetError) as error:
            log.warning("prepare.again", error=str(error) or type(error).__name__)
            due = True
            await asyncio.sleep(0.5)
        try:
            async with asyncio.timeout(0 if due or requests else REFRESH_S):
                waiting = [await work.get()]
        except TimeoutError:
            due = True
            continue
        while not work.empty():
            waiting.append(work.get_nowait())
        for at, event in waiting:
            if isinstance(event, DatasetRequested) and event.version is not None and event.parts:
                requests.append((at, event))
            else:
                due = True


async def _bring(preparer: Preparer, requests: list[tuple[float, DatasetRequested]]) -> None:
    """All parts that are asked for of a version, once, however many ask."""
    versions = dict.fromkeys(event.version for _, event in requests if event.version is not None)
    for version in versions:
        asked = [(at, event.parts) for at, event in requests if event.version == version]
        names = [name for _, parts in asked for name in parts]
        await preparer.bring(version, names, max(at for at, _ in asked))


async def _measure(preparer: Preparer, report: Report) -> None:
    """Stages of a build, and what the current version is."""
    for stage, seconds in report.seconds.items():
        metrics.PREPARE_SECONDS.labels(stage).observe(seconds)
    async with preparer.builder.database.connection() as connection:
        row = await connection.fetchrow(dataset_store.SQL["gauges"])
    if row is not None:
        metrics.DATASET_BUILT.set(row["built_at"].timestamp())
        metrics.DATASET_LAST_DAY.set(86_400 * row["last_day"])
        metrics.DATASET_BYTES.labels("encoded").set(row["encoded_bytes"])
