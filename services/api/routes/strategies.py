"""Strategies: the catalogue, the presets, and those that a user keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.canonicalize import ANY_DAY, beside, draft_of, mistakes_of
from services.api.backtests.serialize import instant
from services.api.backtests.submit import expression_indices
from services.api.context import Api, Call, Route
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.request import M, parse_model, parse_object, read_body, read_cursor, write_cursor
from services.api.schemas import responses
from services.api.schemas.requests import NewStrategyBody, OwnStrategyBody, PageQuery, mentioned
from services.api.user_strategies import SQL
from shared.contracts.http import JSON
from shared.errors import Problem, RequestError
from shared.strategies.catalogue import BY_ID, FAMOUS, NOTE, PRESETS, Entry

MOST = 1000
"""Strategies that an owner may keep."""


class StrategyPage(responses.StrategyList):
    """A page of strategies: the catalogue in its order, then one's own by id."""

    next_cursor: str | None


async def listing(api: Api, call: Call) -> web.Response:
    """`GET /v1/strategies`."""
    query: PageQuery = call.query
    after = read_cursor(query.cursor, str)
    items = [_of_catalogue(entry) for entry in FAMOUS[_place(after) :][: query.limit + 1]]
    if len(items) <= query.limit:
        own = after if after not in BY_ID else None
        async with api.database.connection() as connection:
            rows = await connection.fetch(SQL["strategies_page"], call.caller.owner, own, query.limit + 1 - len(items))
        items += [_of_row(row) for row in rows]
    more = len(items) > query.limit
    items = items[: query.limit]
    return _json({"items": items, "next_cursor": write_cursor(items[-1]["id"]) if more else None, "note": NOTE})


def _place(after: str | None) -> int:
    """Where a page begins in the catalogue; behind it when the last page ended with a strategy of one's own."""
    if after is None:
        return 0
    return next((place + 1 for place, entry in enumerate(FAMOUS) if entry.id == after), len(FAMOUS))


async def presets(api: Api, call: Call) -> web.Response:
    """`GET /v1/presets`."""
    return _json({"items": [_of_catalogue(entry) for entry in PRESETS]})


async def show(api: Api, call: Call) -> web.Response:
    """`GET /v1/strategies/{id}`."""
    identity = call.request.match_info["id"]
    if identity in BY_ID:
        return _json(_of_catalogue(BY_ID[identity]))
    return _json(_of_row(await _own(api, call, identity)))


async def add(api: Api, call: Call) -> web.Response:
    """`POST /v1/strategies`."""
    body = await _read(NewStrategyBody, api, call)
    if body.id in BY_ID:
        raise ApiProblem(409, "conflict", f"The catalogue has a strategy {body.id} already; choose another id.")
    values = await asyncio.to_thread(_stored, body, await expression_indices(api, None))
    async with api.database.transaction() as connection:
        if await connection.fetchval(SQL["strategy_count"], call.caller.owner) >= MOST:
            raise ApiProblem(409, "conflict", f"{MOST} strategies are kept already; delete one first.")
        row = await connection.fetchrow(SQL["strategy_add"], call.caller.owner, body.id, *values)
    if row is None:
        raise ApiProblem(409, "conflict", f"There is a strategy {body.id} already; PUT changes it.")
    return _json(_of_row(row), status=201, headers={"Location": f"/v1/strategies/{body.id}"})


async def change(api: Api, call: Call) -> web.Response:
    """`PUT /v1/strategies/{id}`."""
    identity = _changeable(call)
    body = await _read(OwnStrategyBody, api, call)
    values = await asyncio.to_thread(_stored, body, await expression_indices(api, None))
    async with api.database.connection() as connection:
        row = await connection.fetchrow(SQL["strategy_change"], call.caller.owner, identity, *values)
    if row is None:
        raise not_found("strategy of yours with this id")
    return _json(_of_row(row))


async def remove(api: Api, call: Call) -> web.Response:
    """`DELETE /v1/strategies/{id}`."""
    identity = _changeable(call)
    async with api.database.connection() as connection:
        if await connection.fetchval(SQL["strategy_remove"], call.caller.owner, identity) is None:
            raise not_found("strategy of yours with this id")
    return web.Response(status=204)


async def _read(model: type[M], api: Api, call: Call) -> M:
    """The body as a model; its refusal tells the mistakes of the strategy's expressions, too."""
    raw = await read_body(call.request, api.settings.body_bytes)
    try:
        return parse_model(model, raw)
    except ApiProblem as error:
        strategy = parse_object(raw).get("strategy") if error.status == 422 else None
        if not isinstance(strategy, dict):
            raise
        body = {"strategy": strategy, "start": ANY_DAY, "end": ANY_DAY}
        more = await asyncio.to_thread(mistakes_of, body, {}, await expression_indices(api, None))
        raise invalid(beside(error.errors, more)) from None


def _changeable(call: Call) -> str:
    identity = call.request.match_info["id"]
    if identity in BY_ID:
        raise ApiProblem(
            409, "conflict", "Strategies of the catalogue cannot be changed; keep a copy under another id."
        )
    if "\x00" in identity:
        raise not_found("strategy of yours with this id")
    return identity


async def _own(api: Api, call: Call, identity: str) -> Mapping[str, Any]:
    row = None
    if "\x00" not in identity:
        async with api.database.connection() as connection:
            row = await connection.fetchrow(SQL["strategy"], call.caller.owner, identity)
    if row is None:
        raise not_found("strategy with this id; see /v1/strategies and /v1/presets")
    found: Mapping[str, Any] = row
    return found


def _stored(body: OwnStrategyBody, indices: frozenset[str]) -> tuple[str, str, str, str, str]:
    """The columns of a strategy; it must be one that a backtest would accept."""
    if body.strategy.id is not None:
        raise RequestError([Problem(path="strategy.id", message="a kept strategy is whole; leave out the id")])
    strategy, costs = mentioned(body.strategy), mentioned(body.costs)
    draft_of({"strategy": strategy, "costs": costs, "start": ANY_DAY, "end": ANY_DAY}, {}, indices)
    texts = (orjson.dumps(value).decode() for value in (body.tags, strategy, costs))
    tags, strategy_text, costs_text = texts
    return body.name, body.summary, tags, strategy_text, costs_text


def _of_catalogue(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id, "kind": entry.kind, "name_ko": entry.name_ko, "name_en": entry.name_en,
        "summary": entry.summary, "tags": list(entry.tags), "strategy": entry.strategy, "costs": entry.costs,
        "period_days": entry.period_days, "created_at": None, "updated_at": None,
    }  # fmt: skip


def _of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"], "kind": "own", "name_ko": row["name"], "name_en": row["name"], "summary": row["summary"],
        "tags": orjson.loads(row["tags"]), "strategy": orjson.loads(row["strategy"]),
        "costs": orjson.loads(row["costs"]), "period_days": None, "created_at": instant(row["created_at"]),
        "updated_at": instant(row["updated_at"]),
    }  # fmt: skip


def _json(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type=JSON, headers=headers)


ROUTES = (
    Route(
        method="GET", path="/v1/strategies", handler=listing, summary="The catalogue, then one's own", tag="strategies",
        query=PageQuery, answers={200: StrategyPage},
    ),
    Route(
        method="POST", path="/v1/strategies", handler=add, summary="Keep a strategy", tag="strategies",
        body=NewStrategyBody, answers={201: responses.Strategy}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/strategies/{id}", handler=show, summary="A strategy", tag="strategies",
        answers={200: responses.Strategy}, problems=(404,),
    ),
    Route(
        method="PUT", path="/v1/strategies/{id}", handler=change, summary="Change a strategy of one's own",
        tag="strategies", body=OwnStrategyBody, answers={200: responses.Strategy}, problems=(400, 404, 409, 413, 415),
    ),
    Route(
        method="DELETE", path="/v1/strategies/{id}", handler=remove, summary="Delete a strategy of one's own",
        tag="strategies", answers={204: ""}, problems=(404, 409),
    ),
    Route(
        method="GET", path="/v1/presets", handler=presets, summary="Ready-made strategies for a form", tag="strategies",
        answers={200: responses.StrategyList},
    ),
)  # fmt: skip
