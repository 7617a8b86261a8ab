"""Large answers, written in slices: never copied as a whole, and a reader that receives nothing is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

MAX_SINGLE_WRITE = 1 << 20
SLICE_BYTES = 256 * 1024
WRITE_TIMEOUT_S = 20.0


async def send(
    request: web.Request,
    pieces: Sequence[bytes],
    content_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    charset: str | None = None,
) -> web.StreamResponse:
    """Send the answer whose body is the concatenation of these pieces."""
    size = sum(map(len, pieces))
    if size <= MAX_SINGLE_WRITE:
        return web.Response(
            status=status, body=b"".join(pieces), content_type=content_type, charset=charset, headers=headers
        )
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type = content_type
    response.charset = charset
    response.content_length = size
    await response.prepare(request)
    try:
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(piece), SLICE_BYTES):
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(view[start : start + SLICE_BYTES])
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    return response
