"""Server-sent events: the parser of a `text/event-stream` body."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, kw_only=True)
class ServerEvent:
    """A server-sent event; `id` resumes the stream after it."""

    id: str
    kind: str
    data: Any

    def line(self) -> str:
        """Return the event as one line of JSON."""
        return orjson.dumps({"id": self.id, "event": self.kind, "data": self.data}).decode() + "\n"


async def parse_events(pieces: AsyncIterator[bytes]) -> AsyncGenerator[ServerEvent, None]:
    """Yield the events of a body that arrives in pieces; comments and events without data are skipped.

    Lines end with LF, CR or CRLF, a field's value begins after an optional space, several `data` lines are joined, and
    an id holds until the next one, as the HTML standard says. An event whose blank line did not arrive is not yielded.
    """
    identity, kind, data = "", "", list[str]()
    async for line in _lines(pieces):
        if not line:
            if data:
                yield ServerEvent(id=identity, kind=kind or "message", data=orjson.loads("\n".join(data)))
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            identity = value


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield complete lines, without their ends."""
    rest = bytearray()
    after_cr = False
    async for piece in pieces:
        if not piece:
            continue
        block = piece[1:] if after_cr and piece.startswith(b"\n") else piece
        after_cr = piece.endswith(b"\r")
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in block:
            rest += block
            continue
        *lines, last = block.split(b"\n")
        lines[0] = bytes(rest) + lines[0]
        rest = bytearray(last)
        for line in lines:
            yield line.decode("utf-8-sig", "replace")
