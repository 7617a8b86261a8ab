"""A warm run as a stream of server-sent events that can be resumed.

The id of an event is `<attempt>.<phases begun>.<items ended in the last one>.<phases ended>`. It grows with every
event, whether it comes from the stream or from the run's rows, so a reader that returns with `Last-Event-ID`, even
after the end or to another process, receives what has happened since. A run that restarts after an interruption
begins a new attempt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.sse import PING_S, EventWriter, event_bytes, event_head, event_stream, parse_event_id
from services.api.routes.warm_runs import find_warm_run, parse_run_id
from services.api.warm_subscriptions import WarmSubscription
from shared.contracts.warm import OPEN
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST

POLL_S = 2.0
"""After this silence the rows are read: a lost event delays what it reports by this much."""

_EVENT_ID = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


class Position(NamedTuple):
    """How far a reader is; a greater one is later."""

    attempt: int = 0
    begun: int = 0
    items: int = 0
    ended: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self))


def parse_position(text: str | None) -> Position:
    """Return the position of a `Last-Event-ID`; raise a 422 for an id that this stream never sent."""
    return Position(*map(int, parse_event_id(_EVENT_ID, text) or ()))


class Follower:
    """One reader of one run, and how far it is."""

    def __init__(self, writer: EventWriter, position: Position) -> None:
        self._writer = writer
        self._position = position
        self._status: tuple[int, str] | None = None

    async def send_status(self, attempt: int, status: str) -> None:
        """Send the status of the run, if it has changed."""
        if self._status != (attempt, status):
            self._status = attempt, status
            await self._writer.write(event_bytes(self._position, "status", {"status": status, "attempt": attempt}))

    async def send_phase(self, attempt: int, phase: Mapping[str, Any], *, ended: bool) -> None:
        """Send the state of a phase, if the reader is not that far yet."""
        done, failed = phase["done"], phase["failed"]
        reached = Position(attempt, phase["place"] + 1, done + failed, phase["place"] + int(ended))
        if reached <= self._position:
            return
        self._position = reached
        status = "running" if not ended else "partial" if failed else "completed"
        fields = {name: phase[name] for name in ("phase", "place", "items", "done", "failed", "fresh", "seconds")}
        await self._writer.write(event_bytes(reached, "progress", fields | {"status": status}))

    async def send_end(self, document: Mapping[str, Any]) -> None:
        """Send the last event."""
        await self._writer.write(event_bytes(self._position, document["status"], document))


async def get_events(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/warm-runs/{id}/events`."""
    position = parse_position(call.request.headers.get("Last-Event-ID"))
    run = parse_run_id(call)
    with app.event_hub.warm.subscribe(run) as subscription:
        document = await find_warm_run(app, run)
        if call.request.method == "HEAD":
            return event_head()
        async with event_stream(call.request, app.metrics) as writer:
            await _follow(app, document, subscription, writer, position)
    return writer.response


async def _follow(
    app: AppContext, document: dict[str, Any], subscription: WarmSubscription, writer: EventWriter, position: Position
) -> None:
    follower = Follower(writer, position)
    silent_s = 0.0
    while True:
        if document["status"] in OPEN:
            await follower.send_status(document["attempts"], document["status"])
        for phase in document["progress"]:
            await follower.send_phase(document["attempts"], phase, ended=phase["status"] != "running")
        if document["status"] not in OPEN:
            await follower.send_end(document)
            return
        silent_s = 0.0 if await _forward(subscription, follower) else silent_s + POLL_S
        if silent_s >= PING_S:
            silent_s = 0.0
            await writer.ping()
        try:
            document = await find_warm_run(app, document["id"])
        except (UnavailableError, *LOST):
            continue  # database unavailable: keep forwarding stream events


async def _forward(subscription: WarmSubscription, follower: Follower) -> bool:
    """Forward events until the run itself changes (return True) or the stream is silent (whether it was not before)."""
    received = False
    while events := await subscription.take(POLL_S):
        received = True
        for event in events:
            if event.phase is None:
                return True
            await follower.send_status(event.attempt, event.status)
            await follower.send_phase(event.attempt, vars(event), ended=event.ended)
    return received


ROUTES = (
    Route(
        method="GET", path="/v1/warm-runs/{id}/events", handler=get_events, tag="warming",
        summary="Progress as server-sent events: status, progress, then completed, partial or failed",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
)  # fmt: skip
