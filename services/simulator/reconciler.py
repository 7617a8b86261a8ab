"""Restore what a crash, a lost broker or a killed simulator left behind: open rows that have no stream entry."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import orjson
import structlog
from redis.exceptions import ResponseError

from shared.contracts.events import (
    BACKTESTS,
    LONG_RUNS,
    BacktestEnded,
    BacktestRequested,
    Event,
    LongRunRequested,
)
from shared.contracts.http import problem_document
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append_many, key_of, pending_ids
from shared.market import RULES_VERSION
from shared.messages import say
from shared.simulation import ENGINE_VERSION

log = structlog.get_logger()

SQL, QUEUE = statements("backtest"), statements("queue")
INTERVAL_S = 1.0
MIN_QUEUED_S = 1.0
"""Younger queued rows are not checked: their message may still be on its way."""
BATCH_ROWS = 5000
LEFT_BEHIND_S = 10.0
"""How long no simulator of a version must have been seen before its open computations are queued
as those of this version."""
LEFT_BEHIND_ROWS = 200
IDLE_CONSUMER_MS = 600_000
CONSUMERS_EVERY = 120

EXHAUSTED = {
    **problem_document(500, "run-failed", say("killed_simulator")),
    "kind": "killed_simulator",
}


async def reconcile(database: Database, broker: BrokerClient) -> tuple[int, int]:
    """Fail exhausted rows and publish rows that have no stream entry; return the counts (failed, published)."""
    async with database.transaction() as connection:
        if not await connection.fetchval(SQL["try_reconcile_lock"]):
            return 0, 0
        problem = orjson.dumps(EXHAUSTED).decode()
        failed = [str(row["id"]) for row in await connection.fetch(SQL["fail_exhausted"], problem)]
        left_behind = await connection.fetch(
            SQL["queue_left_behind"], ENGINE_VERSION, RULES_VERSION, LEFT_BEHIND_S, LEFT_BEHIND_ROWS
        )
        open_rows = await connection.fetch(SQL["select_unannounced"], MIN_QUEUED_S, BATCH_ROWS)
        await connection.execute(SQL["purge_unshared"])
        await connection.execute(QUEUE["delete_waiters"])
        await connection.execute(SQL["record_ends"], BATCH_ROWS)
        analyses = await connection.fetchval(QUEUE["waiting_analyses"], MIN_QUEUED_S)
    if left_behind:
        log.info("computations.left_behind", computations=len(left_behind), engine_version=ENGINE_VERSION)
    events: list[Event] = [BacktestEnded(computation_id=name, status="failed") for name in failed]
    if open_rows:
        pending = await pending_ids(broker, BACKTESTS) | await pending_ids(broker, LONG_RUNS)
        events += [_request_of(row) for row in open_rows if str(row["id"]) not in pending]
    if analyses and "" not in await pending_ids(broker, LONG_RUNS):
        events.append(LongRunRequested())
    if events:
        await append_many(broker, events)
    return len(failed), len(events) - len(failed)


def _request_of(row: asyncpg.Record) -> Event:
    requested = LongRunRequested if row["long"] else BacktestRequested
    return requested(computation_id=str(row["id"]), abandoned=row["abandoned"])


async def drop_idle_consumers(broker: BrokerClient, group: str) -> None:
    """Delete consumers that have no pending entry and have been idle for ten minutes (their processes ended)."""
    for stream in (BACKTESTS, LONG_RUNS):
        try:
            consumers = await broker.xinfo_consumers(key_of(stream), group)
        except ResponseError:
            continue
        for found in consumers:
            if found["pending"] == 0 and found["idle"] > IDLE_CONSUMER_MS:
                await broker.xgroup_delconsumer(key_of(stream), group, found["name"])


async def reconcile_forever(database: Database, broker: BrokerClient, group: str) -> None:
    """Task: reconcile about every second; an advisory lock lets one simulator at a time do it."""
    rounds = 0
    while True:
        await asyncio.sleep(INTERVAL_S * random.uniform(0.7, 1.3))  # noqa: S311  jitter
        try:
            async with database.connection() as connection:
                await connection.execute(SQL["announce_engine"], ENGINE_VERSION, RULES_VERSION)
            failed, published = await reconcile(database, broker)
            if failed or published:
                log.info("computations.reconciled", failed=failed, published=published)
            rounds += 1
            if rounds % CONSUMERS_EVERY == 0:
                await drop_idle_consumers(broker, group)
        except (*LOST, *REDIS_LOST, UnavailableError, asyncpg.OperatorInterventionError) as error:
            log.warning("reconciliation.failed", error=type(error).__name__)
