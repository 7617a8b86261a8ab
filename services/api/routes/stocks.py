"""Stocks of the current dataset version."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import View
from services.api.errors import invalid
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.schemas import market_responses
from services.api.schemas.requests import StocksQuery
from services.api.stock_codes import require_stock
from services.api.views import require_view
from shared.errors import Problem
from shared.messages import say
from shared.model.calendar import iso


async def list_stocks(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/stocks`: by code; with `query` the best finds first."""
    query: StocksQuery = call.query
    view = await require_view(app)
    after = read_cursor(query.cursor, str)
    if query.query is not None:
        if after is not None:
            raise invalid([Problem(path="cursor", message=say("cursor_with_query"))])
        columns = await asyncio.to_thread(view.search.find, query.query)  # a short text is in every name
        found = (column for column in columns if _matches(view, column, query))
        items = [_document(view, column) for column in islice(found, query.limit)]
        return json_response({"items": items, "next_cursor": None})
    columns = []
    for code in view.codes:
        column = view.instruments.ordinal[code]
        if (after is None or code > after) and _matches(view, column, query):
            columns.append(column)
            if len(columns) > query.limit:
                break
    items = [_document(view, column) for column in columns[: query.limit]]
    following = write_cursor(items[-1]["stock_code"]) if len(columns) > query.limit else None
    return json_response({"items": items, "next_cursor": following})


def _matches(view: View, column: int, query: StocksQuery) -> bool:
    stocks = view.instruments
    if query.market is not None and stocks.market[column] != query.market:
        return False
    if query.sector is not None and stocks.sector[column] != query.sector:
        return False
    if query.search is None:
        return True
    sought = query.search.casefold()
    texts = (stocks.code[column], stocks.name[column], stocks.name_en[column] or "")
    return any(sought in text.casefold() for text in texts)


async def get_stock(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/stocks/{code}`."""
    view = await require_view(app)
    return json_response(_document(view, await require_stock(view, call.request.match_info["code"])))


def _document(view: View, column: int) -> dict[str, Any]:
    stocks = view.instruments
    listed, delisted = stocks.listed_on[column], stocks.delisted_on[column]
    return {
        "stock_code": stocks.code[column], "name": stocks.name[column], "name_en": stocks.name_en[column],
        "market": stocks.market[column], "sector": stocks.sector[column],
        "listed_on": None if listed is None else iso(listed),
        "delisted_on": None if delisted is None else iso(delisted),
    }  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/v1/stocks", handler=list_stocks, summary="Stocks by code", tag="market", query=StocksQuery,
        answers={200: market_responses.StockList}, problems=(409,),
    ),
    Route(
        method="GET", path="/v1/stocks/{code}", handler=get_stock, summary="A stock", tag="market",
        answers={200: market_responses.Stock}, problems=(404, 409),
    ),
)  # fmt: skip
