"""Server-sent events of the API: read until the stream ends, resumed when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from ondol.cli.client import Client
from shared.errors import SetupError
from shared.infra.api_client import SILENCE_S, ServerEvent, parse_events

TRIES = 5
"""How many times in a row a lost stream is resumed."""


async def events(api: Client, path: str, after: str | None = None) -> AsyncIterator[ServerEvent]:
    """Yield the events after `after`; AnswerError when the API rejects, SetupError when it stays unavailable."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S)
    lost = 0
    while True:
        headers = {"Last-Event-ID": after} if after else {}
        try:
            async with api.opened("GET", path, headers=headers, timeout=limits) as answer:
                async for event in parse_events(answer.content):
                    after, lost = event.id, 0
                    yield event
                return
        except SetupError:
            lost += 1
            if lost > TRIES:
                raise
            await asyncio.sleep(0.5 * lost)
