"""Prices of a stock as they were traded."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import json_response
from services.api.row_ranges import rows_between
from services.api.schemas import series_responses
from services.api.schemas.requests import PricesQuery
from services.api.simulator_queries import query_simulator
from services.api.stock_codes import require_stock
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.tables.table import Column, Table, blocks_of_columns
from services.api.views import require_view
from shared.contracts import queries
from shared.model.calendar import NO_DAY, from_day

DEFAULT_ROWS = 250
COLUMNS = (
    Column(name="date", kind="date"), Column(name="stock_code", kind="code"), Column(name="open", kind="number"),
    Column(name="high", kind="number"), Column(name="low", kind="number"), Column(name="close", kind="number"),
    Column(name="volume", kind="integer"), Column(name="split", kind="number"),
)  # fmt: skip
"""Columns of a file; `split` is 1 on rows without one."""


async def get_prices(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/stocks/{code}/prices`."""
    query: PricesQuery = call.query or PricesQuery()
    check_format(query)
    view = await require_view(app)
    column = await require_stock(view, call.request.match_info["code"])
    delisted = int(view.instruments.delisted_day[column])
    end = query.end
    if delisted != NO_DAY and (end is None or end >= from_day(delisted)):
        last = from_day(delisted - 1)  # the last rows of a delisted stock are those before its delisting
        end = last if query.start is None or query.start <= last else end
    rows = rows_between(view, query.start, end, default=DEFAULT_ROWS)
    stop = min(rows.stop, max(rows.start, int(view.days.searchsorted(delisted))))
    code = view.instruments.code[column]
    asked = queries.Prices(version=view.version, stock_code=code, first=rows.start, stop=stop)
    body = await query_simulator(app, asked, call.caller.owner)
    if query.format == "json":
        return json_response(body)
    return await send_table(app, call, _table(orjson.loads(body)))


def _table(found: dict[str, Any]) -> Table:
    splits = {split["date"]: split["ratio"] for split in found["splits"]}
    dates = found["dates"]
    prices = (found[name] for name in ("open", "high", "low", "close", "volume"))
    values = [dates, [found["stock_code"]] * len(dates), *prices, [splits.get(date, 1) for date in dates]]
    return Table(name=f"prices-{found['stock_code']}", columns=COLUMNS, blocks=blocks_of_columns(values))


ROUTES = (
    Route(
        method="GET", path="/v1/stocks/{code}/prices", handler=get_prices, tag="market", query=PricesQuery,
        summary="Prices and volumes of a stock as traded, and its splits", answers={200: series_responses.Prices},
        also=MEDIA_TYPES, problems=(404, 409),
    ),
)  # fmt: skip
