"""Selected parts of a stored result, each list of objects as it is or as one array a column.

What is not selected is neither rendered nor parsed: the document (shared/native/result_json.c) has one fragment a part.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from shared.errors import DatasetError
from shared.simulation.result.encoding import DATE, INT32, INT64, NUMBER, render
from shared.simulation.result.storage import DOCUMENT_BEGIN, is_document, json_size
from shared.simulation.result.tables import PART_COLUMNS

_HEAD = struct.Struct("<IIQ")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_CELL_BYTES = {NUMBER: 0, INT64: 8, INT32: 4, DATE: 4}
_STRING16, _STRING32 = 4, 5
_COLUMN_SLACK = 1 << 16
"""Bytes by which arrays can exceed objects: brackets and commas of the columns of a table with one row."""

Array = np.ndarray[Any, np.dtype[Any]]
Rewrite = Callable[[Any], Any]


def select(
    content: bytes,
    parts: Collection[str] | None,
    *,
    columns: bool,
    digits: int | None = None,
    rewrite: Mapping[str, Rewrite] | None = None,
) -> bytes:
    """Return the JSON object of these parts of a result (None: all) in their stored order.

    `content` is what `storage.decompress` returns. With `columns` every list of objects is an object of arrays; an
    empty list has the columns of its part. Numbers of tables are rounded to `digits` significant digits (None: exact).
    `rewrite` changes values of parts. Raises DatasetError for damaged content.
    """
    try:
        return _select(content, parts, columns=columns, digits=digits, changes=rewrite or {})
    except (ValueError, TypeError) as error:
        raise DatasetError("a stored result is damaged: a part is no JSON") from error


def _select(
    content: bytes,
    parts: Collection[str] | None,
    *,
    columns: bool,
    digits: int | None,
    changes: Mapping[str, Rewrite],
) -> bytes:
    members = []
    for name, json in _parts(content, parts, columns=columns, digits=digits):
        change = changes.get(name)
        body = json
        if change is not None:
            body = orjson.dumps(change(orjson.loads(json)))
        if columns and body[:1] == b"[":
            body = orjson.dumps(_as_columns(name, orjson.loads(body)))
        members.append(b'"%b":%b' % (name.encode(), body))
    return b"{%b}" % b",".join(members)


def _parts(
    content: bytes, parts: Collection[str] | None, *, columns: bool, digits: int | None
) -> Iterator[tuple[str, bytes]]:
    """Yield name and JSON of the selected parts; tables are arrays of objects, or with `columns` objects of arrays."""
    if not is_document(content):
        for name, value in orjson.loads(content).items():
            if parts is None or name in parts:
                yield name, orjson.dumps(value if digits is None else _rounded_list(value, digits))
        return
    limit = json_size(content) + _COLUMN_SLACK
    name = ""
    for start, stop in _fragments(content):
        is_text = content[start] == ord("T")
        text = content[start + 9 : stop] if is_text else b""
        if not name:
            name = _label(text)
            if name:
                continue
            yield from _members(text, parts)
        else:
            if parts is None or name in parts:
                is_list = digits is not None and text[:1] == b"["
                text = orjson.dumps(_rounded_list(orjson.loads(text), digits or 0)) if is_list else text
                yield name, text if is_text else _table(content[start:stop], limit, columns=columns, digits=digits)
            name = ""


def _table(fragment: bytes, limit: int, *, columns: bool, digits: int | None) -> bytes:
    if digits is not None:
        fragment = _rounded(fragment, digits)
    return bytes(render(fragment, limit, columns=columns))


def _rounded(fragment: bytes, digits: int) -> bytes:
    """Return the fragment of a table with its numbers at this many significant digits."""
    rows, count, size = _HEAD.unpack_from(fragment, 1)
    begin = 1 + _HEAD.size
    exact = [np.array(column, np.float64) for column in orjson.loads(fragment[begin : begin + size] or b"[]")]
    numbers = orjson.dumps([round_significant(column, digits) for column in exact], option=orjson.OPT_SERIALIZE_NUMPY)
    return b"R" + _HEAD.pack(rows, count, len(numbers)) + numbers + fragment[begin + size :]


def _rounded_list(value: Any, digits: int) -> Any:
    """Return a list of objects with its numbers at this many significant digits; other values unchanged."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    return [
        {key: float(f"{cell:.{digits}g}") if isinstance(cell, float) else cell for key, cell in item.items()}
        for item in value
    ]


def round_significant(values: Array, digits: int) -> Array:
    """Return float64 values at this many significant digits (4 to 12); NaN, infinities and 0 stay.

    The result is the nearest float64 to the decimal number, so that its shortest text has at most these digits.
    """
    with np.errstate(all="ignore"):
        above = digits - 1 - np.floor(np.log10(np.abs(values)))
        up, down = 10.0 ** np.clip(above, 0, 22), 10.0 ** np.clip(-above, 0, 22)
        rounded = np.rint(values * up / down) * down / up
    return np.where(np.isfinite(rounded) & (np.abs(above) <= 22), rounded, values)


def _label(text: bytes) -> str:
    """Return the name of a label, `{"equity":` or `,"equity":`; an empty text for other fragments."""
    is_label = text[:2] in (b'{"', b',"') and text.endswith(b'":') and text.count(b'"') == 2
    return text[2:-2].decode() if is_label else ""


def _members(text: bytes, parts: Collection[str] | None) -> Iterator[tuple[str, bytes]]:
    """Yield the members of the end of a result: provenance, timing, cache."""
    for name, value in orjson.loads(b"{" + text[1:]).items():
        if parts is None or name in parts:
            yield name, orjson.dumps(value)


def _fragments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the bytes [start, stop) of each fragment of a document."""
    at = DOCUMENT_BEGIN
    while at < len(content):
        start = at
        try:
            at = _end_of_fragment(content, at)
        except (struct.error, IndexError, KeyError) as error:
            raise DatasetError("a stored result is damaged: its tables are incomplete") from error
        if at > len(content):
            raise DatasetError("a stored result is damaged: it ends too early")
        yield start, at


def _end_of_fragment(content: bytes, at: int) -> int:
    if content[at] == ord("T"):
        return at + 9 + int(_U64.unpack_from(content, at + 1)[0])
    if content[at] != ord("R"):
        raise KeyError(content[at])
    rows, count, numbers = _HEAD.unpack_from(content, at + 1)
    at += 1 + _HEAD.size + numbers
    for _ in range(count):
        kind = content[at]
        at += 2 + content[at + 1]
        if kind in (_STRING16, _STRING32):
            (strings,) = _U32.unpack_from(content, at)
            if strings:
                (size,) = _U32.unpack_from(content, at + 4 * strings)
                at += size
            at += 4 + 4 * strings + (2 if kind == _STRING16 else 4) * rows
        else:
            at += _CELL_BYTES[kind] * rows
    return int(at)


def _as_columns(name: str, items: list[Any]) -> Any:
    """Return a list of objects as an object of arrays; a list of other values unchanged."""
    if not all(isinstance(item, dict) for item in items):
        return items
    names = dict.fromkeys(PART_COLUMNS.get(name, ())) if not items else dict.fromkeys(k for item in items for k in item)
    return {column: [item.get(column) for item in items] for column in names}
