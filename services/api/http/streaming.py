"""Large answers, sent in slices: neither joined nor copied at once, and a reader that takes nothing is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aiohttp import web

AT_ONCE = 1 << 20
SLICE = 256 * 1024
PATIENCE_S = 20.0


async def send(
    request: web.Request,
    pieces: Sequence[bytes],
    content_type: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    charset: str | None = None,
) -> web.StreamResponse:
    """The answer whose body are these pieces, one after the other."""
    size = sum(map(len, pieces))
    if size <= AT_ONCE:
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
            for start in range(0, len(piece), SLICE):
                async with asyncio.timeout(PATIENCE_S):
                    await response.write(view[start : start + SLICE])
        async with asyncio.timeout(PATIENCE_S):
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    return response
