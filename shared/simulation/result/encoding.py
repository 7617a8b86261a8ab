"""Table columns as fragments of a stored result, and fragments as JSON: no Python object is made for a cell.

Fragments are what is stored (shared/native/result_json.c has their layout). JSON is rendered from nothing else, so the
bytes that a run digests equal the bytes that are rendered from the store years later.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import orjson

from shared.errors import DatasetError
from shared.native import library, place, verify_sizes

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_int64
_SLACK = 256
"""Bytes that the kernel needs behind what it writes."""

NUMBER, INT64, INT32, DATE, STRING = range(5)
"""Kinds of columns: float64 (NaN and infinities become null), int64, int32, int32 day numbers, `DictColumn`."""

_TYPES: dict[int, Any] = {
    NUMBER: np.dtype(np.float64),
    INT64: np.dtype(np.int64),
    INT32: np.dtype(np.int32),
    DATE: np.dtype(np.int32),
}
_LONGEST = {NUMBER: 26, INT64: 20, INT32: 11, DATE: 12}
"""Bytes of a value at most."""


class _Column(ctypes.Structure):
    """Mirrors `table_column` of native.h."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("label", ctypes.c_char_p),
        ("label_length", ctypes.c_int64),
        ("values", ctypes.c_void_p),
        ("strings", ctypes.c_char_p),
        ("offsets", ctypes.c_void_p),
        ("pool_size", ctypes.c_int64),
    )


@cache
def _kernels() -> ctypes.CDLL:
    kernels = library("result_json")
    verify_sizes(kernels, "result_json", [ctypes.sizeof(_Column)])
    kernels.pack_table.argtypes = [_POINTER, _SIZE, _SIZE, ctypes.c_char_p, _SIZE, _POINTER, _POINTER, _POINTER]
    kernels.pack_table.restype = _SIZE
    kernels.render_document.argtypes = [ctypes.c_char_p, _SIZE, _SIZE, _SIZE, _POINTER, _SIZE]
    kernels.render_document.restype = _SIZE
    return kernels


@dataclass(frozen=True, eq=False)
class StringPool:
    """Strings as JSON, concatenated; `offsets` is int32 [N + 1]."""

    json: bytes
    offsets: np.ndarray
    longest: int

    @classmethod
    def of(cls, values: tuple[str, ...]) -> StringPool:
        """Return the pool of these strings."""
        encoded = [bytes(memoryview(orjson.dumps(value))) for value in values]  # orjson's own objects hold 1 KiB each
        lengths = np.array([0, *map(len, encoded)], np.int64)
        return cls(b"".join(encoded), np.cumsum(lengths).astype(np.int32), int(lengths.max()))


@dataclass(frozen=True, eq=False)
class DictColumn:
    """A dictionary-encoded column of strings: the index (int32) into the pool for each row."""

    pool: StringPool
    indices: np.ndarray


Column = np.ndarray | DictColumn


@dataclass(frozen=True)
class Fragment:
    """A part of a stored document, and the most bytes that its JSON can have."""

    packed: bytes
    json_limit: int


def literal(json: bytes) -> Fragment:
    """Return a fragment of JSON that is encoded already."""
    return Fragment(b"T" + struct.pack("<Q", len(json)) + json, len(json))


class TableSchema:
    """The columns of a table: name -> kind, in the order in which they are rendered."""

    def __init__(self, **kinds: int) -> None:
        self.kinds = kinds
        labels = [("," if i else "{") + f'"{name}":' for i, name in enumerate(kinds)]
        self._labels = [label.encode() for label in labels]
        self._template = (_Column * len(kinds))()
        for column, kind, label in zip(self._template, kinds.values(), self._labels, strict=True):
            column.kind, column.label, column.label_length = kind, label, len(label)
        self._width = sum(map(len, self._labels)) + sum(_LONGEST.get(kind, 0) for kind in kinds.values()) + 2
        """Bytes of a row at most, strings apart."""

    def encode(self, count: int, *values: Column) -> Fragment:
        """Return `[{...},...]` of `count` rows from one array a column; raise ValueError for what does not fit."""
        if not count:
            return literal(b"[]")
        columns = type(self._template).from_buffer_copy(self._template)
        numbers: list[np.ndarray] = []
        alive: list[np.ndarray] = []
        packed, longest, largest_pool = 64, self._width, 0
        for column, (name, kind), given in zip(columns, self.kinds.items(), values, strict=True):
            cells = given.indices if isinstance(given, DictColumn) else given
            if len(cells) != count:
                raise ValueError(f"the column {name} has {len(cells)} rows, not {count}")
            if isinstance(given, DictColumn) and kind == STRING:
                pool = given.pool
                column.strings, column.offsets = pool.json, place(pool.offsets)
                column.pool_size = len(pool.offsets) - 1
                longest += pool.longest
                largest_pool = max(largest_pool, len(pool.offsets))
                packed += min(len(pool.json) + 4 * len(pool.offsets), count * (pool.longest + 4))
                cells = np.ascontiguousarray(cells, np.int32)
            elif isinstance(given, DictColumn) or cells.dtype != _TYPES.get(kind):
                raise ValueError(f"the column {name} has values of another type")
            elif kind == NUMBER:
                numbers.append(cells)
                continue
            else:
                cells = np.ascontiguousarray(cells)
            alive.append(cells)
            column.values = place(cells)
        json = orjson.dumps(np.array(numbers), option=orjson.OPT_SERIALIZE_NUMPY) if numbers else b"[]"
        packed += len(json) + len(columns) * (64 + 8 * count)
        out, scratch = np.empty(packed, np.uint8), np.empty((2, largest_pool), np.int32)
        scratch[0] = -1
        size = _kernels().pack_table(
            ctypes.addressof(columns), len(columns), count, json, len(json), place(scratch[0]), place(scratch[1]),
            place(out),
        )  # fmt: skip
        if not size:
            raise ValueError("an index of a string column lies outside its pool")
        return Fragment(out[:size].tobytes(), count * longest + 2)


def render(document: bytes, json_limit: int, begin: int = 0, *, columns: bool = False) -> memoryview:
    """Return the JSON of a document of fragments that begins at byte `begin`.

    The JSON has at most `json_limit` bytes. With `columns` each table is an object of arrays, `{"cash":[...],...}`,
    instead of an array of objects. Raises DatasetError when the document is damaged.
    """
    out = np.empty(json_limit + _SLACK, np.uint8)
    size = _kernels().render_document(document, begin, len(document), columns, place(out), len(out))
    if size < 0:
        raise DatasetError("a stored result is damaged: its tables are incomplete")
    return memoryview(out.data)[:size]
