"""A stock's year of prices in one value comes back bit for bit, and lies are refused."""

from __future__ import annotations

import datetime as dt
import struct

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shared.infra.price_copy import HEADER, TRAILER, decode_rows, pack_bars, tradable_bits, unpack_bars
from shared.model.calendar import to_day
from shared.model.market_data import PRICE_COLUMNS

COLUMNS = 11


@given(st.integers(1, 260), st.integers(0, 2**32 - 1))
def test_bars_come_back_bit_for_bit(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(1e4, 1e3, (COLUMNS, rows))
    values[rng.random((COLUMNS, rows)) < 0.2] = np.nan
    days = np.sort(rng.choice(np.arange(10_000, 20_000), rows, replace=False)).astype(np.int32)
    found_days, found = unpack_bars(pack_bars(days, values), rows)
    assert np.array_equal(found_days, days)
    assert found.tobytes() == values.tobytes()


def read_row(stock: int, year: int, days: np.ndarray, values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """A row as PostgreSQL copies READ_COLUMNS out."""
    bars = pack_bars(days, values)
    head = (6, 4, stock, 4, year, 4, len(days), 4, int(days[0]), 4, int(days[-1]), len(bars))
    return struct.pack(">h ii ii ii ii ii i", *head) + bars


def test_rows_follow_each_other_in_a_copy() -> None:
    values = np.arange(COLUMNS * 3, dtype=np.float64).reshape(COLUMNS, 3)
    data = (
        HEADER
        + read_row(7, 2020, np.array([5, 6, 9]), values)
        + read_row(8, 2021, np.array([5]), values[:, :1])
        + TRAILER
    )
    found = list(decode_rows(data))
    assert [(stock, year, days.tolist()) for stock, year, days, _ in found] == [(7, 2020, [5, 6, 9]), (8, 2021, [5])]
    assert np.array_equal(found[0][3], values)


def test_bars_of_another_size_than_stated_are_refused() -> None:
    bars = pack_bars(np.array([1, 2]), np.zeros((COLUMNS, 2)))
    with pytest.raises(ValueError, match="row count"):
        unpack_bars(bars, 3)


def test_a_flipped_bit_is_noticed() -> None:
    bars = bytearray(pack_bars(np.array([1, 2]), np.ones((COLUMNS, 2))))
    bars[-6] ^= 1
    with pytest.raises((zstandard.ZstdError, ValueError)):
        unpack_bars(bytes(bars), 2)


def test_tradable_bits_count_the_days_of_the_year_from_the_left() -> None:
    first = to_day(dt.date(2020, 1, 1))
    values = np.full((COLUMNS, 4), np.nan)
    values[PRICE_COLUMNS.index("open")] = [10, 10, 0, 10]
    values[PRICE_COLUMNS.index("volume")] = [1, 0, 1, 2]
    bits = tradable_bits(2020, np.array([first, first + 1, first + 8, first + 365]), values)
    assert bits == bytes([0x80, *[0] * 44, 0x04])
