"""Columns as the JSON of a list of objects, without a Python value for each cell; the bytes are those of orjson."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson

from shared.kernels import library

_PLACE, _SIZE = ctypes.c_void_p, ctypes.c_int64
_LONGEST = {"number": 26, "whole": 20, "date": 12}
_KINDS = {"number": 0, "whole": 1, "date": 2, "text": 3}


@cache
def _kernels() -> ctypes.CDLL:
    found = library("rows")
    found.rows_numbers.argtypes = [_PLACE, _SIZE, ctypes.c_char_p, _SIZE]
    found.rows_numbers.restype = ctypes.c_int
    found.rows_write.argtypes = [_PLACE, _SIZE, _SIZE, _PLACE]
    found.rows_write.restype = _SIZE
    return found


@dataclass(frozen=True, eq=False)
class Texts:
    """Strings as JSON one after the other; `begins` is int32 [N + 1]."""

    written: bytes
    begins: np.ndarray
    longest: int

    @classmethod
    def of(cls, values: tuple[str, ...]) -> Texts:
        """The texts of these strings."""
        pieces = [bytes(memoryview(orjson.dumps(value))) for value in values]  # orjson's own keep a kilobyte each
        lengths = np.array([0, *map(len, pieces)], np.int64)
        return cls(b"".join(pieces), np.cumsum(lengths).astype(np.int32), int(lengths.max()))


@dataclass(frozen=True, eq=False)
class Chosen:
    """A column of strings: which of the texts stands in each row (int32)."""

    texts: Texts
    places: np.ndarray


@dataclass(frozen=True, eq=False)
class Dates:
    """A column of dates: day numbers (int32)."""

    days: np.ndarray


Column = np.ndarray | Chosen | Dates


def rows_json(columns: Mapping[str, Column], rows: int) -> memoryview | bytes:
    """`[{...},...]` with the columns in the order of the mapping: float64 (NaN and infinities become null), integers,
    dates, strings."""
    if not rows:
        return b"[]"
    table = np.zeros((len(columns), 6), np.int64)
    kept: list[Any] = []
    numbers: list[np.ndarray] = []
    width = 2
    for i, (name, column) in enumerate(columns.items()):
        label, place = _label(name, first=not i)
        table[i, 1], table[i, 2] = place, len(label)
        kind, values, longest = _parts(column, table[i])
        if len(values) != rows:
            raise ValueError(f"the column {name} has {len(values)} rows, not {rows}")
        table[i, 0] = _KINDS[kind]
        if kind == "number":
            numbers.append(values)
        else:
            kept.append(values)
            table[i, 3] = values.ctypes.data
        width += len(label) + longest
    written = orjson.dumps(np.array(numbers), option=orjson.OPT_SERIALIZE_NUMPY) if numbers else b"[]"
    if not _kernels().rows_numbers(table.ctypes.data, len(table), written, len(written)):
        raise ValueError("the numbers are not those of the columns")
    out = np.empty(rows * width + 2, np.uint8)
    out[0] = ord("[")
    size = _kernels().rows_write(table.ctypes.data, len(table), rows, out.ctypes.data + 1)
    out[1 + size] = ord("]")
    return memoryview(out.data)[: size + 2]


def _parts(column: Column, line: np.ndarray) -> tuple[str, np.ndarray, int]:
    """(kind, contiguous values, longest text of a cell); what belongs to texts is written into `line`."""
    if isinstance(column, Dates):
        return "date", np.ascontiguousarray(column.days, np.int32), _LONGEST["date"]
    if isinstance(column, Chosen):
        texts, places = column.texts, np.ascontiguousarray(column.places, np.int32)
        if len(places) and not 0 <= places.min() <= places.max() < len(texts.begins) - 1:
            raise ValueError("a text that does not exist was chosen")
        line[4], line[5] = _address(texts.written), texts.begins.ctypes.data
        return "text", places, texts.longest
    if column.dtype == np.float64:
        return "number", column, _LONGEST["number"]
    return "whole", np.ascontiguousarray(column, np.int64), _LONGEST["whole"]


@cache
def _label(name: str, *, first: bool) -> tuple[bytes, int]:
    """What stands before the cells of a column, and its address; the columns of this engine are few."""
    label = (("{" if first else ",") + f'"{name}":').encode()
    return label, _address(label)


def _address(text: bytes) -> int:
    return ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0
