"""Where rows end in blocks of CSV text."""

from __future__ import annotations

MAX_ROW_BYTES = 2**20
"""Longer rows are refused: a quotation mark that is not closed makes one row of the rest of a file."""


def end_of_rows(block: bytes, start: int = 0, stop: int | None = None) -> int:
    """Return the position behind the last line break in block[start:stop] that stands outside quotes.

    `start` when there is none. The time is linear in the size of the block, wherever its quotes stand.
    """
    stop = len(block) if stop is None else stop
    cut = block.rfind(b"\n", start, stop) + 1
    if not cut:
        return start
    inside = block.count(b'"', start, cut) % 2
    while cut > start and inside:
        before = block.rfind(b"\n", start, cut - 1) + 1
        inside = (inside + block.count(b'"', max(before, start), cut)) % 2
        cut = before
    return max(cut, start)
