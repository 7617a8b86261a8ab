"""Sizes of the row groups of Parquet files when decoded, from their metadata and page headers.

Dictionaries and run lengths make a column that repeats a value arbitrarily small, so that the size of a file bounds
nothing. The metadata may state less than pages hold, so the header of each page is read too; a decoder takes no more
from a page than its header states. Format: https://parquet.apache.org/docs/file-format/ (Thrift, compact protocol).
"""

from __future__ import annotations

import mmap
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_GROUP_BYTES = 384 * 2**20
"""Decoded bytes of a row group that is read: twice those of 1,000,000 rows of prices in the load format."""

_MAX_DEPTH = 32
_BYTE_ARRAY = 6
_DELTA_BYTE_ARRAY = 7
"""Texts as the length of their common beginning with the text before: unpacked sizes bound nothing."""
_TEXT_BYTES, _NUMBER_BYTES = 16, 8

_Value = Any
_Struct = dict[int, _Value]


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Rows that are decoded together, and the memory that the wanted columns need when decoded."""

    rows: int
    decoded_bytes: int


def row_groups(path: pathlib.Path, is_wanted: Callable[[str], bool]) -> list[RowGroup]:
    """Return the row groups of a Parquet file in order, with the decoded size of the wanted columns.

    Raises ValueError for a file that is none, or whose metadata are damaged.
    """
    with path.open("rb") as stream:
        if stream.seek(0, 2) < 12:
            raise ValueError("the file is too short for Parquet")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[-4:] != b"PAR1":
                raise ValueError("the file does not end as Parquet: it is damaged or cut off")
            try:
                start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
                groups = _Reader(data, start).struct()[4]
                return [_row_group(data, group, is_wanted) for group in groups]
            except (IndexError, KeyError, TypeError, AttributeError) as error:
                raise ValueError("the metadata of the Parquet file are damaged") from error


def _row_group(data: mmap.mmap, group: _Struct, is_wanted: Callable[[str], bool]) -> RowGroup:
    rows, size = group[3], 0
    if rows < 0:
        raise ValueError("the Parquet file states a negative number of rows")
    for column in group[1]:
        chunk = column[3]
        if is_wanted(chunk[3][0].decode("utf-8", "replace")):
            unpacked, values = _pages(data, chunk)
            width = _TEXT_BYTES if chunk[1] == _BYTE_ARRAY else _NUMBER_BYTES
            size += unpacked + max(rows, chunk[5], values) * width
    return RowGroup(rows=rows, decoded_bytes=size)


def _pages(data: mmap.mmap, chunk: _Struct) -> tuple[int, int]:
    """Return the unpacked bytes and the values of the pages of a column chunk."""
    at = min(chunk[9], chunk.get(11) or chunk[9])
    end = at + chunk[7]
    if not 0 < at <= end <= len(data):
        raise ValueError("the Parquet file places a column outside the file")
    unpacked = values = 0
    while at < end:
        reader = _Reader(data, at)
        header = reader.struct()
        if header[2] < 0 or header[3] < 0:
            raise ValueError("the Parquet file has a page of negative size")
        unpacked += header[2]
        number, encoding = _values_of(header)
        if encoding == _DELTA_BYTE_ARRAY:
            raise ValueError("the Parquet file has texts in the encoding DELTA_BYTE_ARRAY: write it with another one")
        values += number
        at = reader.at + header[3]
    return unpacked, values


def _values_of(header: _Struct) -> tuple[int, int | None]:
    """Return how many values a page has, and their encoding."""
    if 5 in header:
        return header[5][1], header[5][2]
    if 8 in header:
        return header[8][1], header[8][4]
    return 0, None


class _Reader:
    """Reads structs as dictionaries of field number -> value."""

    def __init__(self, data: mmap.mmap, at: int) -> None:
        if at < 0:
            raise ValueError("the metadata of the Parquet file are longer than the file")
        self._data = data
        self.at = at

    def struct(self, depth: int = 0) -> _Struct:
        found: _Struct = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._signed()
            found[number] = kind == 1 if kind in {1, 2} else self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> _Value:
        if depth > _MAX_DEPTH:
            raise ValueError("the metadata of the Parquet file are nested too deeply")
        if kind in {1, 2, 3}:
            return self._byte()
        if kind in {4, 5, 6}:
            return self._signed()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._unsigned())
        if kind in {9, 10}:
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._unsigned()
            if count > len(self._data) - self.at:
                raise ValueError("a list in the metadata of the Parquet file is longer than the file")
            return [self._value(head & 15, depth + 1) for _ in range(count)]
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError(f"the metadata of the Parquet file have the unknown type {kind}")

    def _byte(self) -> int:
        value: int = self._data[self.at]
        self.at += 1
        return value

    def _bytes(self, count: int) -> bytes:
        if count > len(self._data) - self.at:
            raise ValueError("a text in the metadata of the Parquet file is longer than the file")
        self.at += count
        return self._data[self.at - count : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number in the metadata of the Parquet file is too long")

    def _signed(self) -> int:
        value = self._unsigned()
        return value >> 1 ^ -(value & 1)
