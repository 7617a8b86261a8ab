"""The bytes of a chunk part: a header that can be checked before anything is allocated, then compressed numbers.

Layout, little-endian: magic `ONDL`, format u8, element type u8, predictor u8, 0 u8, instruments u32, rows u32, decoded
bytes u64, payload bytes u64, CRC-32 of the payload u32, CRC-32 of the header so far u32, name (16 bytes), payload. The
payload is one zstandard frame of the byte planes of the stock-major matrix [instruments, rows], or of its residuals
against a reference (`predictor` > 0, `shared.dataset.chunk_layout`).

The name of a part is the hash of its decoded bytes (with element type and shape): equal content has one name whatever
the codec does, and a part that decodes to anything else is refused.
"""

from __future__ import annotations

import hashlib
import struct
import threading
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import zstandard

from shared.dataset.native import Array, predict, restore, shuffled, unshuffled
from shared.errors import DatasetError

FORMAT = 1
LEVEL = 1
MAGIC = b"ONDL"
DTYPES = (np.dtype("<u2"), np.dtype("<f4"), np.dtype("<f8"))
_HEAD = struct.Struct("<4sBBBBIIQQI")
_TAIL = struct.Struct("<I16s")
HEADER_BYTES = _HEAD.size + _TAIL.size
GROWS, SHRINKS, IS, EQUALS, CHANGES_1, CHANGES_20, CHANGES_60, CHANGES_120 = range(1, 9)
"""Predictors: a value grows or shrinks with its reference, is it (narrowed to float32, or as float64), or is its change
over so many rows in percent. All but EQUALS are for float32 values."""

MAX_DECODED = 1 << 26
"""No part is larger decoded; a year of 512 instruments is about 1 MB."""

_of_thread = threading.local()

Reference = Callable[[], Array]
"""Gives the float64 [instruments, rows] matrix that the residuals of a part refer to."""


def predictor_dtype(predictor: int) -> np.dtype[Any]:
    """Return the element type of the values of a predictor."""
    return DTYPES[2] if predictor == EQUALS else DTYPES[1]


def name_of(values: Array) -> str:
    """Return the content name of a part [instruments, rows]: 32 hex digits of a SHA-256, the fastest hash here."""
    digest = hashlib.sha256(struct.pack("<4sII", values.dtype.str.encode("ascii"), *values.shape))
    digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()[:32]


def encode(values: Array, predictor: int = 0, reference: Array | None = None) -> tuple[str, bytes]:
    """Return name and bytes of a part: `values` [instruments, rows], contiguous, of one of DTYPES.

    With `predictor` > 0 the values have the type of `predictor_dtype` and `reference` is float64 of the same shape.
    """
    name = name_of(values)
    if predictor == 0 or reference is None:
        planes = shuffled(values)
    elif predictor == EQUALS:
        planes = shuffled(values.view(np.uint64) ^ reference.view(np.uint64))
    else:
        planes = shuffled(predict(predictor, values, reference))
    payload = _compressor().compress(planes.data)
    head = _HEAD.pack(
        MAGIC,
        FORMAT,
        DTYPES.index(values.dtype),
        predictor,
        0,
        *values.shape,
        values.nbytes,
        len(payload),
        zlib.crc32(payload),
    )
    return name, head + _TAIL.pack(zlib.crc32(head), bytes.fromhex(name)) + payload


def _compressor() -> zstandard.ZstdCompressor:
    """Return the compressor of the thread; its tables are allocated once."""
    found: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if found is None:
        found = _of_thread.compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False)
    return found


def is_intact(blob: bytes) -> bool:
    """Return whether the bytes are a part whose checksums hold, of any content."""
    if len(blob) < HEADER_BYTES:
        return False
    head, (head_crc, _) = blob[: _HEAD.size], _TAIL.unpack_from(blob, _HEAD.size)
    magic, *_, packed, crc = _HEAD.unpack(head)
    payload = memoryview(blob)[HEADER_BYTES:]
    return bool(
        magic == MAGIC and head_crc == zlib.crc32(head) and packed == len(payload) and crc == zlib.crc32(payload)
    )


def check(blob: bytes, name: str, dtype: np.dtype[Any], shape: tuple[int, int]) -> int:
    """Check all that can be checked without decoding and return the predictor, or raise DatasetError.

    name, dtype and shape are those that the reader expects, from the manifest.
    """
    if len(blob) < HEADER_BYTES:
        raise DatasetError(f"the part {name} is cut off ({len(blob)} bytes)")
    head, (head_crc, said) = blob[: _HEAD.size], _TAIL.unpack_from(blob, _HEAD.size)
    magic, version, code, predictor, zero, n, rows, decoded, packed, crc = _HEAD.unpack(head)
    if magic != MAGIC or head_crc != zlib.crc32(head) or said.hex() != name:
        raise DatasetError(f"the bytes stored under {name} are another part or none")
    if version != FORMAT or zero != 0 or predictor > CHANGES_120:
        raise DatasetError(f"the part {name} has an unknown format")
    if (
        code >= len(DTYPES)
        or DTYPES[code] != dtype
        or (n, rows) != shape
        or (predictor and dtype != predictor_dtype(predictor))
    ):
        raise DatasetError(f"the part {name} has another element type or shape than the manifest says")
    if decoded != n * rows * dtype.itemsize or decoded > MAX_DECODED or packed != len(blob) - HEADER_BYTES:
        raise DatasetError(f"the part {name} declares impossible sizes")
    payload = memoryview(blob)[HEADER_BYTES:]
    if zlib.crc32(payload) != crc:
        raise DatasetError(f"the part {name} is damaged")
    try:
        if zstandard.frame_content_size(payload[:18]) != decoded:
            raise DatasetError(f"the part {name} declares impossible sizes")
    except zstandard.ZstdError as error:
        raise DatasetError(f"the part {name} is damaged") from error
    return int(predictor)


def decode(
    blob: bytes,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, int],
    reference: Reference | None = None,
) -> Array:
    """Return the matrix [instruments, rows] of a part; DatasetError when the bytes are not exactly it."""
    predictor = check(blob, name, dtype, shape)
    decoded = shape[0] * shape[1] * dtype.itemsize
    try:
        planes = zstandard.ZstdDecompressor(max_window_size=MAX_DECODED).decompress(
            memoryview(blob)[HEADER_BYTES:], max_output_size=decoded, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise DatasetError(f"the part {name} is damaged") from error
    if len(planes) != decoded:
        raise DatasetError(f"the part {name} is damaged")
    flat = np.frombuffer(planes, np.uint8)
    if predictor == 0:
        values = unshuffled(flat, dtype, shape)
    elif reference is None:
        raise DatasetError(f"the part {name} needs a reference")
    elif predictor == EQUALS:
        values = (unshuffled(flat, np.dtype(np.uint64), shape) ^ reference().view(np.uint64)).view(dtype)
    else:
        values = restore(predictor, unshuffled(flat, np.dtype(np.uint32), shape), reference())
    if name_of(values) != name:
        raise DatasetError(f"the part {name} decodes to other content")
    return values
