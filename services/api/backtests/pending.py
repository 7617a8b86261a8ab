"""Rows that were accepted before there was a dataset version: they are attached to the first one that appears."""

from __future__ import annotations

import asyncio

import structlog

from services.api.context import Api
from services.api.ids import IDS
from shared.contracts.events import BacktestRequested
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.simulation import ENGINE_VERSION

log = structlog.get_logger()

SQL = statements("backtest")
AT_ONCE = 500
EVERY_S = 5.0


async def attach_waiting(api: Api) -> int:
    """Give every waiting row its computation; returns how many got one."""
    attached = 0
    async with api.database.connection() as connection:
        rows = await connection.fetch(SQL["waiting"], AT_ONCE)
    if not rows:
        return 0
    view = await api.datasets.current()
    if view is None:
        return 0
    for row in rows:
        values = (row["id"], IDS.new(), view.version, ENGINE_VERSION, RULES_VERSION)
        async with api.database.connection() as connection:
            made = await connection.fetchrow(SQL["attach_waiting"], *values)
        if made is None:
            continue
        attached += 1
        if made["fresh"]:
            await append(api.broker, BacktestRequested(computation_id=str(made["computation"])))
    api.datasets.wake()
    return attached


async def keep_attaching(api: Api, published: asyncio.Event) -> None:
    """Task: after each publication, and now and then."""
    while True:
        try:
            attached = await attach_waiting(api)
            if attached:
                log.info("waiting.attached", rows=attached)
        except (*LOST, *REDIS_LOST, UnavailableError) as error:
            log.warning("waiting.failed", error=type(error).__name__)
        try:
            async with asyncio.timeout(EVERY_S):
                await published.wait()
        except TimeoutError:
            continue
        published.clear()
