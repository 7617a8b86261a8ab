"""The screen: stocks that pass a condition on one row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.canonicalize import CanonicalRequest, InvalidBodyError, canonicalize_body
from services.api.backtests.validate import require_memory_of_columns, validate_with
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.answers import localized_response
from services.api.localization import language_of, localized_warnings
from services.api.own_factors import Definitions, read_own_columns, resolve
from services.api.schemas import market_responses
from services.api.schemas.requests import ScreenQuery
from services.api.simulator_queries import query_simulator
from services.api.tables import table
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.universe_requests import as_parameter
from services.api.user_strategies import referenced_entry
from services.api.views import last_day, require_view, row_day
from shared.contracts import queries
from shared.errors import Problem, RequestError
from shared.language.columns import Column, read_columns
from shared.model.calendar import to_day
from shared.simulation.computing_cost import cost_of_expressions

MAX_COLUMNS = 50


async def get_screen(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/screen`."""
    query: ScreenQuery = call.query
    check_format(query)
    view = await require_view(app)
    problems: list[Problem] = []
    cost = 0
    day = last_day(view)
    try:
        day = row_day(view, query.date)
    except ApiProblem as error:
        problems += error.errors
    try:
        canonical, _ = await resolve(app, call.caller.owner, lambda names: _canonicalize(app, call, names, view, day))
        cost = await validate_with(app, canonical, view)
    except (ApiProblem, RequestError) as error:
        if not problems and not isinstance(error, RequestError):
            raise
        problems += [as_parameter(problem) for problem in as_problem(error).errors]
    columns: tuple[Column, ...] = ()
    try:
        if query.columns is not None:
            columns = await read_own_columns(
                app, call.caller.owner, query.columns,
                lambda text: read_columns(text, "columns", view.indices, view.factors, MAX_COLUMNS),
            )  # fmt: skip
    except RequestError as error:
        problems += error.problems
    if problems:
        raise invalid(problems)
    names = tuple(column.name for column in columns)
    row = int(view.days.searchsorted(to_day(day)))
    require_memory_of_columns(app, canonical.request, view, columns, slice(row, row + 1))
    cost += cost_of_expressions((column.expression for column in columns), slice(row, row + 1), len(view.instruments))
    asked = queries.Screen(version=view.version, request=canonical.text, limit=query.limit, columns=names)
    body = await query_simulator(app, asked, call.caller.owner, cost=cost)
    if query.format != "json":
        return await send_table(app, call, _table(columns, body))
    language = language_of(call.request)
    return localized_response(localized_warnings(body, language), language)


def _table(columns: Sequence[Column], body: bytes) -> table.Table:
    found = orjson.loads(body)
    described: list[tuple[str, table.Kind]] = [
        ("date", "date"), ("rank", "integer"), ("stock_code", "code"), ("name", "text"), ("market", "text"),
        ("sector", "text"), ("value", "number"),
    ]  # fmt: skip
    of_query: list[tuple[str, table.Kind]] = [
        (column.name, "boolean" if column.kind == "condition" else "number") for column in columns
    ]
    rows = [
        [found["date"], *(item[name] for name, _ in described[1:]), *(item["values"][name] for name, _ in of_query)]
        for item in found["items"]
    ]
    heads = tuple(table.Column(name=name, kind=kind) for name, kind in (*described, *of_query))
    return table.Table(name=f"screen-{found['date']}", columns=heads, blocks=[rows])


async def _canonicalize(
    app: AppContext, call: RequestContext, names: Definitions, view: View, day: dt.date
) -> CanonicalRequest:
    """Return the screen as the backtest request that would buy its stocks on the next row."""
    query: ScreenQuery = call.query
    buy = {name: value for name in ("where", "rank_by", "order") if (value := getattr(query, name)) is not None}
    universe = {name: list(value) for name in ("markets", "kinds", "sectors") if (value := getattr(query, name))}
    strategy: dict[str, Any] = {"buy": buy, "universe": universe}
    own = {}
    if query.strategy is not None:
        strategy["id"] = query.strategy
        own = await referenced_entry(app, call.caller.owner, query.strategy) or {}
    body = {"strategy": strategy, "start": day.isoformat(), "end": day.isoformat(), "benchmark": None}
    try:
        return await canonicalize_body(names.body(body, ""), names.entries(own), view.indices)
    except InvalidBodyError as error:
        raise RequestError(error.problems) from None


ROUTES = (
    Route(
        method="GET", path="/v1/screen", handler=get_screen, tag="market", query=ScreenQuery,
        summary="The stocks that pass a condition on one row, by rank", problems=(409,),
        answers={200: market_responses.Screen}, also=MEDIA_TYPES,
    ),
)  # fmt: skip
