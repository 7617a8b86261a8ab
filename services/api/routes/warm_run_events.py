"""A warm run as a stream of server-sent events that can be resumed.

The id of an event says how far the reader is: `<attempt>.<phases begun>.<items ended in the last one>.<phases ended>`.
It grows with every event, whether it comes from a fact on the stream or from the run's rows, so a reader that comes
back with `Last-Event-ID`, even after the end or to another process, gets what has happened since. A run that is taken
up again after an interruption is told anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.api.context import Api, Call, Route
from services.api.http.sse import PING_S, Reader, event_bytes, parts_of, reading
from services.api.routes.warm_runs import run_document, run_id
from services.api.warm_subscriptions import Watch
from shared.contracts.warm import OPEN
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST

LOOK_S = 2.0
"""A watcher that hears nothing for so long looks at the rows: a lost fact delays its event by this much."""

_ID = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})\.(\d{1,9})", re.ASCII)


class Position(NamedTuple):
    """How far a reader is; a greater one is later."""

    attempt: int = 0
    begun: int = 0
    items: int = 0
    ended: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self))


def position_of(text: str | None) -> Position:
    """The position that `Last-Event-ID` names; 422 for one that is not ours."""
    return Position(*map(int, parts_of(_ID, text) or ()))


class Follower:
    """One reader of one run: what it has been told, and how it is told more."""

    def __init__(self, reader: Reader, position: Position) -> None:
        self._reader = reader
        self._position = position
        self._status: tuple[int, str] | None = None

    async def status(self, attempt: int, status: str) -> None:
        """The run waits or goes on, if the reader has not been told so."""
        if self._status != (attempt, status):
            self._status = attempt, status
            await self._reader.write(event_bytes(self._position, "status", {"status": status, "attempt": attempt}))

    async def phase(self, attempt: int, phase: Mapping[str, Any], *, ended: bool) -> None:
        """A phase as it stands, if that is news."""
        done, failed = phase["done"], phase["failed"]
        reached = Position(attempt, phase["place"] + 1, done + failed, phase["place"] + int(ended))
        if reached <= self._position:
            return
        self._position = reached
        status = "running" if not ended else "partial" if failed else "completed"
        told = {name: phase[name] for name in ("phase", "place", "items", "done", "failed", "fresh", "seconds")}
        await self._reader.write(event_bytes(reached, "progress", told | {"status": status}))

    async def end(self, document: Mapping[str, Any]) -> None:
        """The last event."""
        await self._reader.write(event_bytes(self._position, document["status"], document))


async def events(api: Api, call: Call) -> web.StreamResponse:
    """`GET /v1/warm-runs/{id}/events`."""
    position = position_of(call.request.headers.get("Last-Event-ID"))
    run = run_id(call)
    with api.ends.warm.of(run) as watch:
        document = await run_document(api, run)
        async with reading(call.request, api.measures) as reader:
            await _follow(api, document, watch, reader, position)
    return reader.response


async def _follow(api: Api, document: dict[str, Any], watch: Watch, reader: Reader, position: Position) -> None:
    follower = Follower(reader, position)
    silent_s = 0.0
    while True:
        if document["status"] in OPEN:
            await follower.status(document["attempts"], document["status"])
        for phase in document["progress"]:
            await follower.phase(document["attempts"], phase, ended=phase["status"] != "running")
        if document["status"] not in OPEN:
            await follower.end(document)
            return
        silent_s = 0.0 if await _heard(watch, follower) else silent_s + LOOK_S
        if silent_s >= PING_S:
            silent_s = 0.0
            await reader.ping()
        try:
            document = await run_document(api, document["id"])
        except (UnavailableError, *LOST):
            continue  # the record is away: what is told by the stream is told on


async def _heard(watch: Watch, follower: Follower) -> bool:
    """Tell the news of the stream until the rows are worth a look: the run itself changed, or (False) all is silent."""
    heard = False
    while news := await watch.news(LOOK_S):
        heard = True
        for event in news:
            if event.phase is None:
                return True
            await follower.status(event.attempt, event.status)
            await follower.phase(event.attempt, vars(event), ended=event.ended)
    return heard


ROUTES = (
    Route(
        method="GET", path="/v1/warm-runs/{id}/events", handler=events, tag="warming",
        summary="Progress as server-sent events: status, progress, then completed, partial or failed",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
)  # fmt: skip
