"""Large answers, written in slices: never copied as a whole, and a reader that receives nothing is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from aiohttp import web

from services.api.http.content_coding import coding_of, compress_async, compressed_pieces, is_compressible
from services.api.http.vary import add_vary

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
    coding = coding_of(request) if is_compressible(content_type) else None
    if coding is not None:
        pieces = [await compress_async(b"".join(pieces), coding)]
        size = len(pieces[0])
        response.headers["Content-Encoding"] = coding
    if is_compressible(content_type):
        add_vary(response, "Accept-Encoding")
    response.content_length = size
    return await _write(request, response, _given(pieces))


async def in_slices(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send a whole answer of more than MAX_SINGLE_WRITE bytes in slices; return others as they are.

    Written at once, all of it would count as bytes that its reader has not received, however fast that reads.
    """
    if not isinstance(response, web.Response) or response.prepared:
        return response
    body = response.body
    if not isinstance(body, bytes) or len(body) <= MAX_SINGLE_WRITE:
        return response
    sliced = web.StreamResponse(status=response.status, reason=response.reason, headers=response.headers)
    sliced.cookies.update(response.cookies)
    sliced.content_length = len(body)
    return await _write(request, sliced, _given([body]))


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
    whole = _joined(begin, pieces)
    if is_compressible(content_type):
        add_vary(response, "Accept-Encoding")
        coding = coding_of(request)
        if coding is not None:
            response.headers["Content-Encoding"] = coding
            whole = compressed_pieces(whole, coding)
    return await _write(request, response, _computed(whole))


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


def _joined(begin: list[bytes], rest: Iterator[bytes]) -> Iterator[bytes]:
    yield from begin
    begin.clear()
    yield from rest


async def _given(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _computed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(_next, pieces)) is not None:
        yield piece


async def _write(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    await response.prepare(request)
    if request.method == "HEAD":
        await response.write_eof()
        return response
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
