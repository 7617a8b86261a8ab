"""The caller's own factors: expressions with a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.validate import expression_indices
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid, not_found
from services.api.factor_requests import find_report_view, report_request
from services.api.http.answers import json_response
from services.api.http.request import parse_body, parse_object, read_body
from services.api.own_factors import MAX_FACTORS, SQL, STRATEGY_PLACES, Definitions, own_rows, resolve
from services.api.schemas import factor_responses as responses
from services.api.schemas.requests import OwnFactorBody
from services.api.simulator_queries import query_simulator
from services.api.user_strategies import MAX_STORED_BYTES, own_entries
from services.api.views import last_day
from shared.contracts import queries
from shared.errors import Problem
from shared.language import Expression, compile_expression, index_names
from shared.language.own_names import KEY, is_word_of_the_language, names_in
from shared.messages import say
from shared.model.calendar import from_day
from shared.research.factor_reports.request import FactorWindow

DEFINITION = ("expression", "canonical", "uses", "unit", "summary")


async def list_own_factors(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors/mine`."""
    return json_response({"items": [_document(row) for row in await own_rows(app, call.caller.owner)]})


async def get_own_factor(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors/mine/{key}`: definition, versions and coverage by year."""
    rows = await _versions(app, call)
    view = await app.datasets.current()
    coverage: list[dict[str, Any]] = []
    reason = None
    if view is not None and len(view.days):
        window = FactorWindow(start=from_day(int(view.days[0])), end=last_day(view), horizons=(1,))
        try:
            view = await find_report_view(app, None)
            asked = await report_request(app, call.caller.owner, window, rows[0]["canonical"], view)
            query = queries.ExpressionCoverage(version=view.version, request=asked.canonical.text)
            coverage = orjson.loads(await query_simulator(app, query, call.caller.owner, cost=asked.cost(1)))["years"]
        except ApiProblem as error:
            if error.status != 422:
                raise
            reason = str(error.document["detail"])
    return json_response(
        _document(rows[0]) | {"versions": [_document(row) for row in rows], "coverage": coverage, "reason": reason}
    )


async def put_own_factor(app: AppContext, call: RequestContext) -> web.Response:
    """`PUT /v1/factors/mine/{key}`: define a factor; another definition is another version."""
    owner, key = call.caller.owner, call.request.match_info["key"].upper()
    body = parse_body(OwnFactorBody, parse_object(await read_body(call.request, app.settings.max_body_bytes)))
    indices = await expression_indices(app, None)
    if KEY.fullmatch(key) is None:
        raise invalid([Problem(path="key", message=say("own_factor_key"))])
    if is_word_of_the_language(key) or key in index_names(indices):
        raise ApiProblem(409, "conflict", say("own_factor_taken", key=key))
    rows = await own_rows(app, owner)
    others = {row["key"]: row for row in rows}
    path = _path_to(key, names_in(body.expression), others)
    if path:
        raise invalid([Problem(path="expression", message=say("own_factor_cycle", path=" → ".join([key, *path])))])

    async def read(names: Definitions) -> Expression:
        text = names.text(body.expression, "expression")
        return compile_expression(text, role="number", path="expression", indices=indices)

    expression, has_own_names = await resolve(app, owner, read)
    uses = sorted(names_in(body.expression) & others.keys()) if has_own_names else []
    now = others.get(key)
    values = (body.expression, expression.text, uses, body.unit, body.summary)
    if now is not None and values == tuple(now[name] for name in DEFINITION):
        return json_response(_document(now))
    async with app.database.transaction() as connection:
        await connection.fetchval(SQL["lock_own_factors"], owner)
        if now is None and len(rows) >= MAX_FACTORS:
            raise ApiProblem(409, "conflict", say("too_many_own_factors", limit=MAX_FACTORS))
        stored = await connection.fetchval(SQL["measure_own_factors"], owner)
        added = sum(len(text.encode()) for text in (body.expression, expression.text, body.summary))
        if stored + added > MAX_STORED_BYTES:
            raise ApiProblem(409, "conflict", say("too_many_stored_bytes", limit=MAX_STORED_BYTES))
        version = await connection.fetchval(SQL["next_factor_version"], owner, key)
        row = await connection.fetchrow(SQL["insert_own_factor"], owner, key, version, *values)
    headers = {"Location": f"/v1/factors/mine/{key}"}
    return json_response(_document(row), status=200 if now is not None else 201, headers=headers)


def _path_to(key: str, names: frozenset[str], others: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names through which an expression reads the factor that it defines; empty when it does not."""
    if key in names:
        return [key]
    for name in sorted(names & others.keys()):
        if below := _path_to(key, frozenset(others[name]["uses"]), others):
            return [name, *below]
    return []


async def delete_own_factor(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/factors/mine/{key}`: refused while a factor or strategy of the caller names it."""
    owner, key = call.caller.owner, call.request.match_info["key"].upper()
    await _versions(app, call)
    users = [row["key"] for row in await own_rows(app, owner) if key in row["uses"]]
    entries = await own_entries(app, owner)
    users += [name for name, entry in entries.items() if key in _names_of(entry.strategy)]
    if users:
        raise ApiProblem(409, "conflict", say("own_factor_used", key=key, users=sorted(users)))
    async with app.database.connection() as connection:
        await connection.fetch(SQL["delete_own_factor"], owner, key)
    return web.Response(status=204)


def _names_of(strategy: Mapping[str, Any]) -> frozenset[str]:
    texts = [(strategy.get(part) or {}).get(name) for part, name in STRATEGY_PLACES]
    return frozenset().union(*(names_in(text) for text in texts if isinstance(text, str)))


async def _versions(app: AppContext, call: RequestContext) -> Sequence[Mapping[str, Any]]:
    """Return every version of the factor of the path, the newest first; raise a 404 when there is none."""
    key = call.request.match_info["key"].upper()
    rows: Sequence[Mapping[str, Any]] = ()
    if KEY.fullmatch(key) is not None:
        async with app.database.connection() as connection:
            rows = await connection.fetch(SQL["select_own_factor"], call.caller.owner, key)
    if not rows:
        raise not_found("own_factor_not_found")
    return rows


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("key", "version", *DEFINITION)} | {"created_at": row["created_at"].isoformat()}


ROUTES = (
    Route(
        method="GET", path="/v1/factors/mine", handler=list_own_factors, tag="market",
        summary="The caller's own factors, by key", answers={200: responses.OwnFactorList},
    ),
    Route(
        method="GET", path="/v1/factors/mine/{key}", handler=get_own_factor, tag="market", problems=(404,),
        summary="An own factor: definition, versions, coverage by year", answers={200: responses.OwnFactorDetail},
    ),
    Route(
        method="PUT", path="/v1/factors/mine/{key}", handler=put_own_factor, tag="market", body=OwnFactorBody,
        summary="Give an expression a name; a change is a new version",
        answers={200: responses.OwnFactor, 201: responses.OwnFactor}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="DELETE", path="/v1/factors/mine/{key}", handler=delete_own_factor, tag="market",
        summary="Delete an own factor that nothing names", answers={204: ""}, problems=(404, 409),
    ),
)  # fmt: skip
