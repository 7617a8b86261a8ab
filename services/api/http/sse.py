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
from services.api.metrics import Measures
from shared.errors import Problem

PING_S = 10.0
"""A comment after so much silence; a reader that is gone is noticed by it."""
PATIENCE_S = 20.0
"""A reader that takes nothing for so long is let go; it can resume."""
RETRY_MS = 2000


def event_bytes(position: object, kind: str, data: Any) -> bytes:
    """One event, with the position that is reached by it."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (str(position).encode(), kind.encode(), orjson.dumps(data))


def parts_of(pattern: re.Pattern[str], text: str | None) -> tuple[str, ...] | None:
    """The groups of the pattern in a `Last-Event-ID`, None without one; 422 for an id that this stream never sent."""
    if text is None or not text.strip():
        return None
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise invalid([Problem(path="Last-Event-ID", message="this is no id of an event of this stream")])
    return found.groups()


class Reader:
    """The open answer; every write has an end."""

    def __init__(self, response: web.StreamResponse) -> None:
        self.response = response

    async def write(self, data: bytes) -> None:
        """Bytes to the reader; ConnectionResetError when it takes nothing for too long."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.response.write(data)
        except TimeoutError:
            raise ConnectionResetError("the reader is too slow") from None

    async def ping(self) -> None:
        """A comment: nothing is new."""
        await self.write(b": still here\n\n")


@asynccontextmanager
async def reading(request: web.Request, measures: Measures) -> AsyncIterator[Reader]:
    """An event stream from its head to its end; a reader that has gone, or takes nothing, ends the block quietly."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    reader = Reader(response)
    measures.streams(+1)
    try:
        await reader.write(b"retry: %d\n\n" % RETRY_MS)
        yield reader
        await response.write_eof()
    except (ConnectionResetError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()
    finally:
        measures.streams(-1)
