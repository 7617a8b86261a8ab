"""A result as it is stored: its pieces in one zstd frame, half as much work and a fifth fewer bytes than its JSON.

A frame holds a mark, the bytes of the JSON, and the document (shared/native/result_json.c). A frame without the mark
holds JSON itself: explanations, and results of versions before.
"""

from __future__ import annotations

import struct
import threading

import zstandard

from shared.errors import DatasetError
from shared.simulation.result.encoding import text, written
from shared.simulation.result.tables import Encoded

_MARK = b"ondol-1\n"
_SIZE = struct.Struct("<Q")
_LEVEL = 1


class _Codec(threading.local):
    """One for each thread: making the tables anew costs a tenth of what they are made for."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_of_thread = _Codec()
LARGEST_RESULT = 256 << 20
"""Bytes of JSON."""


def frame_of(encoded: Encoded, beside: bytes = b"") -> bytes:
    """The frame of a result; `beside` are members that follow its own, as JSON with a comma before the first."""
    ending = text(encoded.ending[:-1] + beside + b"}")
    size = _SIZE.pack(len(encoded.json) + ending.most)
    return json_frame(b"".join((_MARK, size, encoded.document, ending.packed)))


def json_frame(json: bytes) -> bytes:
    """The frame of JSON that has no tables."""
    return _of_thread.compressor.compress(json)


def opened(frame: bytes) -> bytes:
    """The JSON in a frame with size and checksum; DatasetError for anything else."""
    try:
        parameters = zstandard.get_frame_parameters(frame)
        if not 0 < parameters.content_size <= LARGEST_RESULT or not parameters.has_checksum:
            raise DatasetError("a stored result has no frame of ours")
        found = _of_thread.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise DatasetError(f"a stored result is damaged: {error}") from error
    if not found.startswith(_MARK):
        return found
    begin = len(_MARK) + _SIZE.size
    if len(found) < begin:
        raise DatasetError("a stored result is damaged: it ends too early")
    (size,) = _SIZE.unpack_from(found, len(_MARK))
    if size > LARGEST_RESULT:
        raise DatasetError("a stored result has no frame of ours")
    json = written(found, size, begin)
    if len(json) != size:
        raise DatasetError("a stored result is damaged: its size is not the one that it names")
    return bytes(json)


def size_of(frame: bytes) -> int:
    """The declared size of what is in a frame, 0 when it declares none."""
    try:
        return int(zstandard.get_frame_parameters(frame).content_size)
    except zstandard.ZstdError:
        return 0
