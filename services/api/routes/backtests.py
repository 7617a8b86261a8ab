"""Backtests: submit, show, list, cancel."""

from __future__ import annotations

import uuid
from contextlib import suppress

from aiohttp import web

from services.api.backtests.await_outcome import select_backtest, send_backtest
from services.api.backtests.resolve import resolve_id
from services.api.backtests.row import BacktestRow
from services.api.backtests.serialize import backtest_document, head, join, list_item
from services.api.backtests.submit import submit_backtest
from services.api.contained_text import containing
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_body, parse_object, parse_uuid, read_body
from services.api.localization import language_of
from services.api.schemas import responses
from services.api.schemas.requests import AnnotationBody, BacktestBody, BacktestsQuery, ResultQuery
from services.api.schemas.selected_responses import SelectedBacktest
from shared.contracts.events import BacktestEnded
from shared.errors import Problem
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.messages import say

SQL = statements("backtest")
_NEWEST = uuid.UUID(int=(1 << 128) - 1)
BACKTEST = (responses.Backtest, SelectedBacktest)
"""Answers of a backtest: whole, or as `parts` and `format` of the query select."""


async def post_backtest(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`POST /v1/backtests`."""
    return await submit_backtest(app, call)


async def get_backtest(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}`."""
    return await send_backtest(app, call, await find_backtest(app, call))


async def find_backtest(app: AppContext, call: RequestContext) -> BacktestRow:
    """Return the caller's backtest that the path names; raise a 404 when there is none."""
    identity = await resolve_id(app, call.request.match_info["id"], call.caller.owner)
    row = await select_backtest(app, identity, call.caller.owner)
    if row is None:
        raise not_found("backtest_not_found")
    return row


async def find_completed(app: AppContext, call: RequestContext, purpose: str) -> tuple[BacktestRow, uuid.UUID]:
    """Return the caller's completed backtest that the path names, and its computation; raise a 409 when it is not."""
    row = await find_backtest(app, call)
    if row.status != "completed" or row.computation is None:
        raise ApiProblem(409, "conflict", say("backtest_not_completed", status=row.status, purpose=purpose))
    return row, row.computation


async def list_backtests(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/backtests`: the newest first."""
    query: BacktestsQuery = call.query
    cursor = read_cursor(query.cursor, str)
    rows = await _select_newest(app, call.caller.owner, _NEWEST if cursor is None else parse_uuid(cursor), query)
    items = [b"".join(list_item(row, language_of(call.request))) for row in rows[: query.limit]]
    following = write_cursor(str(rows[query.limit - 1].id)) if len(rows) > query.limit else None
    return json_response(b"".join(join({"next_cursor": following}, items=b"[" + b",".join(items) + b"]")))


async def _select_newest(app: AppContext, owner: str, before: uuid.UUID, query: BacktestsQuery) -> list[BacktestRow]:
    """Return the rows of a page, and one more when there is one."""
    pattern = None if query.name is None else containing(query.name)
    values = (owner, before, query.strategy, query.limit + 1, query.origin, pattern, query.starred)
    async with app.database.transaction() as connection:
        await connection.execute(SQL["force_custom_plan"])
        if query.status is None:
            records = await connection.fetch(SQL["select_newest"], *values)
        else:
            records = await connection.fetch(SQL["select_newest_of_status"], *values, query.status)
    return [BacktestRow.of(record) for record in records]


async def delete_backtest(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/backtests/{id}`: cancel the row; the computation stops when it was the last one."""
    row = await find_backtest(app, call)
    stopped: uuid.UUID | None = None
    async with app.database.transaction() as connection:
        if row.computation is not None:
            await connection.fetchrow(SQL["lock_computation"], row.computation)
        cancelled = await connection.fetchrow(SQL["cancel_backtest"], row.id, call.caller.owner)
        if cancelled is not None and cancelled["computation"] is not None:
            stopped = await connection.fetchval(SQL["stop_computation"], cancelled["computation"])
            if stopped is None:
                await connection.execute(SQL["assign_owner"], cancelled["computation"], call.caller.owner)
    if stopped is not None:
        name = str(stopped)
        with suppress(*LOST):  # the simulator's next heartbeat finds that its lease is void
            await append(app.broker, BacktestEnded(computation_id=name, status="cancelled"))
    elif cancelled is not None and cancelled["computation"] is not None:
        app.event_hub.row_changed(str(cancelled["computation"]))
    row = await find_backtest(app, call)
    if row.status != "cancelled":
        raise ApiProblem(409, "conflict", say("backtest_ended", status=row.status))
    return json_response(b"".join(backtest_document(row, None, language_of(call.request))))


async def patch_backtest(app: AppContext, call: RequestContext) -> web.Response:
    """`PATCH /v1/backtests/{id}`: change name, note and star; null removes."""
    given = parse_object(await read_body(call.request, app.settings.max_body_bytes))
    body = parse_body(AnnotationBody, given)
    if not given:
        raise invalid([Problem(path="", message=say("annotation_empty"))])
    owner = call.caller.owner
    identity = await resolve_id(app, call.request.match_info["id"], owner)
    values = ("name" in given, body.name, "note" in given, body.note, "starred" in given, bool(body.starred))
    async with app.database.connection() as connection:
        if await connection.fetchval(SQL["annotate"], identity, owner, *values) is None:
            raise not_found("backtest_not_found")
    row = await select_backtest(app, identity, owner)
    if row is None:
        raise not_found("backtest_not_found")
    return json_response(b"".join(join(head(row), request=row.request)))


ROUTES = (
    Route(
        method="POST", path="/v1/backtests", handler=post_backtest, summary="Submit a backtest", tag="backtests",
        stores_work=True,
        query=ResultQuery, body=BacktestBody, answers={200: BACKTEST, 202: responses.Backtest},
        headers=("Prefer", "Idempotency-Key", "Cache-Control", "Ondol-Origin"), problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/backtests", handler=list_backtests, summary="The caller's backtests, the newest first",
        tag="backtests", query=BacktestsQuery, answers={200: responses.BacktestList},
    ),
    Route(
        method="GET", path="/v1/backtests/{id}", handler=get_backtest, summary="A backtest with its result",
        tag="backtests", query=ResultQuery, answers={200: BACKTEST}, problems=(404, 409),
    ),
    Route(
        method="PATCH", path="/v1/backtests/{id}", handler=patch_backtest, tag="backtests", body=AnnotationBody,
        summary="Name, note and star of a backtest", answers={200: responses.BacktestHead},
        problems=(400, 404, 409, 413, 415),
    ),
    Route(
        method="DELETE", path="/v1/backtests/{id}", handler=delete_backtest, summary="Cancel a backtest",
        tag="backtests", answers={200: responses.Backtest}, problems=(404, 409),
    ),
)  # fmt: skip
