"""Limits of the unfinished backtests of an owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.api.auth import Caller
from services.api.context import AppContext
from services.api.errors import ApiProblem
from shared.infra.database.sql import statements
from shared.messages import Message, say

SQL = statements("backtest")


@asynccontextmanager
async def admission(app: AppContext, caller: Caller) -> AsyncIterator[Any]:
    """Yield a connection for the insertion of one backtest.

    Raises a 429 when the caller has as many unfinished ones as are allowed. Submissions of one key wait for each other,
    so that its limit is exact; those of one process do so before they take a connection from others. Those of requests
    without a key are counted in PostgreSQL only when the requests that this process has accepted since the last count
    would exceed the limit.
    """
    if caller.concurrency > 0 and caller.key is not None:
        turn = app.submission_turns.setdefault(caller.owner, asyncio.Lock())
        async with turn, app.database.transaction() as connection:
            await connection.fetchval(SQL["lock_submissions"], caller.owner)
            _check(caller, await connection.fetchval(SQL["count_open"], caller.owner))
            yield connection
        return
    async with app.database.connection() as connection:
        if caller.concurrency > 0:
            app.accepted_without_key += 1
            if app.accepted_without_key > caller.concurrency:
                count = await connection.fetchval(SQL["count_open"], caller.owner)
                app.accepted_without_key = count + 1
                _check(caller, count)
        yield connection


def _check(caller: Caller, count: int) -> None:
    if count < caller.concurrency:
        return
    detail: Message = say("too_many_open", count=count, limit=caller.concurrency)
    if caller.key is None:
        detail = say("too_many_open_without_key", count=count, limit=caller.concurrency)
    raise ApiProblem(429, "too-many-open", detail, headers={"Retry-After": "1"})
