"""A sweep as a stream of server-sent events that can be resumed: one event for each part that ends, in this order.

The id of an event is the number of parts that had ended. What follows an id is read from PostgreSQL, so that a reader
that returns with `Last-Event-ID` receives exactly what it has not received.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re

import orjson
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.sse import PING_S, EventWriter, event_bytes, event_head, event_stream, parse_event_id
from services.api.sweeps.document import sweep_head
from services.api.sweeps.row import SQL, Kind, SweepRow, find_sweep, select_sweep

POLL_S = 1.0
"""How often PostgreSQL is read when no message arrives."""
BATCH = 200
_EVENT_ID = re.compile(r"(\d{1,9})", re.ASCII)


async def get_events(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/sweeps/{id}/events`."""
    return await stream_events(app, call, "sweep")


async def stream_events(app: AppContext, call: RequestContext, kind: Kind) -> web.StreamResponse:
    """Answer the events of the sweep or walk-forward that the path names."""
    found = parse_event_id(_EVENT_ID, call.request.headers.get("Last-Event-ID"))
    row = await find_sweep(app, call, kind)
    if call.request.method == "HEAD":
        return event_head()
    async with event_stream(call.request, app.metrics) as writer:
        await _follow(app, row, writer, 0 if found is None else int(found[0]), resumed=found is not None)
    return writer.response


async def _follow(app: AppContext, row: SweepRow, writer: EventWriter, position: int, *, resumed: bool) -> None:
    loop = asyncio.get_running_loop()
    if not resumed:
        await writer.write(event_bytes(0, "status", sweep_head(row, dt.datetime.now(dt.UTC))))
    written = loop.time()
    while True:
        if row.parts_done > position:
            position = await _write_parts(app, row, writer, position)
            written = loop.time()
            continue
        if row.has_ended:
            await writer.write(event_bytes(position, row.status, sweep_head(row, dt.datetime.now(dt.UTC))))
            return
        await app.event_hub.sweeps.wait(str(row.id), POLL_S)
        row = await select_sweep(app, row)
        if loop.time() - written > PING_S:
            await writer.ping()
            written = loop.time()


async def _write_parts(app: AppContext, row: SweepRow, writer: EventWriter, position: int) -> int:
    """Write the parts that ended after a position; return the position behind them."""
    async with app.database.connection() as connection:
        parts = await connection.fetch(SQL["select_part_ends"], row.id, position, BATCH)
    for part in parts:
        best = [{"variant": variant, "score": score} for variant, score in orjson.loads(part["best"])]
        data = {
            "part": part["part"], "first": part["first"], "variants": part["count"], "failed": part["failed"],
            "parts_done": part["ended"], "parts": row.parts, "best": best,
        }  # fmt: skip
        await writer.write(event_bytes(part["ended"], "part", data))
    return int(parts[-1]["ended"]) if parts else row.parts_done


ROUTES = (
    Route(
        method="GET", path="/v1/sweeps/{id}/events", handler=get_events, tag="sweeps",
        summary="Progress as server-sent events: status, part, then completed or cancelled",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
)  # fmt: skip
