"""Limit of the bytes of results that a key stores on a day in Seoul."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from services.api.auth import Caller
from services.api.context import AppContext
from services.api.errors import ApiProblem
from shared.infra.database.sql import statements
from shared.messages import say
from shared.model.calendar import SEOUL

SQL = statements("backtest")


def is_limited(caller: Caller) -> bool:
    """Return whether submissions of a caller wait for each other, so that its limits are exact."""
    return caller.key is not None and (caller.concurrency > 0 or caller.daily_bytes > 0)


async def usage_of(connection: Any, caller: Caller) -> Any:
    """Return (open, reserved, stored) of a limited caller, whose other submissions wait until the transaction ends."""
    await connection.fetchval(SQL["lock_submissions"], caller.owner)
    return await connection.fetchrow(SQL["select_usage"], caller.owner)


def check_daily_bytes(app: AppContext, caller: Caller, usage: Any, size: int, now: dt.datetime) -> None:
    """Raise a problem when what a caller has stored on the day, what its unfinished work may store and a request of
    `size` bytes together exceed its limit: a 422 for a request that never fits, else a 429."""
    limit, stored, reserved = caller.daily_bytes, usage["stored"], usage["reserved"]
    if limit <= 0 or stored + reserved + size <= limit:
        return
    app.metrics.work_refused("quota")
    if size > limit:
        raise ApiProblem(422, "too-costly", say("result_above_daily_bytes", size=size, limit=limit))
    if stored + size <= limit:
        detail = say("daily_bytes_reserved", stored=stored, reserved=reserved, size=size, limit=limit)
        raise ApiProblem(429, "quota-exceeded", detail, headers={"Retry-After": "1"})
    local = now.astimezone(SEOUL)
    end = dt.datetime.combine(local.date() + dt.timedelta(days=1), dt.time(), SEOUL)
    detail = say(
        "daily_bytes_used", stored=stored, reserved=reserved, size=size, limit=limit, until=f"{end:%Y-%m-%d %H:%M}"
    )
    raise ApiProblem(
        429, "quota-exceeded", detail, headers={"Retry-After": str(max(1, math.ceil((end - local).total_seconds())))}
    )
