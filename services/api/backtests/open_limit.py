"""Limits of the unfinished backtests of an owner."""

from __future__ import annotations

from services.api.auth import Caller
from services.api.context import AppContext
from services.api.errors import ApiProblem
from shared.infra.database.sql import statements
from shared.messages import Message, say

SQL = statements("backtest")


async def check_open(app: AppContext, caller: Caller) -> None:
    """Raise a 429 when the caller has as many unfinished backtests as are allowed.

    Those of requests without a key are counted in PostgreSQL only when the requests that this process has accepted
    since the last count would exceed the limit.
    """
    if caller.concurrency <= 0:
        return
    if caller.key is None:
        app.accepted_without_key += 1
        if app.accepted_without_key <= caller.concurrency:
            return
    async with app.database.connection() as connection:
        count = await connection.fetchval(SQL["count_open"], caller.owner)
    if caller.key is None:
        app.accepted_without_key = count + 1
    if count >= caller.concurrency:
        raise too_many_open(caller, count)


def too_many_open(caller: Caller, count: int) -> ApiProblem:
    """Return the problem of a caller with too many unfinished backtests."""
    detail: Message = say("too_many_open", count=count, limit=caller.concurrency)
    if caller.key is None:
        detail = say("too_many_open_without_key", count=count, limit=caller.concurrency)
    return ApiProblem(429, "too-many-open", detail, headers={"Retry-After": "1"})
