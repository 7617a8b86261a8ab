"""A backtest as a stream of server-sent events that can be resumed anywhere.

The id of an event says how far the reader is: `<date of the last equity point>.<trades told>`. Runs are deterministic,
so what follows an id is the same whether it comes from the running simulator or from the stored result: a reader that
comes back with `Last-Event-ID`, even much later or to another process, gets exactly what it has not seen.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.await_outcome import fresh_row
from services.api.backtests.result_reader import blocks
from services.api.backtests.serialize import head, status_of
from services.api.context import Api, Call, Route
from services.api.http.sse import PING_S, Reader, event_bytes, parts_of, reading
from services.api.routes.backtests import own_row
from shared.contracts.http import ENDED
from shared.settings import MIB

BLOCK = 250
"""Equity points in one event, and trades in one write, at most."""
KEPT = 8
KEPT_BYTES = 16 * MIB
"""Finished results whose events are kept written: at most so many, and so many bytes unless it is one alone."""

_ID = re.compile(r"(\d{4}-\d{2}-\d{2}|-)\.(\d{1,9})", re.ASCII)


@dataclass
class Position:
    """How far a reader is."""

    date: str = ""
    trades: int = 0

    def __str__(self) -> str:
        return f"{self.date or '-'}.{self.trades}"


def position_of(text: str | None) -> Position:
    """The position that `Last-Event-ID` names; 422 for one that is not ours."""
    parts = parts_of(_ID, text)
    return Position() if parts is None else Position("" if parts[0] == "-" else parts[0], int(parts[1]))


class Stream:
    """What one reader has been told."""

    def __init__(self, reader: Reader, position: Position) -> None:
        self.write = reader.write
        self.ping = reader.ping
        self.position = position
        self.followed: str | None = None
        """The computation that is followed."""

    async def send(self, kind: str, data: Any) -> None:
        """One event, with the position that is reached by it."""
        await self.write(event_bytes(self.position, kind, data))

    async def points(self, points: list[dict[str, Any]], status: str, progress: float) -> None:
        """Equity points that the reader has not seen, in blocks."""
        fresh = [point for point in points if point["date"] > self.position.date]
        for start in range(0, len(fresh), BLOCK):
            block = fresh[start : start + BLOCK]
            self.position.date = block[-1]["date"]
            await self.send("progress", {"status": status, "progress": progress, "equity": block})


async def events(api: Api, call: Call) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/events`."""
    position = position_of(call.request.headers.get("Last-Event-ID"))
    row = await own_row(api, call)
    async with reading(call.request, api.measures) as reader:
        stream = Stream(reader, position)
        try:
            await _follow(api, call, row, stream)
        finally:
            if stream.followed is not None:
                api.ends.forget(stream.followed)
    return reader.response


async def _follow(api: Api, call: Call, row: dict[str, Any], stream: Stream) -> None:
    told: tuple[str, float] | None = None
    looked = 0
    while True:
        status = status_of(row)
        if status in ENDED:
            if told is None and stream.position == Position():
                await stream.send("status", {"status": status, "progress": float(row["progress"] or 0.0)})
            await _end(api, row, status, stream)
            return
        name = None if row["computation"] is None else str(row["computation"])
        channel = None if name is None else api.ends.channel(name)
        stream.followed = name
        progress = float(row["progress"] or 0.0)
        if channel is not None:
            status = channel.status if channel.status not in (None, *ENDED) else status
            progress = max(progress, channel.progress)
        if told is None or told[0] != status:
            await stream.send("status", {"status": status, "progress": progress})
        elif told[1] != progress and channel is not None and not channel.equity:
            await stream.send("progress", {"status": status, "progress": progress, "equity": []})
        told = (status, progress)
        if channel is not None:
            await stream.points(channel.equity, status, progress)
        quiet = await _quiet(api, name, channel)
        if quiet:
            await stream.ping()
        if channel is None or channel.end is not None or quiet or channel.looked != looked:
            looked = 0 if channel is None else channel.looked
            row = await fresh_row(api, row["id"], call.caller.owner) or row


async def _quiet(api: Api, name: str | None, channel: Any) -> bool:
    """Wait for news; True when there was none for a while."""
    if name is None:
        await api.datasets.changed(PING_S)
        return True
    if channel.end is not None:
        return False
    return not await api.ends.changed(name, PING_S)


class Told:
    """The events of a finished result, written once for all readers."""

    def __init__(self, result: bytes) -> None:
        self.points = [point for block in blocks(result, "equity") for point in block]
        self.last = self.points[-1]["date"] if self.points else ""
        self.blocks = []
        for start in range(0, len(self.points), BLOCK):
            block = self.points[start : start + BLOCK]
            position = Position(block[-1]["date"], 0)
            data = {"status": "completed", "progress": 1.0, "equity": block}
            self.blocks.append((block[0]["date"], position, event_bytes(position, "progress", data)))
        self.trades = [
            event_bytes(Position(self.last, place + 1), "trade", trade)
            for place, trade in enumerate(trade for block in blocks(result, "trades") for trade in block)
        ]
        self.size = sum(map(len, self.trades)) + sum(len(text) for _, _, text in self.blocks)


async def _told(api: Api, computation: Any) -> Told:
    """The written events of a result; the last few are kept, since many readers follow the same run."""
    known: asyncio.Future[Told] | None = api.told.get(computation)
    if known is None:
        known = api.told[computation] = asyncio.ensure_future(_made(api, computation))
    return await asyncio.shield(known)


async def _made(api: Api, computation: Any) -> Told:
    try:
        made = await asyncio.to_thread(Told, await api.results.needed(computation))
    except BaseException:
        del api.told[computation]
        raise
    others = [name for name in api.told if name != computation]
    room = KEPT_BYTES - made.size
    for name in reversed(others):  # the latest ones stay
        future = api.told[name]
        if future.done():
            room -= future.result().size
            if room < 0 or len(api.told) > KEPT:
                del api.told[name]
    return made


async def _end(api: Api, row: dict[str, Any], status: str, stream: Stream) -> None:
    """What the reader has not seen of the result, and the last event."""
    digest = None
    if status == "completed":
        told = await _told(api, row["computation"])
        for first, position, text in told.blocks:
            if stream.position.date < first:
                stream.position.date = position.date
                await stream.write(text)
            else:  # the reader has seen a part of this block, or all of it
                await stream.points([p for p in told.points if first <= p["date"] <= position.date], status, 1.0)
        while stream.position.trades < len(told.trades):
            block = told.trades[stream.position.trades : stream.position.trades + BLOCK]
            stream.position.trades += len(block)
            await stream.write(b"".join(block))
            await asyncio.sleep(0)  # many readers of a long result take turns
        digest = row["result_digest"]
    last = head(row) | {"result_digest": digest}
    if status == "failed":
        last["error"] = orjson.loads(row["error"]) if row["error"] else None
    await stream.send(status, last)


ROUTES = (
    Route(
        method="GET", path="/v1/backtests/{id}/events", handler=events, tag="backtests",
        summary="Progress as server-sent events: status, progress, trade, then completed, failed or cancelled",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
)  # fmt: skip
