"""A backtest as a stream of server-sent events that can be resumed.

The id of an event is `<date of the last equity point>.<trades sent>`. Runs are deterministic, so what follows an id is
the same whether it comes from the running simulator or from the stored result: a reader that returns with
`Last-Event-ID`, even much later or to another process, receives exactly what it has not received.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.await_outcome import select_backtest
from services.api.backtests.event_cache import BLOCK, Position
from services.api.backtests.row import BacktestRow
from services.api.backtests.serialize import head
from services.api.context import AppContext, RequestContext, Route
from services.api.event_hub import Subscription
from services.api.http.sse import PING_S, EventWriter, event_bytes, event_head, event_stream, parse_event_id
from services.api.localization import language_of, localized_problem
from services.api.routes.backtests import find_backtest
from shared.contracts.http import ENDED
from shared.messages import Language

_EVENT_ID = re.compile(r"(\d{4}-\d{2}-\d{2}|-)\.(\d{1,9})", re.ASCII)


def parse_position(text: str | None) -> Position:
    """Return the position of a `Last-Event-ID`; raise a 422 for an id that this stream never sent."""
    parts = parse_event_id(_EVENT_ID, text)
    return Position() if parts is None else Position("" if parts[0] == "-" else parts[0], int(parts[1]))


class Stream:
    """One reader of one backtest, and how far it is."""

    def __init__(self, writer: EventWriter, position: Position) -> None:
        self.write = writer.write
        self.ping = writer.ping
        self.position = position
        self.followed: str | None = None
        """The computation that the reader is subscribed to."""

    async def send(self, kind: str, data: Any) -> None:
        """Send one event."""
        await self.write(event_bytes(self.position, kind, data))

    async def send_points(self, points: list[dict[str, Any]], status: str, progress: float) -> None:
        """Send the equity points that the reader has not received, in blocks."""
        unseen = [point for point in points if point["date"] > self.position.date]
        for start in range(0, len(unseen), BLOCK):
            block = unseen[start : start + BLOCK]
            self.position.date = block[-1]["date"]
            await self.send("progress", {"status": status, "progress": progress, "equity": block})


async def get_events(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/events`."""
    position = parse_position(call.request.headers.get("Last-Event-ID"))
    row = await find_backtest(app, call)
    if call.request.method == "HEAD":
        return event_head()
    async with event_stream(call.request, app.metrics) as writer:
        stream = Stream(writer, position)
        try:
            await _follow(app, call, row, stream)
        finally:
            if stream.followed is not None:
                app.event_hub.unsubscribe(stream.followed)
    return writer.response


async def _follow(app: AppContext, call: RequestContext, row: BacktestRow, stream: Stream) -> None:
    sent: tuple[str, float] | None = None
    row_changes = 0
    while True:
        status, progress = row.status, row.progress or 0.0
        if status in ENDED:
            if sent is None and stream.position == Position():
                await stream.send("status", {"status": status, "progress": progress})
            await _send_end(app, row, stream, language_of(call.request))
            return
        name = None if row.computation is None else str(row.computation)
        subscription = None if name is None else app.event_hub.subscription(name)
        stream.followed = name
        if subscription is not None:
            if subscription.status is not None and subscription.status not in ENDED:
                status = subscription.status
            progress = max(progress, subscription.progress)
        if sent is None or sent[0] != status:
            await stream.send("status", {"status": status, "progress": progress})
        elif sent[1] != progress and subscription is not None and not subscription.equity:
            await stream.send("progress", {"status": status, "progress": progress, "equity": []})
        sent = (status, progress)
        if subscription is not None:
            await stream.send_points(subscription.equity, status, progress)
        is_silent = await _wait(app, subscription)
        if is_silent:
            await stream.ping()
        if subscription is None or subscription.end is not None or is_silent or subscription.row_changes != row_changes:
            row_changes = 0 if subscription is None else subscription.row_changes
            row = await select_backtest(app, row.id, call.caller.owner) or row


async def _wait(app: AppContext, subscription: Subscription | None) -> bool:
    """Wait for an event; return True when there is none for `PING_S`."""
    if subscription is None:
        await app.datasets.wait_for_change(PING_S)
        return True
    if subscription.end is not None:
        return False
    return not await subscription.changed.wait(PING_S)


async def _send_end(app: AppContext, row: BacktestRow, stream: Stream, language: Language) -> None:
    """Send what the reader has not received of the result, and the last event."""
    digest = None
    if row.status == "completed" and row.computation is not None:
        events = await app.events.get(row.computation)
        for block in events.blocks:
            if stream.position.date < block.first:
                stream.position.date = block.position.date
                await stream.write(block.event)
            else:  # the reader has received a part of this block, or all of it
                points = [p for p in events.points if block.first <= p["date"] <= block.position.date]
                await stream.send_points(points, "completed", 1.0)
        while stream.position.trades < len(events.trades):
            trades = events.trades[stream.position.trades : stream.position.trades + BLOCK]
            stream.position.trades += len(trades)
            await stream.write(b"".join(trades))
            await asyncio.sleep(0)  # many readers of a long result take turns
        digest = row.result_digest
    last = head(row) | {"result_digest": digest}
    if row.status == "failed":
        last["error"] = localized_problem(orjson.loads(row.error), language) if row.error else None
    await stream.send(row.status, last)


ROUTES = (
    Route(
        method="GET", path="/v1/backtests/{id}/events", handler=get_events, tag="backtests",
        summary="Progress as server-sent events: status, progress, trade, then completed, failed or cancelled",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
)  # fmt: skip
