"""The rows of a stored result, block by block: no step holds the interpreter for long, however large the result is.

A result is JSON of ours: an object whose parts (`equity`, `trades`) are arrays of objects. To read one part

1. find `"part":[`, which can stand nowhere else: inside a text its quotation marks would be escaped;
2. cut about `BLOCK` bytes off at a `},{` and parse them as an array of their own; a cut inside a text or a nested
   array does not parse, so a piece that parses is a whole number of rows;
3. when it does not parse, the part ends in it, or the cut was a bad one: try its `}]`, then the next `},{`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from shared.errors import DatasetError

BLOCK = 128 * 1024
WINDOW = 1 << 20
"""Bytes that one search looks at."""

Rows = list[dict[str, Any]]


def _find(body: bytes, sought: bytes, start: int) -> int:
    """`body.find`, in steps between which other threads may run."""
    while start < len(body):
        found = body.find(sought, start, start + WINDOW)
        if found >= 0:
            return found
        start += WINDOW - len(sought) + 1
    return -1


def _rows(piece: bytes) -> Rows | None:
    try:
        found: Rows = orjson.loads(b"[%b]" % piece)
    except orjson.JSONDecodeError:
        return None
    return found


def _last(body: bytes, start: int, stop: int) -> Rows | None:
    """The rows up to the end of the part, when it lies before `stop`."""
    end = body.find(b"}]", start, stop)
    while end >= 0:
        rows = _rows(body[start : end + 1])
        if rows is not None:
            return rows
        end = body.find(b"}]", end + 1, stop)
    return None


def blocks(body: bytes, part: str) -> Iterator[Rows]:
    """The rows of a part of a result, some at a time; nothing when it has none."""
    head = b'"%b":[' % part.encode()
    start = _find(body, head, 0)
    if start < 0 or body[start + len(head) : start + len(head) + 1] == b"]":
        return
    start += len(head)
    while True:
        cut = _find(body, b'},{"', start + BLOCK)
        while True:
            stop = len(body) if cut < 0 else cut + 1
            rows = None if cut < 0 else _rows(body[start:stop])
            if rows is not None:
                break
            rows = _last(body, start, min(stop + 1, len(body)))
            if rows is not None:
                yield rows
                return
            if cut < 0:
                raise DatasetError(f"a stored result has no whole part {part}")
            cut = _find(body, b'},{"', cut + 1)
        yield rows
        start = stop + 1
