"""The parser of server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.infra.api_client.sse import ServerEvent, parse_events

BODY = (
    'retry: 2000\n\n: ping\n\nid: 1\nevent: trade\ndata: {"a":\ndata: 1}\n\ndata:2\n\nid: 3\n\n'
    'event: end\r\nid: 4\r\ndata: "삼성"\r\n\r\nevent: cut\ndata: 1\n'
).encode()


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_events_are_the_same_however_they_arrive(size: int) -> None:
    assert [event async for event in parse_events(pieces(BODY, size))] == [
        ServerEvent(id="1", kind="trade", data={"a": 1}),
        ServerEvent(id="1", kind="message", data=2),
        ServerEvent(id="4", kind="end", data="삼성"),
    ]
