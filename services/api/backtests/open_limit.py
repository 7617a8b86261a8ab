"""Limits of the unfinished backtests of an owner."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.api.auth import Caller
from services.api.context import AppContext
from services.api.daily_bytes import check_daily_bytes, is_limited, usage_of
from services.api.errors import ApiProblem
from shared.infra.database.sql import statements
from shared.messages import Message, say

SQL = statements("backtest")


@asynccontextmanager
async def admission(app: AppContext, caller: Caller, size: int) -> AsyncIterator[Any]:
    """Yield a connection for the insertion of one backtest, whose result has at most `size` bytes.

    Raises a 429 when the caller has as many unfinished ones as are allowed, or when its bytes of the day are used up.
    Submissions of one key wait for each other, so that its limits are exact; those of one process do so before they
    take a connection from others. Those of requests without a key are counted in PostgreSQL only when the requests that
    this process has accepted since the last count would exceed the limit.
    """
    if is_limited(caller):
        turn = app.submission_turns.setdefault(caller.owner, asyncio.Lock())
        async with turn, app.database.transaction() as connection:
            usage = await usage_of(connection, caller)
            if caller.concurrency > 0:
                _check(caller, usage["open"])
            check_daily_bytes(app, caller, usage, size, dt.datetime.now(dt.UTC))
            yield connection
        return
    async with app.database.connection() as connection:
        if caller.key is None and caller.concurrency > 0:
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
