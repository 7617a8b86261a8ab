"""A curve of equity beside its benchmark in letters: braille dots, or `*` and `.` where the encoding lacks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 64
HEIGHT: Final = 10
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille letter by row and column."""


def curve(
    equity: Sequence[float | None],
    benchmark: Sequence[float | None],
    *,
    base: float,
    start: str,
    end: str,
    braille: bool = True,
) -> str:
    """Return lines with a scale in percent above `base`; an empty text with fewer than two values."""
    present = [value for value in (*equity, *benchmark) if value is not None]
    if len(equity) < 2 or not present:
        return ""
    low, high = min(present), max(present)
    if low == high:
        low, high = low - abs(low) * 0.01 - 1, high + abs(high) * 0.01 + 1
    columns, rows = (2, 4) if braille else (1, 1)
    own = _cells(equity, WIDTH * columns, HEIGHT * rows, low, high)
    other = _cells(benchmark, WIDTH, HEIGHT, low, high)
    lines = []
    for row in range(HEIGHT):
        value = high - (high - low) * row / (HEIGHT - 1)
        scale = f"{100 * (value / base - 1):+7.0f} %" if row % 3 == 0 else " " * 9
        letters = "".join(_letter(own, other, row, column, braille=braille) for column in range(WIDTH))
        lines.append(f"{scale} |{letters.rstrip()}")
    marks = ("⠒", "·") if braille else ("*", ".")
    names = f"{marks[0]} strategy" + (f"  {marks[1]} benchmark" if other else "")
    lines.append(" " * 10 + start + " " * max(WIDTH - len(start) - len(end), 1) + end)
    lines.append(" " * 10 + names)
    return "\n".join(lines)


def _cells(values: Sequence[float | None], width: int, height: int, low: float, high: float) -> set[tuple[int, int]]:
    """Return the (row, column) cells of a line, each column joined with the one before it."""
    found: set[tuple[int, int]] = set()
    before: int | None = None
    for column in range(width):
        value = values[round(column * (len(values) - 1) / max(width - 1, 1))] if values else None
        if value is None:
            before = None
            continue
        row = round((high - value) / (high - low) * (height - 1))
        first, last = (row, row) if before is None else (min(row, before), max(row, before))
        found |= {(at, column) for at in range(first, last + 1)}
        before = row
    return found


def _letter(own: set[tuple[int, int]], other: set[tuple[int, int]], row: int, column: int, *, braille: bool) -> str:
    if braille:
        bits = sum(
            bit
            for dy, pair in enumerate(_DOTS)
            for dx, bit in enumerate(pair)
            if (4 * row + dy, 2 * column + dx) in own
        )
        if bits:
            return chr(0x2800 + bits)
        return "·" if (row, column) in other else " "
    if (row, column) in own:
        return "*"
    return "." if (row, column) in other else " "
