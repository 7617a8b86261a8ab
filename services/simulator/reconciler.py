"""Brings back what a crash, a lost broker or a killed simulator left behind: rows without an end and without a hint."""

from __future__ import annotations

import asyncio
import random

import asyncpg
import orjson
import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.events import BACKTESTS, BacktestEnded, BacktestRequested, Event
from shared.contracts.http import problem_document
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append_many, key_of, queued

log = structlog.get_logger()

SQL = statements("backtest")
EVERY_S = 1.0
HINT_TAKES_S = 1.0
AT_ONCE = 5000
IDLE_CONSUMER_MS = 600_000

KILLED = {
    **problem_document(
        500, "run-failed", "The backtest ended its simulator three times and is not tried again; narrow the request."
    ),
    "kind": "killed_simulator",
}


async def reconcile(database: Database, broker: Redis) -> tuple[int, int]:
    """Condemn rows that killed three simulators and announce orphans again: (condemned, announced)."""
    async with database.transaction() as connection:
        if not await connection.fetchval(SQL["reconciling"]):
            return 0, 0
        condemned = [str(row["id"]) for row in await connection.fetch(SQL["condemn"], orjson.dumps(KILLED).decode())]
        orphans = [str(row["id"]) for row in await connection.fetch(SQL["orphans"], HINT_TAKES_S, AT_ONCE)]
        await connection.execute(SQL["purge_unshared"])
    events: list[Event] = [BacktestEnded(computation_id=name, status="failed") for name in condemned]
    if orphans:
        announced = await queued(broker, BACKTESTS)
        events += [BacktestRequested(computation_id=name) for name in orphans if name not in announced]
    if events:
        await append_many(broker, events)
    return len(condemned), len(events) - len(condemned)


async def drop_idle_consumers(broker: Redis, group: str) -> None:
    """Forget consumers that have nothing pending and have been silent for ten minutes (processes that are gone)."""
    try:
        consumers = await broker.xinfo_consumers(key_of(BACKTESTS), group)
    except ResponseError:
        return
    for found in consumers:
        if found["pending"] == 0 and found["idle"] > IDLE_CONSUMER_MS:
            await broker.xgroup_delconsumer(key_of(BACKTESTS), group, found["name"])


async def keep_reconciling(database: Database, broker: Redis, group: str) -> None:
    """Task: reconcile about every second, whichever simulator gets to it first."""
    rounds = 0
    while True:
        await asyncio.sleep(EVERY_S * random.uniform(0.7, 1.3))  # noqa: S311  jitter
        try:
            condemned, announced = await reconcile(database, broker)
            if condemned or announced:
                log.info("reconciled", condemned=condemned, announced=announced)
            rounds += 1
            if rounds % 120 == 0:
                await drop_idle_consumers(broker, group)
        except (*LOST, *REDIS_LOST, UnavailableError, asyncpg.OperatorInterventionError) as error:
            log.warning("reconcile.failed", error=type(error).__name__)
