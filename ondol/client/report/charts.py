"""Line charts as SVG: no scripts, no external files, readable on paper."""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 960, 64, 12, 10, 24
MAX_POINTS = WIDTH
"""A line has at most the smallest and the greatest value of each pixel column."""


PAINT = {
    "strategy": 'fill="none" stroke="#1f4e9c" stroke-width="1.6"',
    "benchmark": 'fill="none" stroke="#777777" stroke-width="1.3" stroke-dasharray="5 3"',
    "fall": 'fill="#2f6fd0" fill-opacity="0.35"',
    "grid": 'stroke="#d7dce3"',
}
"""Attributes by class, for viewers of notebooks that drop style sheets."""


@dataclass(frozen=True, kw_only=True)
class ChartLine:
    """A line of a chart; absent values leave gaps."""

    name: str
    values: Sequence[float | None]
    kind: str
    """Class of the style sheet: strategy, benchmark or fall."""
    filled: bool = False


def chart(days: Sequence[dt.date], lines: Sequence[ChartLine], *, title: str, unit: str, height: int = 260) -> str:
    """Return a chart of lines over days; `unit` is `%` for fractions or a word for plain numbers."""
    present = [value for line in lines for value in line.values if value is not None]
    if len(days) < 2 or not present:
        return f"<p>{html.escape(title)}: fewer than two days have values.</p>"
    ticks = ticks_of(min(present), max(present))
    low, high = min(ticks[0], *present), max(ticks[-1], *present)
    span = (high - low) or 1.0
    bottom = height - BOTTOM

    def y(value: float) -> float:
        return TOP + (high - value) / span * (bottom - TOP)

    def x(index: int) -> float:
        return LEFT + index / (len(days) - 1) * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title, quote=True)}">',
        f"<title>{html.escape(title)}</title>",
    ]
    grid = f'class="grid" {PAINT["grid"]}'
    for tick in ticks:
        parts.append(f'<line {grid} x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{label(tick, unit)}</text>')
    for index, text in date_labels(days):
        parts.append(f'<line {grid} x1="{x(index):.1f}" x2="{x(index):.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text x="{x(index):.1f}" y="{height - 7}" text-anchor="middle">{text}</text>')
    for line in lines:
        for run in runs(line.values):
            points = thinned(run)
            path = " ".join(f"{x(i):.1f},{y(v):.1f}" for i, v in points)
            if line.filled:
                first, last = x(points[0][0]), x(points[-1][0])
                closed = f"{first:.1f},{y(0.0):.1f} {path} {last:.1f},{y(0.0):.1f}"
                parts.append(f'<polygon class="{line.kind}" {PAINT[line.kind]} points="{closed}"/>')
            else:
                parts.append(f'<polyline class="{line.kind}" {PAINT[line.kind]} points="{path}"/>')
    parts.append("</svg>")
    names = "".join(f'<span class="key {line.kind}">{html.escape(line.name)}</span>' for line in lines)
    return f"<figure><figcaption>{html.escape(title)} {names}</figcaption>{''.join(parts)}</figure>"


def runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Return the stretches of present values as (index, value)."""
    found: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(values):
        if value is not None:
            found[-1].append((index, value))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def thinned(points: Sequence[tuple[int, float]], most: int = MAX_POINTS) -> list[tuple[int, float]]:
    """Return the smallest and the greatest point of each bucket, so that peaks and falls stay visible."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(2 * len(points) / most)
    found = {points[0], points[-1]}
    for start in range(0, len(points), size):
        bucket = points[start : start + size]
        found |= {min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])}
    return sorted(found)


def ticks_of(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers from `low` to `high`."""
    span = (high - low) or abs(high) or 1.0
    rough = span / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.floor(low / step)
    return [round(step * i, 12) for i in range(first, math.ceil(high / step) + 1)]


def date_labels(days: Sequence[dt.date], most: int = 10) -> list[tuple[int, str]]:
    """Return (index, text) of the first day of some years, quarters or months."""
    for months in (1, 3, 6, 12, 24, 60, 120):
        firsts = [
            (i, day)
            for i, day in enumerate(days)
            if i and (day.year, day.month) != (days[i - 1].year, days[i - 1].month)
            and (day.year * 12 + day.month - 1) % months == 0
        ]  # fmt: skip
        if len(firsts) <= most:
            return [(i, f"{day:%Y}" if months >= 12 else f"{day:%Y-%m}") for i, day in firsts]
    return []


def label(value: float, unit: str) -> str:
    """Return the text of a tick."""
    return f"{100 * value:,.0f} %" if unit == "%" else f"{value:,.4g}"
