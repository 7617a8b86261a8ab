"""The preparer process: publish every new data revision, and restore parts that the cache has lost."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

import asyncpg
import structlog

from services.preparer import dataset_store
from services.preparer.build import BuildReport
from services.preparer.build_plan import BuildContext
from services.preparer.fetching import scheduled
from services.preparer.preparer import Preparer
from shared.contracts.events import DATASETS, DatasetRequested, Event, MarketLoaded
from shared.errors import DatasetError, SetupError, UnavailableError
from shared.infra import metrics
from shared.infra.database.pool import LOST, Database, database, is_migrated
from shared.infra.health_server import health_server
from shared.infra.lifecycle import StopRequested, stop_signal, until
from shared.infra.quality_reports import read_report
from shared.infra.redis import client as servers
from shared.infra.redis.cache import Cache
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.seal import use_seal
from shared.infra.redis.streams import Broadcast, key_of
from shared.native import load_kernels
from shared.settings import Settings

log = structlog.get_logger()

REFRESH_S = 60.0
"""How often the preparer polls for a revision without an event, and for parts that the cache has lost."""
TRANSIENT = (*LOST, *servers.LOST, UnavailableError, SetupError, asyncpg.OperatorInterventionError)


def build_context(settings: Settings, store: Database, cache: Cache) -> BuildContext:
    """Return the context of builds with these settings."""
    return BuildContext(
        database=store,
        database_url=settings.database_url or "",
        cache=cache,
        workers=settings.preparer_threads or os.cpu_count() or 1,
        factors=settings.factors,
        warm_years=settings.warm_years + settings.warm_lookback_years,
    )


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Another preparer, or the restarted one, repeats an interrupted build.

    Raises SetupError without servers, or when a kernel was not compiled: no repetition of a build would help.
    """
    if not settings.has_servers:
        raise SetupError("A preparer needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    load_kernels()
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        found = await stack.enter_async_context(
            database(settings.database_url or "", size=settings.database_pool_size,
                     acquire_timeout_s=settings.database_acquire_timeout_ms / 1e3, service="preparer")
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))

        async def broker_answers() -> bool:
            return await servers.accepts_writes(broker, key_of(DATASETS))

        async def migrated() -> bool:
            return await found.answers() and await is_migrated(found)

        checks = {"postgres": found.answers, "schema": migrated, "broker": broker_answers, "cache": cache.answers}
        port = await stack.enter_async_context(
            health_server(settings.metrics_host, settings.metrics_port, checks, metrics.exposition)
        )
        while not stop.is_set() and not await migrated():  # noqa: ASYNC110 - the schema is another process
            await asyncio.sleep(0.2)
        if not stop.is_set():
            await use_seal(found, cache)
        preparer = Preparer(
            build_context(settings, found, cache),
            broker,
            settings.broker_url or "",
            retention_days=settings.dataset_retention_days,
        )
        log.info("preparer.started", metrics_port=port, workers=preparer.context.workers)
        await stack.enter_async_context(preparer.membership.joined())
        requests: asyncio.Queue[tuple[float, Event]] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(_listen(broker, requests))
                group.create_task(_handle(preparer, requests))
                group.create_task(preparer.part_worker.run())
                group.create_task(scheduled.run(settings, broker))
        except* StopRequested:
            pass


async def _listen(broker: BrokerClient, requests: asyncio.Queue[tuple[float, Event]]) -> None:
    """Task: queue the requests of the stream with their times. Requesters repeat a request that was missed."""
    broadcast = Broadcast(broker, DATASETS)
    async for event in broadcast.follow(_log_lost):
        if isinstance(event, (DatasetRequested, MarketLoaded)):
            requests.put_nowait((int(broadcast.positions[DATASETS].split("-")[0]) / 1000, event))


def _log_lost(error: Exception) -> None:
    log.warning("broker.disconnected", error=type(error).__name__)


async def _handle(preparer: Preparer, requests: asyncio.Queue[tuple[float, Event]]) -> None:
    """Task: build at the start, which is also the recovery; then handle all queued requests at once."""
    due = True
    pending: list[tuple[float, DatasetRequested]] = []
    while True:
        try:
            if due:
                await _record_metrics(preparer, await preparer.prepare())
                due = False
            await _restore_parts(preparer, pending)
            pending = []
        except (*TRANSIENT, DatasetError) as error:
            log.warning("build.retrying", error=str(error) or type(error).__name__)
            due = True
            await asyncio.sleep(0.5)
        try:
            async with asyncio.timeout(0 if due or pending else REFRESH_S):
                received = [await requests.get()]
        except TimeoutError:
            due = True
            continue
        while not requests.empty():
            received.append(requests.get_nowait())
        for at, event in received:
            if isinstance(event, DatasetRequested) and event.version is not None and event.parts:
                pending.append((at, event))
            else:
                due = True


async def _restore_parts(preparer: Preparer, requests: list[tuple[float, DatasetRequested]]) -> None:
    """Restore the requested parts of each version once, however many requests name them."""
    versions = dict.fromkeys(event.version for _, event in requests if event.version is not None)
    for version in versions:
        of_version = [(at, event.parts) for at, event in requests if event.version == version]
        names = [name for _, parts in of_version for name in parts]
        await preparer.restore_parts(version, names, max(at for at, _ in of_version))


async def _record_metrics(preparer: Preparer, report: BuildReport) -> None:
    """Record the stages of a build and the current version."""
    for stage, seconds in report.seconds.items():
        metrics.PREPARE_SECONDS.labels(stage).observe(seconds)
    async with preparer.context.database.connection() as connection:
        row = await connection.fetchrow(dataset_store.SQL["select_version_metrics"])
        quality = await read_report(connection)
    if quality is not None:
        for check, count in quality.counts().items():
            metrics.QUALITY_FINDINGS.labels(check).set(count)
    if row is not None:
        metrics.DATASET_BUILT.set(row["built_at"].timestamp())
        metrics.DATASET_LAST_DAY.set(86_400 * row["last_day"])
        metrics.DATASET_BYTES.labels("encoded").set(row["encoded_bytes"])
