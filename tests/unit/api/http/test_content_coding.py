"""Content codings: negotiated by q-values, and decoded by ordinary decoders."""

from __future__ import annotations

import gzip

import pytest
import zstandard

from services.api.errors import ApiProblem
from services.api.http.content_coding import CODINGS, Coding, compress, compressed_pieces, negotiate

BODY = b"0123456789" * 10_000


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, None), ("", None), ("identity", None), ("br", None), ("gzip", "gzip"), ("GZIP", "gzip"),
        ("x-gzip", "gzip"), ("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"), ("zstd;q=0, gzip;q=0.1", "gzip"), ("gzip;q=0", None), ("*", "zstd"),
        ("*;q=0.1, gzip;q=0.5", "gzip"), ("gzip;q=0.5, identity", None), ("gzip;q=0.5, identity;q=0.2", "gzip"),
        ("gzip;q=1.0", "gzip"), ("gzip;q=x", None), ("identity;q=0, gzip;q=0.001", "gzip"),
        ("gzip ; q=0.8 , zstd ; q=0.8", "zstd"),
    ],
)  # fmt: skip
def test_coding_follows_the_weights(header: str | None, coding: str | None) -> None:
    assert negotiate(header) == coding


@pytest.mark.parametrize("header", ["*;q=0", "identity;q=0", "identity;q=0, br", "gzip;q=0, zstd;q=0, identity;q=0"])
def test_nothing_acceptable_is_refused(header: str) -> None:
    with pytest.raises(ApiProblem) as caught:
        negotiate(header)
    assert caught.value.status == 406


def decoded(body: bytes, coding: Coding) -> bytes:
    return gzip.decompress(body) if coding == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(body)


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_decodes(coding: Coding) -> None:
    packed = compress(BODY, coding)
    assert len(packed) < len(BODY) // 50
    assert decoded(packed, coding) == BODY


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_stream_decodes(coding: Coding) -> None:
    packed = b"".join(compressed_pieces(iter([BODY, b"", b"end"]), coding))
    assert decoded(packed, coding) == BODY + b"end"
