"""Columns as pieces of a result, and such pieces as the JSON of lists of objects: no Python value for a cell.

The pieces are what is stored (shared/native/result_json.c has their layout); JSON is made of nothing else, so that what
a run digests and what is read from the store years later are the same bytes by construction.
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
from shared.native import library, place

_PLACE, _SIZE = ctypes.c_void_p, ctypes.c_int64
_SLACK = 256
"""Bytes that the kernel wants behind what it writes."""

NUMBER, WHOLE, SMALL, DATE, TEXT = range(5)
"""Kinds of columns: float64 (NaN and infinities become null), int64, int32, int32 day numbers, `Chosen` strings."""

_TYPES: dict[int, Any] = {
    NUMBER: np.dtype(np.float64),
    WHOLE: np.dtype(np.int64),
    SMALL: np.dtype(np.int32),
    DATE: np.dtype(np.int32),
}
_LONGEST = {NUMBER: 26, WHOLE: 20, SMALL: 11, DATE: 12}


class _Column(ctypes.Structure):
    _fields_ = (
        ("kind", ctypes.c_int64),
        ("label", ctypes.c_char_p),
        ("label_length", ctypes.c_int64),
        ("values", ctypes.c_void_p),
        ("texts", ctypes.c_char_p),
        ("begins", ctypes.c_void_p),
        ("known", ctypes.c_int64),
    )


@cache
def _kernels() -> ctypes.CDLL:
    found = library("result_json")
    found.rows_pack.argtypes = [_PLACE, _SIZE, _SIZE, ctypes.c_char_p, _SIZE, _PLACE, _PLACE, _PLACE]
    found.rows_pack.restype = _SIZE
    found.rows_write.argtypes = [ctypes.c_char_p, _SIZE, _SIZE, _PLACE, _SIZE]
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


Column = np.ndarray | Chosen


@dataclass(frozen=True)
class Piece:
    """A part of a document, and the most bytes that its JSON can have."""

    packed: bytes
    most: int


def text(json: bytes) -> Piece:
    """JSON that is written already."""
    return Piece(b"T" + struct.pack("<Q", len(json)) + json, len(json))


class Layout:
    """The columns of a table: name -> kind, in the order in which they are written."""

    def __init__(self, **kinds: int) -> None:
        self.kinds = kinds
        labels = [("," if i else "{") + f'"{name}":' for i, name in enumerate(kinds)]
        self._labels = [label.encode() for label in labels]
        self._form = (_Column * len(kinds))()
        for column, kind, label in zip(self._form, kinds.values(), self._labels, strict=True):
            column.kind, column.label, column.label_length = kind, label, len(label)
        self._width = sum(map(len, self._labels)) + sum(_LONGEST.get(kind, 0) for kind in kinds.values()) + 2
        """Bytes of a row at most, texts apart."""

    def rows(self, count: int, *values: Column) -> Piece:
        """`[{...},...]` of so many rows; `values` by column, ValueError for what does not fit the layout."""
        if not count:
            return text(b"[]")
        columns = type(self._form).from_buffer_copy(self._form)
        numbers: list[np.ndarray] = []
        kept: list[np.ndarray] = []
        packed, longest, known = 64, self._width, 0
        for column, (name, kind), given in zip(columns, self.kinds.items(), values, strict=True):
            cells = given.places if isinstance(given, Chosen) else given
            if len(cells) != count:
                raise ValueError(f"the column {name} has {len(cells)} rows, not {count}")
            if isinstance(given, Chosen) and kind == TEXT:
                texts = given.texts
                column.texts, column.begins, column.known = texts.written, place(texts.begins), len(texts.begins) - 1
                longest += texts.longest
                known = max(known, len(texts.begins))
                packed += min(len(texts.written) + 4 * len(texts.begins), count * (texts.longest + 4))
                cells = np.ascontiguousarray(cells, np.int32)
            elif isinstance(given, Chosen) or cells.dtype != _TYPES.get(kind):
                raise ValueError(f"the column {name} has values of another type")
            elif kind == NUMBER:
                numbers.append(cells)
                continue
            else:
                cells = np.ascontiguousarray(cells)
            kept.append(cells)
            column.values = place(cells)
        written = orjson.dumps(np.array(numbers), option=orjson.OPT_SERIALIZE_NUMPY) if numbers else b"[]"
        packed += len(written) + len(columns) * (64 + 8 * count)
        out, scratch = np.empty(packed, np.uint8), np.empty((2, known), np.int32)
        scratch[0] = -1
        size = _kernels().rows_pack(
            ctypes.addressof(columns), len(columns), count, written, len(written), place(scratch[0]),
            place(scratch[1]), place(out),
        )  # fmt: skip
        if not size:
            raise ValueError("a text that does not exist was chosen")
        return Piece(out[:size].tobytes(), count * longest + 2)


def written(document: bytes, most: int, begin: int = 0) -> memoryview:
    """The JSON of the pieces of a document, which has `most` bytes at most; DatasetError when it is damaged.

    The document begins at the byte `begin`.
    """
    out = np.empty(most + _SLACK, np.uint8)
    size = _kernels().rows_write(document, begin, len(document), place(out), len(out))
    if size < 0:
        raise DatasetError("a stored result is damaged: its tables are not whole")
    return memoryview(out.data)[:size]
