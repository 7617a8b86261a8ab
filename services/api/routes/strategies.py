"""Strategies: the catalogue, the presets, and those that a caller has stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.canonicalize import problems_of_strategy
from services.api.backtests.serialize import instant
from services.api.backtests.validate import expression_indices
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.answers import json_response, localized_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_object, read_body
from services.api.localization import language_of
from services.api.own_factors import resolve
from services.api.schemas import market_responses
from services.api.schemas.requests import NewStrategyBody, PageQuery, UserStrategyBody
from services.api.user_strategies import MAX_STORED_BYTES, MAX_STRATEGIES, SQL
from services.api.views import last_day
from shared.messages import Language, say
from shared.model.conversion import convert
from shared.model.fields import reason_key
from shared.simulation.validation import merged
from shared.strategies.catalogue import BY_ID, FAMOUS, NOTE, PRESETS, Entry
from shared.strategies.needs import needs_of

"""Number of strategies that an owner may store."""
OWN_NOT_FOUND = "own_strategy_not_found"


async def list_strategies(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/strategies`."""
    query: PageQuery = call.query
    after = read_cursor(query.cursor, str)
    view = await app.datasets.current()
    language = language_of(call.request)
    items = [_catalogue_document(entry, view, language) for entry in FAMOUS[_offset(after) :][: query.limit + 1]]
    if len(items) <= query.limit:
        own = after if after not in BY_ID else None
        async with app.database.connection() as connection:
            limit = query.limit + 1 - len(items)
            rows = await connection.fetch(SQL["select_strategy_page"], call.caller.owner, own, limit)
        items += [_own_document(row, view) for row in rows]
    more = len(items) > query.limit
    items = items[: query.limit]
    following = write_cursor(items[-1]["id"]) if more else None
    return localized_response({"items": items, "next_cursor": following, "note": NOTE}, language)


def _offset(after: str | None) -> int:
    """Return where a page begins in the catalogue; its end when the last page ended with a strategy of the caller."""
    if after is None:
        return 0
    return next((index + 1 for index, entry in enumerate(FAMOUS) if entry.id == after), len(FAMOUS))


async def list_presets(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/presets`."""
    view, language = await app.datasets.current(), language_of(call.request)
    return localized_response({"items": [_catalogue_document(entry, view, language) for entry in PRESETS]}, language)


async def get_strategy(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/strategies/{id}`."""
    identity = call.request.match_info["id"]
    view = await app.datasets.current()
    if identity in BY_ID:
        language = language_of(call.request)
        return localized_response(_catalogue_document(BY_ID[identity], view, language), language)
    row = None
    if "\x00" not in identity:
        async with app.database.connection() as connection:
            row = await connection.fetchrow(SQL["select_strategy"], call.caller.owner, identity)
    if row is None:
        raise not_found("strategy_not_found")
    return json_response(_own_document(row, view))


async def post_strategy(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/strategies`."""
    raw = parse_object(await read_body(call.request, app.settings.max_body_bytes))
    body = await _read(app, call, NewStrategyBody, raw)
    if body.id in BY_ID:
        raise ApiProblem(409, "conflict", say("strategy_in_catalogue", id=body.id))
    columns = _columns(body, raw)
    async with app.database.transaction() as connection:
        await _require_room(connection, call.caller.owner, body.id, columns)
        row = await connection.fetchrow(SQL["insert_strategy"], call.caller.owner, body.id, *columns)
    if row is None:
        raise ApiProblem(409, "conflict", say("strategy_exists", id=body.id))
    document = _own_document(row, await app.datasets.current())
    return json_response(document, status=201, headers={"Location": f"/v1/strategies/{body.id}"})


async def put_strategy(app: AppContext, call: RequestContext) -> web.Response:
    """`PUT /v1/strategies/{id}`."""
    identity = _own_id(call)
    raw = parse_object(await read_body(call.request, app.settings.max_body_bytes))
    body = await _read(app, call, UserStrategyBody, raw)
    columns = _columns(body, raw)
    async with app.database.transaction() as connection:
        await _require_room(connection, call.caller.owner, identity, columns)
        row = await connection.fetchrow(SQL["update_strategy"], call.caller.owner, identity, *columns)
    if row is None:
        raise not_found(OWN_NOT_FOUND)
    return json_response(_own_document(row, await app.datasets.current()))


async def delete_strategy(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/strategies/{id}`."""
    identity = _own_id(call)
    async with app.database.connection() as connection:
        if await connection.fetchval(SQL["delete_strategy"], call.caller.owner, identity) is None:
            raise not_found(OWN_NOT_FOUND)
    return web.Response(status=204)


async def _require_room(connection: Any, owner: str, identity: str, columns: tuple[str, ...]) -> None:
    """Raise a 409 when an owner would store too many strategies or bytes; writers of one owner wait for each other."""
    await connection.fetchval(SQL["lock_strategies"], owner)
    stored = await connection.fetchrow(SQL["measure_strategies"], owner, identity)
    if stored["strategies"] >= MAX_STRATEGIES:
        raise ApiProblem(409, "conflict", say("too_many_strategies", limit=MAX_STRATEGIES))
    if stored["bytes"] + sum(len(text.encode()) for text in columns) > MAX_STORED_BYTES:
        raise ApiProblem(409, "conflict", say("too_many_stored_bytes", limit=MAX_STORED_BYTES))


def _own_id(call: RequestContext) -> str:
    """Return the id of the path; raise a 409 for a strategy of the catalogue."""
    identity = call.request.match_info["id"]
    if identity in BY_ID:
        raise ApiProblem(409, "conflict", say("catalogue_unchangeable"))
    if "\x00" in identity:
        raise not_found(OWN_NOT_FOUND)
    return identity


async def _read(app: AppContext, call: RequestContext, shape: type[Any], raw: dict[str, Any]) -> Any:
    """Return the body of a strategy; own factors stay names in what is stored, so that later versions count."""
    indices = await expression_indices(app, None)
    body, _ = await resolve(
        app, call.caller.owner, lambda names: asyncio.to_thread(_validate, shape, names.body(raw, ""), indices)
    )
    return body


def _validate(shape: type[Any], raw: dict[str, Any], indices: frozenset[str]) -> Any:
    """Return the body of a strategy that a backtest would accept; raise a 422 with every problem."""
    found = convert(raw, shape)
    strategy, costs = raw.get("strategy"), raw.get("costs", {})
    problems = found.problems
    if isinstance(strategy, dict) and isinstance(costs, dict):
        problems = merged(problems, problems_of_strategy(strategy, costs, indices))
    if problems or found.value is None:
        raise invalid(problems)
    return found.value


def _columns(body: UserStrategyBody, raw: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Return the columns of a strategy; strategy and costs keep the fields that the caller named and no more."""
    texts = [orjson.dumps(value).decode() for value in (body.tags, raw["strategy"], raw.get("costs", {}))]
    return body.name, body.summary, texts[0], texts[1], texts[2]


def _catalogue_document(entry: Entry, view: View | None, language: Language) -> dict[str, Any]:
    return {
        "id": entry.id, "kind": entry.kind, "name_ko": entry.name_ko, "name_en": entry.name_en,
        "summary": (entry.summary_ko if language == "ko" else "") or entry.summary, "tags": list(entry.tags),
        "strategy": entry.strategy, "costs": entry.costs,
        "period_days": entry.period_days, **_needs(entry.strategy, view), "created_at": None, "updated_at": None,
    }  # fmt: skip


def _own_document(row: Mapping[str, Any], view: View | None) -> dict[str, Any]:
    strategy = orjson.loads(row["strategy"])
    return {
        "id": row["id"], "kind": "own", "name_ko": row["name"], "name_en": row["name"], "summary": row["summary"],
        "tags": orjson.loads(row["tags"]), "strategy": strategy, "costs": orjson.loads(row["costs"]),
        "period_days": None, **_needs(strategy, view),
        "created_at": instant(row["created_at"]), "updated_at": instant(row["updated_at"]),
    }  # fmt: skip


def _needs(strategy: Mapping[str, Any], view: View | None) -> dict[str, Any]:
    needs = needs_of(strategy)
    missing = None
    if view is not None and len(view.days):
        year = last_day(view).year
        missing = {factor: reason for factor in needs.factors if (reason := _missing(factor, view, year)) is not None}
    return {"factors": needs.factors, "inputs": needs.inputs, "missing_factors": missing}


def _missing(factor: str, view: View, year: int) -> str | None:
    """Return why no stock has a value of the factor in the newest year of a version, None when one has."""
    if factor not in view.factors:
        return "this dataset version was built without it"
    reasons = view.manifest.reasons
    return reasons.get(factor) or reasons.get(reason_key(factor, year))


ROUTES = (
    Route(
        method="GET", path="/v1/strategies", handler=list_strategies, tag="strategies", query=PageQuery,
        summary="The catalogue, then the caller's own", answers={200: market_responses.StrategyPage},
    ),
    Route(
        method="POST", path="/v1/strategies", handler=post_strategy, summary="Store a strategy", tag="strategies",
        body=NewStrategyBody, answers={201: market_responses.StrategyDocument}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/strategies/{id}", handler=get_strategy, summary="A strategy", tag="strategies",
        answers={200: market_responses.StrategyDocument}, problems=(404,),
    ),
    Route(
        method="PUT", path="/v1/strategies/{id}", handler=put_strategy, summary="Change a strategy of the caller",
        tag="strategies", body=UserStrategyBody, answers={200: market_responses.StrategyDocument},
        problems=(400, 404, 409, 413, 415),
    ),
    Route(
        method="DELETE", path="/v1/strategies/{id}", handler=delete_strategy,
        summary="Delete a strategy of the caller", tag="strategies", answers={204: ""}, problems=(404, 409),
    ),
    Route(
        method="GET", path="/v1/presets", handler=list_presets, summary="Ready-made strategies for a form",
        tag="strategies", answers={200: market_responses.StrategyList},
    ),
)  # fmt: skip
