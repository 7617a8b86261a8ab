"""Rebalance days: the rows of a window on which positions are chosen."""

from __future__ import annotations

import numpy as np

from shared.model.request import RebalanceCalendar

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
_MONDAY = 3
"""Day number 0 was a Thursday: (day + 3) // 7 counts ISO weeks."""


def rebalance_rows(days: np.ndarray, window: slice, how: str | RebalanceCalendar) -> np.ndarray:
    """Return bool [rows of the window] of the rebalance days; the window's first row is always one.

    `days` are the day numbers of the dataset (int32 [D], ascending). `daily`: every row; `weekly`, `monthly`,
    `quarterly`: rows whose ISO week, month or quarter differs from that of the dataset row before; a calendar object:
    the first dataset row on or after each of its dates, or every n-th row of the window.
    """
    count = window.stop - window.start
    if how == "daily":
        return np.ones(count, np.bool_)
    found = _period_rows(days, window, how) if isinstance(how, str) else _calendar_rows(days, window, how)
    found[:1] = True
    return found


def _period_rows(days: np.ndarray, window: slice, how: str) -> np.ndarray:
    first = max(window.start - 1, 0)
    inside = days[first : window.stop].astype(np.int64)
    if how == "weekly":
        period = (inside + _MONDAY) // 7
    else:
        period = inside.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if how == "quarterly":
            period //= 3
    changes = np.concatenate([[True], period[1:] != period[:-1]])[window.start - first :]
    return np.ascontiguousarray(changes)


def _calendar_rows(days: np.ndarray, window: slice, how: RebalanceCalendar) -> np.ndarray:
    count = window.stop - window.start
    found = np.zeros(count, np.bool_)
    if how.rows is not None:
        found[:: how.rows] = True
        return found
    if how.weekday is not None:
        dates, ends = _weekdays(days, how.weekday)
    else:
        dates, ends = _month_days(days, how)
    rows = np.searchsorted(days, dates)
    inside = (rows >= window.start) & (rows < window.stop)
    inside[inside] &= days[rows[inside]] < ends[inside]
    found[rows[inside] - window.start] = True
    return found


def _weekdays(days: np.ndarray, weekday: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the day numbers of the weekday in each ISO week, and the first day after the week."""
    weeks = np.arange((int(days[0]) + _MONDAY) // 7, (int(days[-1]) + _MONDAY) // 7 + 1, dtype=np.int64)
    mondays = weeks * 7 - _MONDAY
    return mondays + _WEEKDAYS.index(weekday), mondays + 7


def _month_days(days: np.ndarray, how: RebalanceCalendar) -> tuple[np.ndarray, np.ndarray]:
    """Return the day numbers of the day in each month, and no end: its first row may lie in a later month."""
    first, last = days[[0, -1]].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64).tolist()
    months = np.arange(first, last + 1, dtype=np.int64)
    if how.months is not None:
        months = months[np.isin(months % 12 + 1, how.months)]
    starts = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    lengths = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - starts
    dates = starts + np.minimum(how.day or 1, lengths) - 1
    return dates, np.full(len(dates), np.iinfo(np.int64).max)
