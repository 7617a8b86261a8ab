"""The screen: stocks that pass a condition on one row."""

from __future__ import annotations

import datetime as dt
from typing import Any

from aiohttp import web

from services.api.backtests.canonicalize import CanonicalRequest, InvalidBodyError, canonicalize_body
from services.api.backtests.validate import validate_with
from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.answers import json_response
from services.api.localization import language_of, localized_warnings, mark_language
from services.api.schemas import market_responses
from services.api.schemas.requests import ScreenQuery
from services.api.simulator_queries import query_simulator
from services.api.universe_requests import as_parameter
from services.api.user_strategies import own_entries
from services.api.views import last_day, require_view, row_day
from shared.errors import Problem, RequestError
from shared.strategies.catalogue import BY_ID


async def get_screen(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/screen`."""
    query: ScreenQuery = call.query
    view = await require_view(app)
    problems: list[Problem] = []
    day = last_day(view)
    try:
        day = row_day(view, query.date)
    except ApiProblem as error:
        problems += error.errors
    try:
        canonical = await _canonicalize(app, call, query, view, day)
        await validate_with(app, canonical, view)
    except (ApiProblem, RequestError) as error:
        if not problems and not isinstance(error, RequestError):
            raise
        problems += [as_parameter(problem) for problem in as_problem(error).errors]
    if problems:
        raise invalid(problems)
    payload = {"version": view.version, "request": canonical.text, "limit": query.limit}
    language = language_of(call.request)
    response = json_response(localized_warnings(await query_simulator(app, "screen", payload), language))
    mark_language(response, language)
    return response


async def _canonicalize(
    app: AppContext, call: RequestContext, query: ScreenQuery, view: View, day: dt.date
) -> CanonicalRequest:
    """Return the screen as the backtest request that would buy its stocks on the next row."""
    buy = {name: value for name in ("where", "rank_by", "order") if (value := getattr(query, name)) is not None}
    universe = {name: list(value) for name in ("markets", "kinds", "sectors") if (value := getattr(query, name))}
    strategy: dict[str, Any] = {"buy": buy, "universe": universe}
    own = {}
    if query.strategy is not None:
        strategy["id"] = query.strategy
        own = {} if query.strategy in BY_ID else await own_entries(app, call.caller.owner)
    body = {"strategy": strategy, "start": day.isoformat(), "end": day.isoformat(), "benchmark": None}
    try:
        return await canonicalize_body(body, own, view.indices)
    except InvalidBodyError as error:
        raise RequestError(error.problems) from None


ROUTES = (
    Route(
        method="GET", path="/v1/screen", handler=get_screen, tag="market", query=ScreenQuery,
        summary="The stocks that pass a condition on one row, by rank", problems=(409,),
        answers={200: market_responses.Screen},
    ),
)  # fmt: skip
