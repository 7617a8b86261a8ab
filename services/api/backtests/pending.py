"""Backtests that were accepted before there was a dataset version: the first version that appears is theirs."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import orjson
import structlog

from services.api.context import AppContext
from services.api.ids import new_id
from shared.contracts.events import BacktestRequested, LongRunRequested
from shared.contracts.http import problem_document
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.messages import say
from shared.model.request import request_from_json
from shared.simulation import ENGINE_VERSION
from shared.simulation.computing_cost import LONG_COST, cost_of_request

log = structlog.get_logger()

SQL = statements("backtest")
BATCH = 500
POLL_S = 5.0


async def attach_pending(app: AppContext) -> int:
    """Give pending rows the current dataset version and a computation; return how many got one."""
    attached = 0
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_pending"], BATCH)
    if not rows:
        return 0
    view = await app.datasets.current()
    if view is None:
        return 0
    for row in rows:
        try:
            request = request_from_json(row["request"])
        except msgspec.MsgspecError as error:
            await _fail_unreadable(app, row["id"], error)
            continue
        cost = cost_of_request(request, view.days, len(view.instruments))
        values = (row["id"], new_id(), view.version, ENGINE_VERSION, RULES_VERSION, cost, cost > LONG_COST)
        async with app.database.connection() as connection:
            made = await connection.fetchrow(SQL["attach_pending"], *values)
        if made is None:
            continue
        attached += 1
        if made["is_new"]:
            requested = LongRunRequested if cost > LONG_COST else BacktestRequested
            await append(app.broker, requested(computation_id=str(made["computation"])))
    app.datasets.changed.notify_all()
    return attached


async def _fail_unreadable(app: AppContext, identity: uuid.UUID, error: msgspec.MsgspecError) -> None:
    """Fail a row whose request was accepted by another version and cannot be read by this one."""
    log.error("backtest.unreadable", id=str(identity), error=str(error))
    problem = {
        **problem_document(422, "run-failed", say("request_of_other_version", reason=str(error))),
        "kind": "request",
    }
    values = (identity, new_id(), ENGINE_VERSION, RULES_VERSION, orjson.dumps(problem).decode())
    async with app.database.connection() as connection:
        await connection.execute(SQL["fail_pending"], *values)


async def attach_pending_forever(app: AppContext, published: asyncio.Event) -> None:
    """Task: attach after each publication, and every `POLL_S` seconds."""
    while True:
        try:
            attached = await attach_pending(app)
            if attached:
                log.info("backtests.attached", rows=attached)
        except (*LOST, *REDIS_LOST, UnavailableError) as error:
            log.warning("backtests.attach_failed", error=type(error).__name__)
        try:
            async with asyncio.timeout(POLL_S):
                await published.wait()
        except TimeoutError:
            continue
        published.clear()
