"""Large answers, written in slices: never copied as a whole, and a reader that receives nothing is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

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
    return await _write(request, response, _given(pieces))


async def send_iterator(
    request: web.Request,
    pieces: Iterator[bytes],
    content_type: str,
    *,
    headers: Mapping[str, str] | None = None,
    charset: str | None = None,
) -> web.StreamResponse:
    """Send the answer whose pieces are computed while it is sent, each in a thread.

    An answer of up to MAX_SINGLE_WRITE bytes is complete before it is sent, so that an error becomes a problem
    document; a longer one has no Content-Length, and an error within it ends the connection.
    """
    begin: list[bytes] = []
    size = 0
    while size <= MAX_SINGLE_WRITE and (piece := await asyncio.to_thread(_next, pieces)) is not None:
        begin.append(piece)
        size += len(piece)
    if size <= MAX_SINGLE_WRITE:
        return await send(request, begin, content_type, headers=headers, charset=charset)
    response = web.StreamResponse(headers=headers)
    response.content_type = content_type
    response.charset = charset
    return await _write(request, response, _computed(begin, pieces))


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


async def _given(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _computed(begin: list[bytes], rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in begin:
        yield piece
    begin.clear()
    while (further := await asyncio.to_thread(_next, rest)) is not None:
        yield further


async def _write(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    await response.prepare(request)
    try:
        async for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(piece), SLICE_BYTES):
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    await response.write(view[start : start + SLICE_BYTES])
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await response.write_eof()
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()
    except BaseException:  # the head of the answer has left: only the end of the connection can show the error
        if request.transport is not None:
            request.transport.abort()
        raise
    return response
