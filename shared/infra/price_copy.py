"""Rows of `price_year` as PostgreSQL's binary COPY format: one stock's year of prices in one compressed value."""

from __future__ import annotations

import ctypes
import datetime as dt
import struct
from collections.abc import Iterator

import numpy as np
import zstandard

from shared.model.calendar import to_day
from shared.model.market_data import PRICE_COLUMNS
from shared.native import library

HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
TRAILER = struct.pack(">h", -1)
READ_COLUMNS = ("stock", "year", "rows", "first_day", "last_day", "bars")
"""Columns of `price_year` that a reader copies, in this order."""
COLUMNS = ("stock", "year", "rows", "first_day", "last_day", "tradable", "bars")
"""Columns of `price_year` that the loader writes, in this order."""

_START = struct.Struct(">h ii ii ii ii ii i")
_WRITE_START = struct.Struct(">h ii ii ii ii ii ii46s i")
_YEAR_BITS = 366
_BIT_BYTES = 46
_OPEN, _VOLUME = PRICE_COLUMNS.index("open"), PRICE_COLUMNS.index("volume")
_WIDTH = 1 + len(PRICE_COLUMNS)
_ITEM = 8


def compressor() -> zstandard.ZstdCompressor:
    """What `encode_row` compresses with; one for many rows of one thread saves half of the time."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True)


def pack_bars(days: np.ndarray, values: np.ndarray, with_: zstandard.ZstdCompressor | None = None) -> bytes:
    """The `bars` of one row: `days` [n] ascending day numbers, `values` float64 [11, n] as in PRICE_COLUMNS."""
    matrix = np.empty((_WIDTH, len(days)), "<f8")
    matrix[0] = days
    matrix[1:] = values
    shuffled = matrix.view(np.uint8).reshape(-1, _ITEM).T.tobytes()
    return (with_ or compressor()).compress(shuffled)


def unpack_bars(bars: bytes | memoryview, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """(days int32 [n], values float64 [11, n]) of a row; ValueError when the bytes are not what `rows` says."""
    shuffled = _shuffled(zstandard.ZstdDecompressor(), bars, rows)
    matrix = np.frombuffer(shuffled, np.uint8).reshape(_ITEM, -1).T.copy().view("<f8").reshape(_WIDTH, rows)
    return matrix[0].astype(np.int32), matrix[1:]


def _shuffled(decompressor: zstandard.ZstdDecompressor, bars: bytes | memoryview, rows: int) -> bytes:
    size = rows * _WIDTH * _ITEM
    if zstandard.get_frame_parameters(bars).content_size != size:
        raise ValueError("a row of price_year holds other bars than its row count says")
    found = decompressor.decompress(bars, max_output_size=size)
    if len(found) != size:
        raise ValueError("a row of price_year holds other bars than its row count says")
    return found


def encode_row(
    stock: int, year: int, days: np.ndarray, values: np.ndarray, with_: zstandard.ZstdCompressor | None = None
) -> bytes:
    """One row of `price_year` in COPY format (see `pack_bars`)."""
    bars = pack_bars(days, values, with_)
    start = _WRITE_START.pack(
        len(COLUMNS), 4, stock, 4, year, 4, len(days), 4, int(days[0]), 4, int(days[-1]),
        4 + _BIT_BYTES, _YEAR_BITS, tradable_bits(year, days, values), len(bars),
    )  # fmt: skip
    return start + bars


def is_tradable(values: np.ndarray) -> np.ndarray:
    """Return bool [n]: the stock trades on the row; `values` is float64 [11, n] as in PRICE_COLUMNS."""
    traded: np.ndarray = (values[_VOLUME] > 0) & (values[_OPEN] > 0)
    return traded


def tradable_bits(year: int, days: np.ndarray, values: np.ndarray) -> bytes:
    """Return the bit string of the days of a year on which the stock is tradable: bit n stands for its day n."""
    bits = np.zeros(_BIT_BYTES * 8, np.uint8)
    bits[days[is_tradable(values)].astype(np.int64) - to_day(dt.date(year, 1, 1))] = 1
    return np.packbits(bits).tobytes()


def _fields(data: bytes | bytearray) -> Iterator[tuple[int, int, int, memoryview]]:
    """Yield (stock, year, rows, bars) of each row of a COPY of READ_COLUMNS."""
    view = memoryview(data)
    position = len(HEADER)
    while view[position : position + 2] != TRAILER:
        fields, _, stock, _, year, _, rows, _, _, _, _, size = _START.unpack_from(view, position)
        if fields != len(READ_COLUMNS):
            raise ValueError("these bytes are no rows of price_year")
        position += _START.size
        yield stock, year, rows, view[position : position + size]
        position += size


def decode_rows(data: bytes | bytearray) -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yield (stock, year, days int32 [n], values float64 [11, n]) of each row of a COPY of READ_COLUMNS."""
    for stock, year, rows, bars in _fields(data):
        yield stock, year, *unpack_bars(bars, rows)


def place_rows(data: bytes | bytearray, days: np.ndarray, first: int, found: np.ndarray) -> None:
    """Write a COPY of READ_COLUMNS into `found`, float64 [11, D, N]: rows at their position in `days` (int32 [D],
    ascending), stock `first` in column 0. Rows on other days and stocks beyond N are left out."""
    if found.dtype != np.float64 or not found.flags.c_contiguous or found.shape[:2] != (len(PRICE_COLUMNS), len(days)):
        raise ValueError("prices are placed into a contiguous float64 [11, D, N]")
    if not len(days):
        return
    place = library("price_bars").ondol_place_bars
    row_of = np.full(int(days[-1]) - int(days[0]) + 1, -1, np.int32)
    row_of[days - days[0]] = np.arange(len(days), dtype=np.int32)
    decompressor = zstandard.ZstdDecompressor()
    integer = ctypes.c_int64
    for stock, _, rows, bars in _fields(data):
        if 0 <= stock - first < found.shape[2]:
            place(
                _shuffled(decompressor, bars, rows),
                integer(rows),
                integer(len(PRICE_COLUMNS)),
                ctypes.c_void_p(row_of.ctypes.data),
                integer(int(days[0])),
                integer(len(row_of)),
                ctypes.c_void_p(found.ctypes.data),
                integer(len(days)),
                integer(found.shape[2]),
                integer(stock - first),
            )
