"""Incremental reader of a stored result, so that no step holds the interpreter for long.

A stored result is a JSON object whose parts (`equity`, `trades`) are arrays of objects. To read one part,

1. find `"part":[`, which can stand nowhere else: inside a text its quotation marks would be escaped;
2. cut about `BLOCK_BYTES` off at a `},{` and parse them as an array; a cut inside a text or a nested array does not
   parse, so what parses is a whole number of rows;
3. when it does not parse, the part ends in it or the cut was a bad one: try its `}]`, then the next `},{`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from shared.errors import DatasetError

BLOCK_BYTES = 128 * 1024
SEARCH_BYTES = 1 << 20
"""Bytes of one search; between two searches other threads may run."""

Rows = list[dict[str, Any]]


def read_blocks(body: bytes, part: str) -> Iterator[Rows]:
    """Yield the rows of a part of a result in blocks; nothing when it has none."""
    head = b'"%b":[' % part.encode()
    start = _find(body, head, 0)
    if start < 0 or body[start + len(head) : start + len(head) + 1] == b"]":
        return
    start += len(head)
    while True:
        cut = _find(body, b'},{"', start + BLOCK_BYTES)
        while True:
            stop = len(body) if cut < 0 else cut + 1
            rows = None if cut < 0 else _parse(body[start:stop])
            if rows is not None:
                break
            rows = _last_block(body, start, min(stop + 1, len(body)))
            if rows is not None:
                yield rows
                return
            if cut < 0:
                raise DatasetError(f"a stored result has no complete part {part}")
            cut = _find(body, b'},{"', cut + 1)
        yield rows
        start = stop + 1


def _find(body: bytes, sought: bytes, start: int) -> int:
    while start < len(body):
        found = body.find(sought, start, start + SEARCH_BYTES)
        if found >= 0:
            return found
        start += SEARCH_BYTES - len(sought) + 1
    return -1


def _parse(piece: bytes) -> Rows | None:
    try:
        rows: Rows = orjson.loads(b"[%b]" % piece)
    except orjson.JSONDecodeError:
        return None
    return rows


def _last_block(body: bytes, start: int, stop: int) -> Rows | None:
    """Return the rows up to the end of the part, None when it does not lie before `stop`."""
    end = body.find(b"}]", start, stop)
    while end >= 0:
        rows = _parse(body[start : end + 1])
        if rows is not None:
            return rows
        end = body.find(b"}]", end + 1, stop)
    return None
