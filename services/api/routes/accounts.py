"""Paper accounts: create, list, show, step, delete, and their orders, steps and drift reports. No order is sent."""

from __future__ import annotations

import datetime as dt
from typing import Final

import orjson
from aiohttp import web

from services.api.accounts.access import (
    NOT_FOUND,
    account_of_path,
    canonical_of,
    changeable_owners,
    page,
    readable_owners,
    require_account,
)
from services.api.accounts.documents import EARLIER_REPORT, detail, orders_document, step_document, summary
from services.api.accounts.step import SQL, select_account, step_account
from services.api.auth import may_use
from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor
from services.api.http.request import parse_body, parse_object, parse_uuid, read_body
from services.api.ids import new_id
from services.api.schemas import account_responses as responses
from services.api.schemas.requests import AccountBody, OrdersQuery, PageQuery, StepQuery
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.tables.table import Table, blocks_of_objects, columns_of
from shared.accounts.days import first_day
from shared.contracts.http import PUBLIC
from shared.errors import Problem
from shared.messages import say
from shared.strategies.catalogue import BY_ID

MAX_ACCOUNTS: Final = 1000
"""Number of paper accounts that an owner may have."""


async def post_account(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/accounts`: the account is stepped at once, so that it has its history and the orders that are due."""
    raw = parse_object(await read_body(call.request, app.settings.max_body_bytes))
    body = parse_body(AccountBody, {**raw, "strategy": raw.get("strategy", {})})
    owner = PUBLIC if body.public else call.caller.owner
    if body.public and not may_use(call.caller, "operator"):
        raise ApiProblem(403, "forbidden", say("role_missing", role="operator"))
    async with app.database.connection() as connection:
        now: dt.datetime = await connection.fetchval(SQL["now"])
        if await connection.fetchval(SQL["count_accounts"], owner) >= MAX_ACCOUNTS:
            raise ApiProblem(409, "conflict", say("too_many_accounts", limit=MAX_ACCOUNTS))
    start = body.start or first_day(now)
    request = {name: value for name, value in raw.items() if name not in {"name", "public"}}
    request |= {"start": start.isoformat(), "end": start.isoformat()}
    canonical = await canonical_of(app, call.caller.owner, request)
    entry = BY_ID.get(canonical.strategy_id or "")
    if body.public and (entry is None or raw["strategy"] != canonical.strategy_id):
        raise invalid([Problem(path="strategy", message=say("public_account_strategy"))])
    name = body.name or (entry.name_en if entry is not None else canonical.strategy_id) or "paper account"
    async with app.database.connection() as connection:
        row = await connection.fetchrow(
            SQL["insert_account"], new_id(), owner, name, canonical.strategy_id, canonical.text, start
        )
    try:
        await step_account(app, row)
    except BaseException:  # an account that cannot be stepped is not created
        async with app.database.connection() as connection:
            await connection.execute(SQL["delete_account"], row["id"], [owner])
        raise
    account = await require_account(app, call, row["id"])
    document = await detail(app, account, changeable_owners(call))
    return json_response(document, status=201, headers={"Location": f"/v1/accounts/{row['id']}"})


async def list_accounts(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts`: those of the caller and the public ones."""
    query: PageQuery = call.query
    after = read_cursor(query.cursor, str)
    before = None if after is None else parse_uuid(after, "account")
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_accounts"], readable_owners(call), before, query.limit + 1)
    changeable = changeable_owners(call)
    return page([summary(row, changeable) for row in rows], query.limit, "id")


async def get_account(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}`."""
    return json_response(await detail(app, await account_of_path(app, call), changeable_owners(call)))


async def delete_account(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/accounts/{id}`."""
    identity = parse_uuid(call.request.match_info["id"], "account")
    async with app.database.connection() as connection:
        if await connection.fetchval(SQL["delete_account"], identity, changeable_owners(call)) is None:
            raise not_found(NOT_FOUND)
    return web.Response(status=204)


async def post_step(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/accounts/{id}/steps`."""
    query: StepQuery = call.query
    identity = parse_uuid(call.request.match_info["id"], "account")
    owners = None if call.caller.role == "admin" and query.scheduled else changeable_owners(call)
    account = await select_account(app, identity, owners)
    if account is None:
        raise not_found(NOT_FOUND)
    done = await step_account(app, account, scheduled=query.scheduled)
    return json_response(
        {
            "booked": list(done.booked), "decided": done.decided, "drift": list(done.drift),
            "provisional": done.provisional, "superseded": done.superseded,
        }
    )  # fmt: skip


async def get_orders(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/accounts/{id}/orders`."""
    query: OrdersQuery = call.query
    check_format(query)
    account = await account_of_path(app, call)
    async with app.database.connection() as connection:
        if query.date is None:
            step = await connection.fetchrow(SQL["select_last_decision"], account["id"])
        else:
            step = await connection.fetchrow(SQL["select_step"], account["id"], query.date)
    if step is None:
        raise not_found("account_day_not_found")
    document = orders_document(step)
    if query.format == "json":
        return json_response(document)
    columns = columns_of(responses.AccountOrder)
    name = f"orders-{document['date']}-{account['id']}"
    return await send_table(
        app, call, Table(name=name, columns=columns, blocks=blocks_of_objects(columns, [document["items"]]))
    )


async def list_steps(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/steps`."""
    query: PageQuery = call.query
    account = await account_of_path(app, call)
    after = read_cursor(query.cursor, str)
    before = None if after is None else dt.date.fromisoformat(after)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_steps"], account["id"], before, query.limit + 1)
    return page([step_document(row) for row in rows], query.limit, "date")


async def list_drift(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/drift`."""
    query: PageQuery = call.query
    account = await account_of_path(app, call)
    before = read_cursor(query.cursor, int)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_drift"], account["id"], before, query.limit + 1)
    items = [
        {
            "number": row["number"],
            **EARLIER_REPORT,
            **orjson.loads(row["report"]),
            "created_at": instant(row["created_at"]),
        }
        for row in rows
    ]
    return page(items, query.limit, "number")


ROUTES = (
    Route(
        method="POST", path="/v1/accounts", handler=post_account, tag="accounts", body=AccountBody,
        stores_work=True,
        summary="Create a paper account, which decides the orders of a strategy every trading day; no order is sent",
        answers={201: responses.AccountDetail}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/accounts", handler=list_accounts, tag="accounts", query=PageQuery,
        summary="Paper accounts of the caller and the public ones, the newest first", admits_visitors=True,
        answers={200: responses.AccountPage},
    ),
    Route(
        method="GET", path="/v1/accounts/{id}", handler=get_account, tag="accounts",
        summary="A paper account with positions, orders and equity", admits_visitors=True,
        answers={200: responses.AccountDetail}, problems=(404,),
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
        summary="The trading days of a paper account with their fills, the newest first", admits_visitors=True,
        answers={200: responses.AccountStepPage}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/orders", handler=get_orders, tag="accounts", query=OrdersQuery,
        summary="The orders of a day as JSON, CSV, XLSX or Parquet", admits_visitors=True,
        answers={200: responses.AccountOrders}, also=MEDIA_TYPES, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/drift", handler=list_drift, tag="accounts", query=PageQuery,
        summary="Decisions and days that a later dataset, engine or request makes otherwise, the newest first",
        admits_visitors=True, answers={200: responses.DriftPage}, problems=(404,),
    ),
)  # fmt: skip
