"""Compression of answers by `Accept-Encoding` (RFC 9110, section 12.5.3): zstd and gzip.

gzip is written by ISA-L, which takes a third of the time of zlib at its level 1 and writes less.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, Literal

import zstandard
from aiohttp import web
from isal import isal_zlib

from services.api.errors import ApiProblem
from services.api.http.accept import weighted_words
from services.api.http.vary import add_vary
from shared.messages import say

Coding = Literal["zstd", "gzip"]

CODINGS: Final[tuple[Coding, ...]] = ("zstd", "gzip")
"""In the order of preference among equal q-values: zstd is smaller at the same speed."""
_ZSTD_LEVEL = 1
_GZIP_LEVEL = 2
MIN_BYTES = 1024
"""A smaller body is one packet with or without compression."""
LOOP_BYTES = 32 * 1024
"""Size up to which a body is compressed in the event loop."""
_GZIP = 31
"""Window of 32 KiB with the header and checksum of gzip."""
_TEXT = frozenset({
    "application/json", "application/problem+json", "text/csv", "text/html", "text/css", "text/javascript",
    "text/plain", "image/svg+xml",
})  # fmt: skip
"""Media types that compression makes smaller; XLSX and Parquet are compressed already, events are sent one by one."""


@lru_cache(maxsize=256)
def negotiate(header: str | None) -> Coding | None:
    """Return the coding of an answer, None for identity; without a header no client asked for one.

    The greatest q-value wins; among equal ones zstd, then gzip. identity wins only when it is named with a greater one.
    Raises a 406 when neither a coding nor identity is acceptable.
    """
    if header is None:
        return None
    weights = _weights(header)
    rest = weights.get("*")
    offered = [(weights.get(coding, 0.0 if rest is None else rest), coding) for coding in CODINGS]
    weight, best = max(offered, key=lambda item: item[0])
    identity = weights.get("identity", 1.0 if rest is None else rest)
    if weight > 0 and ("identity" not in weights or weight >= identity):
        return best
    if identity <= 0:
        raise ApiProblem(406, "not-acceptable", say("not_acceptable_coding", codings=CODINGS))
    return None


def _weights(header: str) -> dict[str, float]:
    return {"gzip" if name == "x-gzip" else name: weight for name, weight in weighted_words(header) if name}


def coding_of(request: web.BaseRequest) -> Coding | None:
    """Return the coding that the request asks for; raise a 406 when it accepts none that is offered."""
    return negotiate(request.headers.get("Accept-Encoding"))


class _Codec(threading.local):
    """One compressor for each thread: it cannot be shared, and creating one costs more than a small answer."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdCompressor(level=_ZSTD_LEVEL)


_codec = _Codec()


def compress(body: bytes, coding: Coding) -> bytes:
    """Return a body compressed at the level of its coding; each thread has compressors of its own."""
    if coding == "zstd":
        return _codec.zstd.compress(body)
    packer = _gzip()
    return b"".join((packer.compress(body), packer.flush()))


def _gzip() -> Any:
    return isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP)


async def compress_async(body: bytes, coding: Coding) -> bytes:
    """Return the body in a coding; a large one is compressed in a thread."""
    return compress(body, coding) if len(body) <= LOOP_BYTES else await asyncio.to_thread(compress, body, coding)


def compressed_pieces(pieces: Iterator[bytes], coding: Coding) -> Iterator[bytes]:
    """Yield the pieces of a stream in a coding."""
    packer: Any = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj() if coding == "zstd" else _gzip()
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def is_compressible(content_type: str) -> bool:
    """Whether answers of a media type are compressed."""
    return content_type in _TEXT


async def encode_response(request: web.Request, response: web.StreamResponse) -> None:
    """Compress the body of a whole answer when the request asks for it; others have been sent already or are small."""
    if not isinstance(response, web.Response) or response.prepared or "Content-Encoding" in response.headers:
        return
    body = response.body
    if not isinstance(body, bytes) or len(body) < MIN_BYTES or not is_compressible(response.content_type):
        return
    add_vary(response, "Accept-Encoding")
    coding = coding_of(request)
    if coding is not None:
        response.body = await compress_async(body, coding)
        response.headers["Content-Encoding"] = coding
