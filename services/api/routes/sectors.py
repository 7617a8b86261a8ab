"""Sectors of one row."""

from __future__ import annotations

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import json_response
from services.api.schemas import market_responses
from services.api.schemas.requests import SectorsQuery
from services.api.simulator_queries import query_simulator
from services.api.views import require_view, row_day
from shared.contracts import queries
from shared.model.calendar import to_day


async def list_sectors(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/sectors`: the listings of stocks are in time, so a simulator reads them."""
    query: SectorsQuery = call.query or SectorsQuery()
    view = await require_view(app)
    asked = queries.Sectors(version=view.version, day=to_day(row_day(view, query.date)))
    return json_response(await query_simulator(app, asked, call.caller.owner))


ROUTES = (
    Route(
        method="GET", path="/v1/sectors", handler=list_sectors, tag="market", query=SectorsQuery,
        summary="Sectors with the number of stocks that they have on one row",
        answers={200: market_responses.SectorList}, problems=(409,),
    ),
)  # fmt: skip
