"""Changes of paper accounts by their users: strategy, costs, execution, name and pauses."""

from __future__ import annotations

from typing import Any, Final

import orjson
from aiohttp import web

from services.api.accounts.access import account_of_path, canonical_of, changeable_owners, page
from services.api.accounts.computed import Row
from services.api.accounts.documents import detail
from services.api.accounts.step import SQL, step_account
from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor
from services.api.http.request import parse_body, parse_object, read_body
from services.api.schemas import account_responses as responses
from services.api.schemas.requests import AccountChangeBody, PageQuery
from shared.errors import Problem
from shared.messages import say

OF_REQUEST: Final = ("strategy", "costs", "execution")
"""Fields of a change that are parts of the account's backtest."""


async def patch_account(app: AppContext, call: RequestContext) -> web.Response:
    """`PATCH /v1/accounts/{id}`: another strategy or costs are computed at once, from the start of the account."""
    given = {
        name: value
        for name, value in parse_object(await read_body(call.request, app.settings.max_body_bytes)).items()
        if value is not None
    }
    body = parse_body(AccountChangeBody, given)
    if not given:
        raise invalid([Problem(path="", message=say("account_change_empty"))])
    account = await account_of_path(app, call, to_change=True)
    request = orjson.loads(account["request"])
    text, strategy_id = account["request"], account["strategy_id"]
    if any(name in given for name in OF_REQUEST):
        changed = request | {name: given[name] for name in OF_REQUEST if name in given}
        canonical = await canonical_of(app, call.caller.owner, changed)
        text = canonical.text
        if "strategy" in given:
            strategy_id = canonical.strategy_id
    values = {
        "name": account["name"] if body.name is None else body.name, "strategy_id": strategy_id, "request": text,
        "paused": account["paused"] if body.paused is None else body.paused,
    }  # fmt: skip
    fields = _fields(account, values)
    if fields:
        row = await _change(app, account, values, fields)
        if text != account["request"]:
            await _step_or_take_back(app, account, row)
    return json_response(await detail(app, await account_of_path(app, call), changeable_owners(call)))


def _fields(account: Row, values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that differ, with their values before and after."""
    before, after = orjson.loads(account["request"]), orjson.loads(values["request"])
    found = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in OF_REQUEST
        if before.get(name) != after.get(name)
    }
    found |= {
        name: {"before": account[name], "after": values[name]}
        for name in ("name", "paused")
        if account[name] != values[name]
    }
    return found


async def _change(app: AppContext, account: Row, values: dict[str, Any], fields: dict[str, Any]) -> Row:
    async with app.database.transaction() as connection:
        row: Row | None = await connection.fetchrow(
            SQL["change_account"], account["id"], account["fence"], values["name"], values["strategy_id"],
            values["request"], values["paused"],
        )  # fmt: skip
        if row is None:
            raise ApiProblem(409, "conflict", say("account_changed_meanwhile"))
        await connection.execute(
            SQL["insert_change"], account["id"], row["changes"], orjson.dumps(fields).decode(), account["request"]
        )
    return row


async def _step_or_take_back(app: AppContext, before: Row, row: Row) -> None:
    """Step the changed account; a change with which it cannot be computed is not kept."""
    try:
        await step_account(app, row)
    except BaseException:
        async with app.database.transaction() as connection:
            restored = await connection.fetchval(
                SQL["take_change_back"], row["id"], row["fence"], before["name"], before["strategy_id"],
                before["request"], before["paused"],
            )  # fmt: skip
            if restored is not None:
                await connection.execute(SQL["delete_change"], row["id"], row["changes"])
        raise


async def list_changes(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/accounts/{id}/changes`."""
    query: PageQuery = call.query
    account = await account_of_path(app, call)
    before = read_cursor(query.cursor, int)
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_changes"], account["id"], before, query.limit + 1)
    items = [
        {"number": row["number"], "changed_at": instant(row["changed_at"]), "fields": orjson.loads(row["fields"])}
        for row in rows
    ]
    return page(items, query.limit, "number")


ROUTES = (
    Route(
        method="PATCH", path="/v1/accounts/{id}", handler=patch_account, tag="accounts", body=AccountChangeBody,
        summary="Change the name, strategy, costs or execution of a paper account, or pause it",
        answers={200: responses.AccountDetail}, problems=(400, 404, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/accounts/{id}/changes", handler=list_changes, tag="accounts", query=PageQuery,
        summary="Changes of a paper account by its user, the newest first", admits_visitors=True,
        answers={200: responses.AccountChangePage}, problems=(404,),
    ),
)  # fmt: skip
