"""Mutated parts: the codec decodes exactly the original or raises DatasetError, and never reads outside its buffers.

Checksums are made right again for most mutations, so that they reach the decompressor and the kernels. `make sanitize`
runs this over kernels with AddressSanitizer; `make fuzz` draws more examples.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shared.dataset import codec
from shared.errors import DatasetError

SHAPES = ((1, 1), (3, 7), (8, 16), (13, 61))


def corpus() -> list[tuple[np.ndarray, int, np.ndarray | None]]:
    """Matrices of each element type, and each predictor with its reference."""
    rng = np.random.default_rng(11)
    found: list[tuple[np.ndarray, int, np.ndarray | None]] = []
    for shape in SHAPES:
        reference = np.cumprod(1 + rng.normal(0, 0.02, shape), axis=1) * 10_000
        found += [
            (rng.integers(0, 65535, shape).astype(np.uint16), 0, None),
            (reference.astype(np.float32), 0, None),
            (reference, 0, None),
            (reference, codec.EQUALS, reference * 1.0001),
            *((reference.astype(np.float32), law, reference) for law in range(1, 9) if law != codec.EQUALS),
        ]
    return found


CORPUS = corpus()


def repaired(head: bytearray, tail: bytes, payload: bytes) -> bytes:
    """A blob whose sizes and checksums fit its payload."""
    fields = list(codec._HEAD.unpack(bytes(head)))
    fields[-2], fields[-1] = len(payload), zlib.crc32(payload)
    packed = codec._HEAD.pack(*fields)
    return packed + codec._TAIL.pack(zlib.crc32(packed), tail) + payload


@given(data=st.data())
def test_decode_mutated_part_raises_or_is_exact(data: st.DataObject) -> None:
    values, law, reference = data.draw(st.sampled_from(CORPUS))
    name, blob = codec.encode(values, law, reference)
    head, payload = bytearray(blob[: codec._HEAD.size]), bytearray(blob[codec.HEADER_BYTES :])
    how = data.draw(st.sampled_from(("flip", "cut", "extend", "planes", "law")))
    if how == "flip":
        for at in data.draw(st.lists(st.integers(0, len(payload) - 1), min_size=1, max_size=8)):
            payload[at] ^= data.draw(st.integers(1, 255))
    elif how == "cut":
        del payload[data.draw(st.integers(0, len(payload) - 1)) :]
    elif how == "extend":
        payload += data.draw(st.binary(min_size=1, max_size=64))
    elif how == "planes":  # a valid frame of other planes: what the kernels restore is arbitrary
        planes = data.draw(st.binary(min_size=values.nbytes, max_size=values.nbytes))
        payload = bytearray(zstandard.ZstdCompressor(level=1).compress(planes))
    else:
        head[6] = data.draw(st.integers(0, 255))
    mutated = repaired(head, bytes.fromhex(name), bytes(payload)) if data.draw(st.booleans()) else blob[:60] + payload
    refers = None if reference is None else lambda: reference
    try:
        found = codec.decode(bytes(mutated), name, values.dtype, values.shape, refers)
    except DatasetError:
        return
    np.testing.assert_array_equal(found.view(np.uint8), values.view(np.uint8))


@given(blob=st.binary(max_size=400))
def test_decode_random_bytes_raises(blob: bytes) -> None:
    values, _, _ = CORPUS[0]
    with pytest.raises(DatasetError):
        codec.decode(blob, codec.name_of(values), values.dtype, values.shape)
