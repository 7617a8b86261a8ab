"""The bytes of a part: stable, verified, and never trusted."""

from __future__ import annotations

import pathlib
import pickle
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import zstandard

from shared.dataset import codec
from shared.dataset.codec import CHANGES_1, CHANGES_20, CHANGES_60, EQUALS, GROWS, IS, SHRINKS
from shared.errors import DatasetError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "dataset"
RANDOM = np.random.default_rng(7)


def golden_values() -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    steps = np.arange(6 * 4).reshape(6, 4)
    return {
        "u2": (steps * 2731 % 65536).astype("<u2"),
        "f4": np.where(steps % 5 == 0, np.nan, steps / 3 - 1).astype("<f4"),
        "f8": np.where(steps % 7 == 0, np.nan, steps * 1e9 / 7).astype("<f8"),
    }


@pytest.mark.parametrize("kind", ["u2", "f4", "f8"])
def test_golden_bytes_decode_to_the_same_values_and_name(kind: str) -> None:
    values = golden_values()[kind]
    name, blob = codec.encode(values)
    stored = next(GOLDEN.glob(f"{kind}-*.part"))
    assert stored.name == f"{kind}-{name}.part"
    decoded = codec.decode(stored.read_bytes(), name, values.dtype, values.shape)
    assert decoded.tobytes() == values.tobytes()
    assert codec.decode(blob, name, values.dtype, values.shape).tobytes() == values.tobytes()


@pytest.mark.parametrize("predictor", [GROWS, SHRINKS, IS, CHANGES_1, CHANGES_20, CHANGES_60, EQUALS])
def test_residuals_restore_every_bit_whatever_the_values_are(predictor: int) -> None:
    reference = np.exp(RANDOM.normal(20, 2, (5, 300)))
    reference[RANDOM.random(reference.shape) < 0.1] = np.nan
    reference[2, 100:] = 0
    values = {GROWS: reference / 3e5, SHRINKS: 3e5 / np.where(reference == 0, 1, reference)}.get(predictor, reference)
    values = values.astype(codec.predictor_dtype(predictor))
    values[0] = np.frombuffer(RANDOM.bytes(values[0].nbytes), values.dtype)
    values[1, ::3] = [np.inf, -np.inf, -0.0, 0.0, np.nan] * 20
    name, blob = codec.encode(values, predictor, reference)
    assert name == codec.name_of(values)
    decoded = codec.decode(blob, name, values.dtype, values.shape, lambda: reference)
    assert decoded.tobytes() == values.tobytes()


def test_a_law_that_holds_leaves_next_to_nothing() -> None:
    cap = np.cumprod(1 + RANDOM.normal(0, 0.02, (512, 250)), axis=1) * 1e10
    per = (cap / RANDOM.uniform(1e8, 1e9, (512, 1))).astype(np.float32)
    plain, lawful = len(codec.encode(per)[1]), len(codec.encode(per, GROWS, cap)[1])
    assert lawful * 4 < plain


def test_part_without_its_reference_is_refused() -> None:
    cap = np.full((3, 9), 1e10)
    values = (cap / 7e8).astype(np.float32)
    name, blob = codec.encode(values, GROWS, cap)
    with pytest.raises(DatasetError):
        codec.decode(blob, name, values.dtype, values.shape)
    with pytest.raises(DatasetError):
        codec.decode(blob, name, values.dtype, values.shape, lambda: cap * np.arange(9))


def test_equal_bytes_of_another_shape_or_type_have_another_name() -> None:
    names = {codec.name_of(np.zeros(shape, dtype)) for shape in ((4, 6), (6, 4)) for dtype in ("<f4", "<u2")}
    assert len(names) == 4


def test_no_flipped_bit_is_ever_served() -> None:
    values = golden_values()["f4"].repeat(20, axis=1)
    name, blob = codec.encode(np.ascontiguousarray(values))
    for bit in RANDOM.permutation(len(blob) * 8)[:10_000]:
        broken = bytearray(blob)
        broken[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(DatasetError):
            codec.decode(bytes(broken), name, values.dtype, values.shape)


def test_every_cut_and_every_addition_is_refused() -> None:
    values = golden_values()["u2"]
    name, blob = codec.encode(values)
    for cut in range(len(blob)):
        with pytest.raises(DatasetError):
            codec.decode(blob[:cut], name, values.dtype, values.shape)
    with pytest.raises(DatasetError):
        codec.decode(blob + b"\0", name, values.dtype, values.shape)


class Armed:
    fired = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return setattr, (Armed, "fired", True)


def test_a_pickle_is_refused_and_never_runs() -> None:
    with pytest.raises(DatasetError):
        codec.decode(pickle.dumps(Armed()), "0" * 32, np.dtype("<f4"), (1, 1))
    assert not Armed.fired


def forged(name: str, payload: bytes, shape: tuple[int, int], decoded: int) -> bytes:
    head = struct.pack("<4sBBBBIIQQI", b"ONDL", 1, 1, 0, 0, *shape, decoded, len(payload), zlib.crc32(payload))
    return head + struct.pack("<I16s", zlib.crc32(head), bytes.fromhex(name)) + payload


@pytest.mark.parametrize("states_its_size", [True, False])
def test_a_bomb_is_refused_before_anything_is_allocated(*, states_its_size: bool) -> None:
    compressor = zstandard.ZstdCompressor(level=19, write_content_size=states_its_size)
    payload = compressor.compress(bytes(1 << 30) if states_its_size else bytes(1 << 28))
    name = "ab" * 16
    tracemalloc.start()
    for shape, decoded in (((4, 6), 96), ((1 << 14, 1 << 14), 1 << 30)):
        with pytest.raises(DatasetError):
            codec.decode(forged(name, payload, shape, decoded), name, np.dtype("<f4"), (4, 6))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20
