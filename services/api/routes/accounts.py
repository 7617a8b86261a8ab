"""Paper accounts: create, list, show, step, delete, and their orders, steps and drift reports. No order is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson
from aiohttp import web

from services.api.accounts.computed import Row, unpack_result
from services.api.accounts.step import SQL, select_account, step_account
from services.api.backtests.canonicalize import InvalidBodyError, canonicalize_body
from services.api.backtests.serialize import instant
from services.api.backtests.validate import expression_indices
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_body, parse_object, parse_uuid, read_body
from services.api.ids import new_id
from services.api.schemas import account_responses as responses
from services.api.schemas.requests import AccountBody, OrdersQuery, PageQuery, StepQuery
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.tables.table import Table, blocks_of_objects, columns_of
from services.api.user_strategies import own_entries
from services.api.views import require_view
from shared.accounts.days import first_day
from shared.messages import say
from shared.model.calendar import from_day
from shared.simulation.plan import dataset_problems
from shared.strategies.catalogue import BY_ID

MAX_ACCOUNTS: Final = 1000
"""Number of paper accounts that an owner may have."""
NOT_FOUND: Final = "account_not_found"
_EARLIER_REPORT: Final[dict[str, Any]] = {
    "causes": [],
    "cells": None,
    "cell_count": None,
    "other_days": [],
    "statements": [],
}
"""Parts that reports of the first release of accounts do not have."""


async def post_account(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/accounts`: the account is stepped at once, so that it has its history and the orders that are due."""
    raw = parse_object(await read_body(call.request, app.settings.max_body_bytes))
    body = parse_body(AccountBody, {**raw, "strategy": raw.get("strategy", {})})
    async with app.database.connection() as connection:
        now: dt.datetime = await connection.fetchval(SQL["now"])
        if await connection.fetchval(SQL["count_accounts"], call.caller.owner) >= MAX_ACCOUNTS:
            raise ApiProblem(409, "conflict", say("too_many_accounts", limit=MAX_ACCOUNTS))
    start = body.start or first_day(now)
    request = {name: value for name, value in raw.items() if name != "name"}
    request |= {"start": start.isoformat(), "end": start.isoformat()}
    try:
        own = await own_entries(app, call.caller.owner)
        canonical = await canonicalize_body(request, own, await expression_indices(app, None))
    except InvalidBodyError as error:
        raise invalid(error.problems) from None
    view = await require_view(app)
    # the window is that of the account's days, so only its last row is validated now
    known = msgspec.structs.replace(
        canonical.request, start=from_day(int(view.days[-1])), end=from_day(int(view.days[-1]))
    )
    problems = await asyncio.to_thread(
        dataset_problems, known, days=view.days, instruments=view.instruments, indices=view.indices,
        factors=view.factors, listings=view.manifest.listings,
    )  # fmt: skip
    if problems:
        raise invalid(problems)
    entry = BY_ID.get(canonical.strategy_id or "")
    name = body.name or (entry.name_en if entry is not None else canonical.strategy_id) or "paper account"
    async with app.database.connection() as connection:
        row = await connection.fetchrow(
            SQL["insert_account"], new_id(), call.caller.owner, name, canonical.strategy_id, canonical.text, start
        )
    try:
        await step_account(app, row)
    except BaseException:  # an account that cannot be stepped is not created
        async with app.database.connection() as connection:
            await connection.execute(SQL["delete_account"], row["id"], call.caller.owner)
        raise
    account = await _require(app, call, row["id"])
    document = await _detail(app, account)
    return json_response(document, status=201, headers={"Location": f"/v1/accounts/{row['id']}"})


async def list_accounts(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts`."""
    query: PageQuery = call.query
    after = read_cursor(query.cursor, str)
    before = None if after is None else parse_uuid(after, "account")
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_accounts"], call.caller.owner, before, query.limit + 1)
    return _page([_summary(row) for row in rows], query.limit, "id")


def _page(items: list[dict[str, Any]], limit: int, key: str) -> web.Response:
    following = write_cursor(items[limit - 1][key]) if len(items) > limit else None
    return json_response({"items": items[:limit], "next_cursor": following})


async def get_account(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}`."""
    return json_response(await _detail(app, await _of_path(app, call)))


async def delete_account(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/accounts/{id}`."""
    identity = parse_uuid(call.request.match_info["id"], "account")
    async with app.database.connection() as connection:
        if await connection.fetchval(SQL["delete_account"], identity, call.caller.owner) is None:
            raise not_found(NOT_FOUND)
    return web.Response(status=204)


async def post_step(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/accounts/{id}/steps`."""
    query: StepQuery = call.query
    identity = parse_uuid(call.request.match_info["id"], "account")
    owner = None if call.caller.role == "admin" and query.scheduled else call.caller.owner
    account = await select_account(app, identity, owner)
    if account is None:
        raise not_found(NOT_FOUND)
    done = await step_account(app, account, scheduled=query.scheduled)
    return json_response(
        {
            "booked": list(done.booked), "decided": done.decided, "drift": list(done.drift),
            "superseded": done.superseded,
        }
    )  # fmt: skip


async def get_orders(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/accounts/{id}/orders`."""
    query: OrdersQuery = call.query
    check_format(query)
    account = await _of_path(app, call)
    async with app.database.connection() as connection:
        if query.date is None:
            step = await connection.fetchrow(SQL["select_last_decision"], account["id"])
        else:
            step = await connection.fetchrow(SQL["select_step"], account["id"], query.date)
    if step is None:
        raise not_found("account_day_not_found")
    document = _orders(step)
    if query.format == "json":
        return json_response(document)
    columns = columns_of(responses.AccountOrder)
    name = f"orders-{document['date']}-{account['id']}"
    return await send_table(
        call, Table(name=name, columns=columns, blocks=blocks_of_objects(columns, [document["items"]]))
    )


async def list_steps(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/steps`."""
    query: PageQuery = call.query
    account = await _of_path(app, call)
    after = read_cursor(query.cursor, str)
    before = None if after is None else dt.date.fromisoformat(after)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_steps"], account["id"], before, query.limit + 1)
    return _page([_step(row) for row in rows], query.limit, "date")


async def list_drift(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/drift`."""
    query: PageQuery = call.query
    account = await _of_path(app, call)
    before = read_cursor(query.cursor, int)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_drift"], account["id"], before, query.limit + 1)
    items = [
        {
            "number": row["number"],
            **_EARLIER_REPORT,
            **orjson.loads(row["report"]),
            "created_at": instant(row["created_at"]),
        }
        for row in rows
    ]
    return _page(items, query.limit, "number")


async def _of_path(app: AppContext, call: RequestContext) -> Row:
    return await _require(app, call, parse_uuid(call.request.match_info["id"], "account"))


async def _require(app: AppContext, call: RequestContext, identity: uuid.UUID) -> Row:
    account = await select_account(app, identity, call.caller.owner)
    if account is None:
        raise not_found(NOT_FOUND)
    return account


def _summary(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]), "name": row["name"], "strategy_id": row["strategy_id"],
        "start": row["start_day"].isoformat(), "as_of": _date(row["as_of"]), "equity": row["equity"],
        "cash": row["cash"], "position_count": row["positions"], "dataset_version": row["dataset_version"],
        "engine_version": row["engine_version"], "result_digest": row["result_digest"], "error": row["error"],
        "created_at": instant(row["created_at"]), "stepped_at": instant(row["stepped_at"]),
    }  # fmt: skip


async def _detail(app: AppContext, row: Row) -> dict[str, Any]:
    async with app.database.connection() as connection:
        step = await connection.fetchrow(SQL["select_last_decision"], row["id"])
        reports = await connection.fetchval(SQL["count_drift"], row["id"])
    result = {} if row["result"] is None else await asyncio.to_thread(unpack_result, row["result"])
    equity = result.get("equity", [])
    request = orjson.loads(row["request"])
    request["end"] = _date(row["as_of"]) or request["end"]
    return {
        **_summary(row),
        "request": request,
        "positions": result.get("open_positions", []),
        "orders": None if step is None else _orders(step),
        "statistics": result.get("statistics"),
        "curve": {name: [point[name] for point in equity] for name in ("date", "equity", "cash", "benchmark")},
        "drift_reports": reports,
    }


def _orders(step: Row) -> dict[str, Any]:
    decision = {} if step["decision"] is None else orjson.loads(step["decision"])
    day = step["day"].isoformat()
    return {
        "date": day, "status": step["status"], "decided_at": instant(step["decided_at"]),
        "decided_on": _date(step["decided_on"]), "late": step["late"], "dataset_version": step["dataset_version"],
        "digest": step["digest"], "buys": decision.get("buys"),
        "items": [{"date": day, **order} for order in decision.get("orders", [])],
    }  # fmt: skip


def _step(row: Row) -> dict[str, Any]:
    decision: Mapping[str, Any] = {} if row["decision"] is None else orjson.loads(row["decision"])
    return {
        "date": row["day"].isoformat(), "status": row["status"],
        "live": row["decision"] is not None and not row["late"], "decided_at": instant(row["decided_at"]),
        "decided_on": _date(row["decided_on"]), "late": row["late"], "orders": len(decision.get("orders", [])),
        "digest": row["digest"], "dataset_version": row["dataset_version"], "working_at": instant(row["working_at"]),
        "booked_at": instant(row["booked_at"]), "equity": row["equity"], "cash": row["cash"],
        "fills": [] if row["fills"] is None else orjson.loads(row["fills"]),
    }  # fmt: skip


def _date(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


ROUTES = (
    Route(
        method="POST", path="/v1/accounts", handler=post_account, tag="accounts", body=AccountBody,
        summary="Create a paper account, which decides the orders of a strategy every trading day; no order is sent",
        answers={201: responses.AccountDetail}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/accounts", handler=list_accounts, tag="accounts", query=PageQuery,
        summary="Paper accounts of the caller, the newest first", answers={200: responses.AccountPage},
    ),
    Route(
        method="GET", path="/v1/accounts/{id}", handler=get_account, tag="accounts",
        summary="A paper account with positions, orders and equity", answers={200: responses.AccountDetail},
        problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/accounts/{id}", handler=delete_account, tag="accounts",
        summary="Delete a paper account with its steps", answers={204: ""}, problems=(404,),
    ),
    Route(
        method="POST", path="/v1/accounts/{id}/steps", handler=post_step, tag="accounts", query=StepQuery,
        summary="Book the days that are loaded, and decide the orders that are due; may be repeated",
        answers={200: responses.AccountStepped}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/steps", handler=list_steps, tag="accounts", query=PageQuery,
        summary="The trading days of a paper account with their fills, the newest first",
        answers={200: responses.AccountStepPage}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/orders", handler=get_orders, tag="accounts", query=OrdersQuery,
        summary="The orders of a day as JSON, CSV, XLSX or Parquet", answers={200: responses.AccountOrders},
        also=MEDIA_TYPES, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/drift", handler=list_drift, tag="accounts", query=PageQuery,
        summary="Decisions and days that a later dataset, engine or request makes otherwise, the newest first",
        answers={200: responses.DriftPage}, problems=(404,),
    ),
)  # fmt: skip
