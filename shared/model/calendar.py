"""Trading days as day numbers: whole days since 1970-01-01, so that dates are arrays of int32."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

SEOUL: Final = ZoneInfo("Asia/Seoul")
EPOCH = dt.date(1970, 1, 1).toordinal()
NO_DAY = np.iinfo(np.int32).max
"""Stands for "no such date" in arrays of day numbers (later than every day)."""


def to_day(date: dt.date) -> int:
    """Return the days from 1970-01-01 to a date."""
    return date.toordinal() - EPOCH


def from_day(day: int) -> dt.date:
    """Return the date so many days after 1970-01-01."""
    return dt.date.fromordinal(int(day) + EPOCH)


def iso(day: int) -> str:
    """`YYYY-MM-DD` of a day number."""
    return from_day(day).isoformat()


def years_of(days: np.ndarray) -> np.ndarray:
    """Calendar year of each day number, int32."""
    return (days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int32) + 1970).astype(np.int32)


def year_slices(days: np.ndarray) -> dict[int, slice]:
    """Calendar year -> the rows of it, in order; `days` ascending."""
    if not len(days):
        return {}
    years = years_of(days)
    found, first = np.unique(years, return_index=True)
    ends = [*first[1:].tolist(), len(days)]
    return {int(y): slice(int(a), int(b)) for y, a, b in zip(found, first, ends, strict=True)}


def years_within(days: np.ndarray, rows: slice) -> list[tuple[int, slice]]:
    """(calendar year, all of its rows) of each year that has some of these rows."""
    spans = year_slices(days).items()
    return [(year, span) for year, span in spans if max(span.start, rows.start) < min(span.stop, rows.stop)]
