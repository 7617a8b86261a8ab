"""A table that is downloaded: columns with kinds, and rows in blocks, so that no writer needs the whole of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec

Kind = Literal["date", "code", "text", "boolean", "integer", "number", "won", "fraction"]
"""`code` is text that looks like a number (stock codes); `won` and `fraction` are numbers that a sheet formats."""
Rows = Sequence[Sequence[Any]]

BLOCK_ROWS = 1000
_CODES = ("stock_code", "code")
_UNITS: dict[str, Kind] = {"won": "won", "fraction": "fraction", "shares": "integer"}
_TYPES: dict[str, Kind] = {"string": "text", "boolean": "boolean", "integer": "integer", "number": "number"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column: its name in every format, and the kind of its values."""

    name: str
    kind: Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table; `name` is the file name of the download without its suffix.

    `blocks` are read once. The values of a row are those of `columns`, in their order: dates are texts `YYYY-MM-DD`,
    objects and lists are written as JSON.
    """

    name: str
    columns: tuple[Column, ...]
    blocks: Iterable[Rows]


@cache
def columns_of(shape: type[msgspec.Struct]) -> tuple[Column, ...]:
    """Return the columns of a declared row, in the order of its fields."""
    _, components = msgspec.json.schema_components([shape], ref_template="{name}")
    fields = components[shape.__name__]["properties"]
    return tuple(Column(name=name, kind=_kind(name, field)) for name, field in fields.items())


def _kind(name: str, field: Mapping[str, Any]) -> Kind:
    if name in _CODES:
        return "code"
    types = [part for part in field.get("anyOf", (field,)) if part.get("type") != "null"]
    first = types[0]
    if first.get("format") == "date" or field.get("format") == "date":
        return "date"
    kind = _TYPES.get(first.get("type", "string"), "text")
    return _UNITS.get(field.get("x-unit", ""), kind) if kind == "number" else kind


def column_for(name: str, value: Any) -> Column:
    """Return the column of a name that is not declared, by a value of it."""
    if name in _CODES:
        return Column(name=name, kind="code")
    if isinstance(value, bool):
        return Column(name=name, kind="boolean")
    return Column(name=name, kind="number" if isinstance(value, int | float) else "text")


def blocks_of_objects(columns: Sequence[Column], blocks: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[Rows]:
    """Yield blocks of objects as rows; a field that an object lacks is null."""
    names = [column.name for column in columns]
    for block in blocks:
        yield [[item.get(name) for name in names] for item in block]


def blocks_of_columns(values: Sequence[Sequence[Any]]) -> Iterator[Rows]:
    """Yield the rows of columns of equal length."""
    for start in range(0, len(values[0]) if values else 0, BLOCK_ROWS):
        yield list(zip(*(column[start : start + BLOCK_ROWS] for column in values), strict=True))
