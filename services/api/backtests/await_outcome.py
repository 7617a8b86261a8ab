"""Waiting for the outcome of a backtest, and the answer that reports it."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from services.api.backtests.results import Selection, timing_of
from services.api.backtests.row import BacktestRow
from services.api.backtests.serialize import backtest_document
from services.api.context import AppContext, RequestContext
from services.api.http.content_coding import coding_of, compress_async
from services.api.http.streaming import send
from services.api.localization import language_of
from services.api.research.record import deflated_of
from services.api.schemas.requests import ResultQuery
from shared.contracts.http import ENDED, JSON
from shared.infra.database.sql import statements

SQL = statements("backtest")
CACHED_FROM_BYTES = 64 * 1024
"""Size of a result from which its compressed answer is cached."""


async def respond(
    app: AppContext, call: RequestContext, row: BacktestRow, wait_s: float | None, *, is_new: bool = False
) -> web.StreamResponse:
    """Return 200 with the outcome or 202 with the state; wait up to `wait_s` for the outcome.

    `is_new`: this process published the computation and has subscribed, so its state need not be read first.
    """
    if wait_s and row.status not in ENDED:
        row = await wait_for_outcome(app, row, call.caller.owner, wait_s, is_new=is_new)
    headers = {"Location": f"/v1/backtests/{row.id}"}
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s:g}"
    return await send_backtest(app, call, row, status=200 if row.status in ENDED else 202, headers=headers)


async def send_backtest(
    app: AppContext,
    call: RequestContext,
    row: BacktestRow,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Send a backtest with what the query selects of its result; compressed answers of large results are cached."""
    query: ResultQuery = call.query
    parts = None if query.parts is None else frozenset(query.parts)
    language = language_of(call.request)
    selection = Selection(parts=parts, columns=query.format == "columns", digits=query.digits, language=language)
    result = None
    if row.status == "completed" and row.computation is not None:
        result = await app.results.selected(row.computation, selection)
    deflated = await deflated_of(app, call.caller.owner, row, language)
    pieces = backtest_document(row, result, language, deflated)
    named = {**(headers or {}), "Content-Language": language, "Vary": "Accept-Language, Accept-Encoding"}
    coding = coding_of(call.request)
    if coding is None or result is None or len(result) < CACHED_FROM_BYTES:
        return await send(call.request, pieces, JSON, status=status, headers=named)
    key = (b"".join(piece for piece in pieces if piece is not result), row.computation, selection, coding)
    body = app.compressed.get(key)
    if body is None:
        body = await compress_async(b"".join(pieces), coding)
        if len(body) <= app.compressed.maxsize // 4:
            app.compressed[key] = body
    return web.Response(status=status, body=body, content_type=JSON, headers={**named, "Content-Encoding": coding})


async def wait_for_outcome(
    app: AppContext, row: BacktestRow, owner: str, wait_s: float, *, is_new: bool = False
) -> BacktestRow:
    """Return the row at its end, or as it is after `wait_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while row.computation is None and loop.time() < deadline:
        await app.datasets.wait_for_change(min(1.0, deadline - loop.time()))
        row = await select_backtest(app, row.id, owner) or row
    if row.computation is None:
        return row
    computation = row.computation
    name = str(computation)
    app.event_hub.subscription(name)
    try:
        if not is_new:
            row = await _with_state(app, row, computation)
            if row.status in ENDED:
                return row
        end = await app.event_hub.wait_for_end(name, max(0.0, deadline - loop.time()))
    finally:  # also when the caller disconnects
        app.event_hub.unsubscribe(name)
    if end is None or end.status != "completed":
        return await select_backtest(app, row.id, owner) or row
    body = await app.results.get(computation)
    timing = timing_of(body) if body is not None else {}
    return replace(
        row,
        computation_status="completed",
        started_at=_parse_instant(timing.get("started_at")),
        finished_at=_parse_instant(timing.get("finished_at")),
        result_digest=end.result_digest,
    )


async def _with_state(app: AppContext, row: BacktestRow, computation: uuid.UUID) -> BacktestRow:
    async with app.database.connection() as connection:
        found = await connection.fetchrow(SQL["select_state"], computation)
    return row if found is None else replace(row, **dict(found))


def _parse_instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


async def select_backtest(app: AppContext, identity: uuid.UUID, owner: str) -> BacktestRow | None:
    """Return the row as it is now, None when the owner has none of this id."""
    async with app.database.connection() as connection:
        found = await connection.fetchrow(SQL["select_backtest"], identity, owner)
    return None if found is None else BacktestRow.of(found)
