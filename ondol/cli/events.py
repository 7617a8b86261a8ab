"""Server-sent events of the API: read until the stream ends by itself, resumed when it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from ondol.cli.client import Client
from shared.errors import SetupError

SILENCE_S = 30.0
"""The API sends a comment after ten silent seconds; after so many the stream is lost."""
TRIES = 5
"""How often in a row a lost stream is taken up again."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event; `identity` resumes the stream behind it."""

    identity: str
    kind: str
    data: dict[str, Any]

    def line(self) -> str:
        """The event as one line of JSON."""
        return orjson.dumps({"id": self.identity, "event": self.kind, "data": self.data}).decode() + "\n"


async def events(api: Client, path: str, after: str | None = None) -> AsyncIterator[Event]:
    """The events behind `after`; AnswerError when the API refuses, SetupError when it stays away."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S)
    lost = 0
    while True:
        headers = {"Last-Event-ID": after} if after else {}
        try:
            async with api.opened("GET", path, headers=headers, timeout=limits) as answer:
                async for event in _parsed(answer.content):
                    after, lost = event.identity, 0
                    yield event
                return
        except SetupError:
            lost += 1
            if lost > TRIES:
                raise
            await asyncio.sleep(0.5 * lost)


async def _parsed(content: aiohttp.StreamReader) -> AsyncIterator[Event]:
    rest = b""
    async for piece in content.iter_any():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            lines = (line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            found = {line[0]: line[1] for line in lines if len(line) == 2}
            if "data" in found:
                data = orjson.loads(found["data"])
                yield Event(identity=found.get("id", ""), kind=found.get("event", "message"), data=data)
