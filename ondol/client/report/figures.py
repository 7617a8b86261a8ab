"""Figures of the report that are no statistics of the API: worst drawdowns, yearly returns beside the benchmark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Drawdown:
    """A fall from a peak to its bottom, and the day that reached the peak again (None: not yet)."""

    peak: dt.date
    bottom: dt.date
    recovery: dt.date | None
    depth: float
    """Fraction, below 0."""
    days: int
    """Calendar days from the peak to the recovery, or to the last day."""


def worst_drawdowns(days: Sequence[dt.date], equity: Sequence[float], initial: float, count: int = 5) -> list[Drawdown]:
    """Return the deepest falls, the deepest first; the initial cash is the first peak, on the first day."""
    found: list[Drawdown] = []
    peak, peak_day = initial, days[0] if days else dt.date.min
    bottom, bottom_day = initial, peak_day
    for day, value in zip(days, equity, strict=True):
        if value >= peak:
            if bottom < peak:
                found.append(_fall(peak_day, bottom_day, day, bottom / peak - 1, day))
            peak = bottom = value
            peak_day = bottom_day = day
        elif value < bottom:
            bottom, bottom_day = value, day
    if bottom < peak:
        found.append(_fall(peak_day, bottom_day, None, bottom / peak - 1, days[-1]))
    return sorted(found, key=lambda fall: fall.depth)[:count]


def _fall(peak: dt.date, bottom: dt.date, recovery: dt.date | None, depth: float, end: dt.date) -> Drawdown:
    return Drawdown(peak=peak, bottom=bottom, recovery=recovery, depth=depth, days=(end - peak).days)


def yearly(days: Sequence[dt.date], values: Sequence[float | None], initial: float) -> dict[int, float]:
    """Return year -> return of a series of values that began with `initial`; years without a value are left out."""
    found: dict[int, float] = {}
    last: dict[int, float] = {}
    for day, value in zip(days, values, strict=True):
        if value is not None:
            last[day.year] = value
    before = initial
    for year, value in last.items():
        found[year] = value / before - 1.0
        before = value
    return found
