"""Server-sent events of the API: read to the end of the stream, resumed after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from ondol.cli.client import Client
from shared.errors import SetupError
from shared.infra.api_client import SILENCE_S, ServerEvent, parse_events

TRIES = 5
"""Consecutive attempts to resume a lost stream."""


async def events(api: Client, path: str, after: str | None = None) -> AsyncIterator[ServerEvent]:
    """Yield the events after `after`; raise RejectedError when the API rejects, SetupError while it is unavailable."""
    limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S)
    lost = 0
    while True:
        headers = {"Last-Event-ID": after} if after else {}
        try:
            async with api.opened("GET", path, headers=headers, timeout=limits) as response:
                async for event in parse_events(response.content):
                    after, lost = event.id, 0
                    yield event
                return
        except SetupError:
            lost += 1
            if lost > TRIES:
                raise
            await asyncio.sleep(0.5 * lost)
