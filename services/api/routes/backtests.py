"""Backtests: ask for one, look at it, list them, cancel them."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from aiohttp import web

from services.api.backtests.await_outcome import fresh_row
from services.api.backtests.serialize import backtest_document, head, splice, status_of
from services.api.backtests.submit import create
from services.api.context import Api, Call, Route
from services.api.errors import ApiProblem, not_found
from services.api.http.request import read_cursor, uuid_of, write_cursor
from services.api.http.streaming import send
from services.api.schemas import responses
from services.api.schemas.requests import BacktestBody, ListQuery
from shared.contracts.events import BacktestEnded
from shared.contracts.http import JSON
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append

SQL = statements("backtest")
_NEWEST = uuid.UUID(int=(1 << 128) - 1)
_LOOK_AT = 500
"""Rows that are looked at at once for those with a status."""


async def show(api: Api, call: Call) -> web.StreamResponse:
    """`GET /v1/backtests/{id}`."""
    row = await own_row(api, call)
    result = await api.results.get(row["computation"]) if status_of(row) == "completed" else None
    return await send(call.request, backtest_document(row, result), JSON)


async def own_row(api: Api, call: Call) -> dict[str, Any]:
    """The caller's row that the path names; 404 for anything else."""
    row = await fresh_row(api, uuid_of(call.request.match_info["id"]), call.caller.owner)
    if row is None:
        raise not_found("backtest with this id")
    return row


async def listing(api: Api, call: Call) -> web.Response:
    """`GET /v1/backtests`: the newest first."""
    query: ListQuery = call.query
    cursor = read_cursor(query.cursor, str)
    rows = await _newest(api, call.caller.owner, _NEWEST if cursor is None else uuid_of(cursor), query)
    more = len(rows) > query.limit
    items = []
    for row in rows[: query.limit]:
        front = head(row)
        raw = {"request": row["request"], "statistics": row["statistics"] if front["status"] == "completed" else None}
        if front["status"] == "failed":
            raw["error"] = row["error"]
        items.append(splice(front, **raw))
    following = write_cursor(str(rows[query.limit - 1]["id"])) if more else None
    body = splice({"next_cursor": following}, items=b"[" + b",".join(items) + b"]")
    return web.Response(body=body, content_type=JSON)


async def _newest(api: Api, owner: str, before: uuid.UUID, query: ListQuery) -> list[Any]:
    """A row more than the page has, if there is one; a status belongs to the computation, so it is looked for page by
    page."""
    wanted = query.limit + 1
    asked = wanted if query.status is None else max(wanted, _LOOK_AT)
    found: list[Any] = []
    while True:
        async with api.database.transaction() as connection:
            await connection.execute(SQL["force_custom_plan"])
            rows = await connection.fetch(SQL["list"], owner, before, query.strategy, asked)
        found += [row for row in rows if query.status in (None, row["status"])]
        if len(found) >= wanted or len(rows) < asked:
            return found[:wanted]
        before = rows[-1]["id"]


async def cancel(api: Api, call: Call) -> web.Response:
    """`DELETE /v1/backtests/{id}`: detach the row; the work stops when the last row has gone."""
    row = await own_row(api, call)
    identity, owner = row["id"], call.caller.owner
    stopped: uuid.UUID | None = None
    async with api.database.transaction() as connection:
        if row["computation"] is not None:
            await connection.fetchrow(SQL["lock_computation"], row["computation"])
        detached = await connection.fetchrow(SQL["cancel_backtest"], identity, owner)
        if detached is not None and detached["computation"] is not None:
            stopped = await connection.fetchval(SQL["stop_computation"], detached["computation"])
    if stopped is not None:
        name = str(stopped)
        with suppress(*LOST):  # the simulator's next heartbeat finds its lease gone
            await append(api.broker, BacktestEnded(computation_id=name, status="cancelled"))
    elif detached is not None and detached["computation"] is not None:
        api.ends.wake(str(detached["computation"]))
    row = await own_row(api, call)
    if status_of(row) != "cancelled":
        raise ApiProblem(409, "conflict", f"The backtest has ended already: {status_of(row)}.")
    return web.Response(body=b"".join(backtest_document(row, None)), content_type=JSON)


ROUTES = (
    Route(
        method="POST", path="/v1/backtests", handler=create, summary="Ask for a backtest", tag="backtests",
        body=BacktestBody, answers={200: responses.Backtest, 202: responses.Backtest},
        headers=("Prefer", "Idempotency-Key", "Cache-Control", "Ondol-Origin"), problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/backtests", handler=listing, summary="List one's backtests", tag="backtests",
        query=ListQuery, answers={200: responses.BacktestList},
    ),
    Route(
        method="GET", path="/v1/backtests/{id}", handler=show, summary="A backtest with its result", tag="backtests",
        answers={200: responses.Backtest}, problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/backtests/{id}", handler=cancel, summary="Cancel a backtest", tag="backtests",
        answers={200: responses.Backtest}, problems=(404, 409),
    ),
)  # fmt: skip
