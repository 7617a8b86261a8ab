"""Server-sent events: an open answer whose every event carries the position that a reader has reached with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from services.api.errors import invalid
from services.api.metrics import ApiMetrics
from shared.errors import Problem
from shared.messages import say

PING_S = 10.0
"""Interval of comments on a silent stream, by which a disconnected reader is noticed."""
WRITE_TIMEOUT_S = 20.0
"""A reader that receives nothing for this long is disconnected; it can resume."""
RETRY_MS = 2000


def event_bytes(position: object, kind: str, data: Any) -> bytes:
    """Return one event with the position that a reader reaches by it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(position).encode(), kind.encode(), orjson.dumps(data))


def parse_event_id(pattern: re.Pattern[str], text: str | None) -> tuple[str, ...] | None:
    """Return the groups of a `Last-Event-ID`, None without one; raise a 422 for an id that the stream never sent."""
    if text is None or not text.strip():
        return None
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise invalid([Problem(path="Last-Event-ID", message=say("invalid_event_id"))])
    return found.groups()


class EventWriter:
    """Writes events to one reader, each write within `WRITE_TIMEOUT_S`."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    async def write(self, data: bytes) -> None:
        """Write encoded events; raise ConnectionResetError when the reader receives nothing for too long."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self.response.write(data)
        except TimeoutError:
            raise ConnectionResetError("the reader is too slow") from None

    async def ping(self) -> None:
        """Write a comment."""
        await self.write(b": ping\n\n")


HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event_head() -> web.Response:
    """Return the answer to HEAD: the headers of a stream that exists."""
    return web.Response(headers=HEADERS)


@asynccontextmanager
async def event_stream(request: web.Request, metrics: ApiMetrics) -> AsyncIterator[EventWriter]:
    """Open and end an event stream; when the reader disconnects or is too slow, leave the block without an error."""
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    writer = EventWriter(response)
    metrics.stream_opened()
    try:
        await writer.write(b"retry: %d\n\n" % RETRY_MS)
        yield writer
        await response.write_eof()
    except ConnectionError:
        if request.transport is not None:
            request.transport.abort()
    finally:
        metrics.stream_closed()
