"""Trades and equity of a backtest as JSON (paged), CSV, XLSX or Parquet; columns: `services.api.backtests.export`."""

from __future__ import annotations

import sys

from aiohttp import web

from services.api.backtests.export import json_page, read_page, table_of
from services.api.backtests.result_reader import read_blocks
from services.api.backtests.serialize import join
from services.api.context import AppContext, RequestContext, Route
from services.api.http.pagination import invalid_cursor, read_cursor, write_cursor
from services.api.http.streaming import send
from services.api.routes.backtests import find_completed
from services.api.schemas import responses
from services.api.schemas.requests import ExportQuery
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from shared.contracts.http import JSON

JSON_PAGE = 1000
BYTES_OF_A_REQUEST = 1 << 20
"""A file counts as one more request of the key for each so many bytes of the result from which it is made."""


async def get_trades(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/trades`."""
    return await _export(app, call, "trades")


async def get_equity(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/equity`."""
    return await _export(app, call, "equity")


async def _export(app: AppContext, call: RequestContext, part: str) -> web.StreamResponse:
    query: ExportQuery = call.query
    check_format(query)
    row, computation = await find_completed(app, call, f"has {part}")
    body = await app.results.require(computation)
    name = f"{part}-{row.id}"
    if query.format != "json":
        app.authenticator.charge(call.caller, len(body) // BYTES_OF_A_REQUEST)
    if query.format != "json" and query.limit is None and query.cursor is None:
        return await send_table(
            app, call, await app.computed.in_thread(call.caller.owner, table_of, name, part, read_blocks(body, part))
        )
    start = read_cursor(query.cursor, int) or 0
    limit = query.limit or (JSON_PAGE if query.format == "json" else sys.maxsize)
    if query.format == "json":
        pieces, total = await app.computed.in_thread(call.caller.owner, json_page, body, part, start, limit)
        following, link = _following(call, start, limit, total)
        front = join({"total": total, "next_cursor": following})
        return await send(call.request, [*front[:-1], b',"items":[', *pieces, b"]}"], JSON, headers=link)
    page, total = await app.computed.in_thread(call.caller.owner, read_page, body, part, start, limit)
    _, link = _following(call, start, limit, total)
    return await send_table(app, call, table_of(name, part, page), headers=link)


def _following(call: RequestContext, start: int, limit: int, total: int) -> tuple[str | None, dict[str, str]]:
    """Return the cursor of the next page and its `Link` header; raise a 422 for a page that does not exist."""
    if not 0 <= start <= total:
        raise invalid_cursor()
    if start + limit >= total:
        return None, {}
    cursor = write_cursor(start + limit)
    return cursor, {"Link": f'<{call.request.rel_url.update_query(cursor=cursor)}>; rel="next"'}


ROUTES = tuple(
    Route(
        method="GET", path=f"/v1/backtests/{{id}}/{part}", handler=handler, tag="backtests",
        summary=f"The {part} of a completed backtest as JSON (paged), CSV, XLSX or Parquet", query=ExportQuery,
        answers={200: shape}, also=MEDIA_TYPES, problems=(404, 409),
    )
    for part, handler, shape in (
        ("trades", get_trades, responses.TradePage), ("equity", get_equity, responses.EquityPage),
    )
)  # fmt: skip
