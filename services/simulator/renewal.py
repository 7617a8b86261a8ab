"""The heartbeat: leases of rows and stream entries are renewed from a thread that computations cannot delay."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from services.simulator.consumer import InFlight
from services.simulator.job import Job
from services.simulator.leases import LEASE_S
from services.simulator.queue_store import SQL as QUEUE_SQL
from services.simulator.queue_store import Analysis
from services.simulator.run_store import SQL
from services.simulator.sweep_store import SQL as SWEEP_SQL
from services.simulator.sweep_store import PartJob
from shared.contracts.events import BACKTESTS, LONG_RUNS, QUERIES, SIMULATORS
from shared.infra.database.pool import Database, database
from shared.infra.redis import client as redis_client
from shared.infra.redis.streams import Consumer
from shared.settings import Settings

log = structlog.get_logger()

MIN_AGE_S = 0.3
"""Younger work has a fresh lease and is not renewed yet."""


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """Connections of the heartbeat thread."""

    store: Database
    consumers: Mapping[str, Consumer]
    """Those of the heartbeat thread, by stream."""


@asynccontextmanager
async def open_renewal(settings: Settings, name: str) -> AsyncIterator[Renewal]:
    """Open the connections of the heartbeat thread."""
    broker = redis_client.client(settings.broker_url or "")
    lease_ms = int(LEASE_S * 1000)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(broker.aclose)
        store = await stack.enter_async_context(
            database(settings.database_url or "", size=1, acquire_timeout_s=settings.database_acquire_timeout_ms / 1e3)
        )
        consumers = {
            stream: Consumer(broker, stream, SIMULATORS, name, lease_ms=lease_ms)
            for stream in (BACKTESTS, LONG_RUNS, QUERIES)
        }
        yield Renewal(store=store, consumers=consumers)


async def renew_leases(in_flight: InFlight, renewal: Renewal) -> None:
    """Renew the rows and stream entries of all work; stop work whose lease was lost or whose row was cancelled."""
    jobs = [job for job in in_flight.jobs.values() if _is_due(job)]
    analyses = [analysis for analysis in in_flight.analyses if _is_due(analysis)]
    for job in jobs:
        if not await _renewed(renewal, SQL["renew_lease"], job.id, job.lease, LEASE_S, job.progress, job.status):
            job.stop = True
    for part in [part for part in in_flight.parts if _is_due(part)]:
        if not await _renewed(renewal, SWEEP_SQL["renew_part"], part.sweep, part.part, part.lease, LEASE_S):
            part.stop = True
    for analysis in analyses:
        if not await _renewed(renewal, QUEUE_SQL["renew_analysis"], analysis.id, analysis.lease, LEASE_S):
            analysis.stop = True
    entries = {
        BACKTESTS: [job.entry for job in jobs if not job.long],
        LONG_RUNS: [job.entry for job in jobs if job.long] + [analysis.entry for analysis in analyses],
        QUERIES: list(in_flight.query_entries),
    }
    try:
        for stream, pending in entries.items():
            await renewal.consumers[stream].renew(*pending)
    except redis_client.LOST as error:  # the leases that decide are those of the rows
        log.warning("broker.disconnected", error=type(error).__name__)


def _is_due(work: Job | PartJob | Analysis) -> bool:
    return time.monotonic() - work.began >= MIN_AGE_S


async def _renewed(renewal: Renewal, statement: str, *values: object) -> bool:
    async with renewal.store.connection() as connection:
        return await connection.fetchval(statement, *values) is not None
