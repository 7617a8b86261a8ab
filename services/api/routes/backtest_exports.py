"""Trades and equity of a backtest as JSON (paged), CSV or Parquet."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

from services.api.backtests.export import as_parquet, encode_page
from services.api.backtests.serialize import join
from services.api.context import AppContext, RequestContext, Route
from services.api.http.pagination import invalid_cursor, read_cursor, write_cursor
from services.api.http.streaming import send
from services.api.routes.backtests import find_completed
from services.api.schemas import responses
from services.api.schemas.requests import ExportQuery
from shared.contracts.http import JSON

JSON_PAGE = 1000
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"


async def get_trades(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/trades`."""
    return await _export(app, call, "trades")


async def get_equity(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/equity`."""
    return await _export(app, call, "equity")


async def _export(app: AppContext, call: RequestContext, part: str) -> web.StreamResponse:
    query: ExportQuery = call.query
    row, computation = await find_completed(app, call, f"has {part}")
    body = await app.results.require(computation)
    start = read_cursor(query.cursor, int) or 0
    limit = query.limit or (JSON_PAGE if query.format == "json" else sys.maxsize)
    pieces, total = await asyncio.to_thread(encode_page, body, part, query.format, start, limit)
    if not 0 <= start <= total:
        raise invalid_cursor()
    following = write_cursor(start + limit) if start + limit < total else None
    headers = {}
    if following is not None:
        headers["Link"] = f'<{call.request.rel_url.update_query(cursor=following)}>; rel="next"'
    if query.format == "json":
        front = join({"total": total, "next_cursor": following})
        return await send(call.request, [*front[:-1], b',"items":[', *pieces, b"]}"], JSON, headers=headers)
    headers["Content-Disposition"] = f'attachment; filename="{part}-{row.id}.{query.format}"'
    if query.format == "csv":
        return await send(call.request, pieces, CSV, charset="utf-8", headers=headers)
    return await send(call.request, [await as_parquet(pieces)], PARQUET, headers=headers)


ROUTES = tuple(
    Route(
        method="GET", path=f"/v1/backtests/{{id}}/{part}", handler=handler, tag="backtests",
        summary=f"The {part} of a completed backtest as JSON (paged), CSV or Parquet", query=ExportQuery,
        answers={200: shape}, also=(CSV, PARQUET), problems=(404, 409),
    )
    for part, handler, shape in (
        ("trades", get_trades, responses.TradePage), ("equity", get_equity, responses.EquityPage),
    )
)  # fmt: skip
