"""The stored format of a result: its fragments in one zstd frame, smaller and faster than compressed JSON.

A frame holds a mark, the size of the JSON, and the document (shared/native/result_json.c). A frame without the mark
holds JSON itself: answers to queries, and results of earlier releases. Results of every engine version unpack alike:
columns are described by the document, and `provenance.engine_version` names the version.
"""

from __future__ import annotations

import struct
import threading

import zstandard

from shared.errors import DatasetError, RunError
from shared.messages import say
from shared.simulation.result.encoding import literal, render
from shared.simulation.result.tables import EncodedResult

_MARK = b"ondol-1\n"
_SIZE = struct.Struct("<Q")
DOCUMENT_BEGIN = len(_MARK) + _SIZE.size
_LEVEL = 1


class _Codec(threading.local):
    """One pair for each thread: creating them costs a tenth of a compression."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self.decompressor = zstandard.ZstdDecompressor()


_codec = _Codec()
MAX_RESULT_BYTES = 256 << 20
"""Limit of the JSON."""
MAX_STORED_BYTES = 64 << 20
"""Limit of the frame."""


def pack(encoded: EncodedResult, extra: bytes = b"", *, max_bytes: int = MAX_STORED_BYTES) -> bytes:
    """Return the frame of a result; `extra` are further members as JSON, with a comma before the first.

    Raises RunError (`result_too_large`) when the frame would have more than `max_bytes`, or could not be read again.
    """
    ending = literal(encoded.ending[:-1] + extra + b"}")
    size = len(encoded.json) + ending.json_limit
    content = b"".join((_MARK, _SIZE.pack(size), encoded.document, ending.packed))
    frame = pack_json(content) if max(size, len(content)) <= MAX_RESULT_BYTES else None
    if frame is None or len(frame) > max_bytes:
        raise RunError("result_too_large", say("result_too_large", limit=max_bytes))
    return frame


def pack_json(json: bytes) -> bytes:
    """Return the frame of JSON that has no tables."""
    return _codec.compressor.compress(json)


def unpack(frame: bytes) -> bytes:
    """Return the JSON in a frame with size and checksum; raise DatasetError for anything else."""
    content = decompress(frame)
    if not is_document(content):
        return content
    size = json_size(content)
    json = render(content, size, DOCUMENT_BEGIN)
    if len(json) != size:
        raise DatasetError("a stored result is damaged: its size differs from the stated one")
    return bytes(json)


def decompress(frame: bytes) -> bytes:
    """Return the content of a frame with size and checksum: a marked document, or JSON. Raises DatasetError."""
    try:
        parameters = zstandard.get_frame_parameters(frame)
        if not 0 < parameters.content_size <= MAX_RESULT_BYTES or not parameters.has_checksum:
            raise DatasetError("a stored result is not a frame with size and checksum")
        return _codec.decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise DatasetError(f"a stored result is damaged: {error}") from error


def is_document(content: bytes) -> bool:
    """Whether the content of a frame is a document of fragments, from byte DOCUMENT_BEGIN on."""
    return content.startswith(_MARK)


def json_size(content: bytes) -> int:
    """Return the size of the JSON that the content of a marked frame states; raise DatasetError when it cannot be."""
    if len(content) < DOCUMENT_BEGIN:
        raise DatasetError("a stored result is damaged: it ends too early")
    (size,) = _SIZE.unpack_from(content, len(_MARK))
    if size > MAX_RESULT_BYTES:
        raise DatasetError("a stored result is damaged: it claims to be larger than any result")
    return int(size)


def unpacked_size(frame: bytes) -> int:
    """Return the size that a frame states for its content, 0 when it states none."""
    try:
        return int(zstandard.get_frame_parameters(frame).content_size)
    except zstandard.ZstdError:
        return 0
