"""Rankings: the greatest stocks of one row."""

from __future__ import annotations

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import invalid, not_found
from services.api.http.answers import json_response
from services.api.schemas import market_responses
from services.api.schemas.requests import RankingQuery
from services.api.simulator_queries import query_simulator
from services.api.views import require_view, row_day
from shared.contracts import queries
from shared.contracts.rankings import RANKINGS
from shared.errors import Problem
from shared.messages import say
from shared.model.calendar import to_day


async def get_ranking(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/rankings/{kind}`."""
    kind = call.request.match_info["kind"]
    if kind not in RANKINGS:
        raise not_found("ranking_not_found", kinds=list(RANKINGS))
    query: RankingQuery = call.query
    view = await require_view(app)
    day = row_day(view, query.date)
    markets = sorted(set(view.instruments.market))
    if query.market is not None and query.market not in markets:
        raise invalid([Problem(path="market", message=say("unknown_market", known=markets))])
    asked = queries.Ranking(version=view.version, ranking=kind, day=to_day(day), market=query.market, limit=query.limit)
    return json_response(await query_simulator(app, asked, call.caller.owner))


ROUTES = (
    Route(
        method="GET", path="/v1/rankings/{kind}", handler=get_ranking, tag="market", query=RankingQuery,
        summary="The greatest stocks by market_cap, trading_volume or trading_value", problems=(404, 409),
        answers={200: market_responses.Ranking},
    ),
)  # fmt: skip
