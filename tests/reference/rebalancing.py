"""Rebalance days (section 2, Rebalance days)."""

from __future__ import annotations

import datetime as dt
from typing import Any

WEEKDAYS = {"mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5}


def is_rebalance_day(every: Any, days: list[dt.date], row: int, first: int) -> bool:
    """Return whether targets are chosen on a row of a window that begins with the row `first`."""
    if row == first or every == "daily":
        return True
    now, before = days[row], days[row - 1]
    if every == "weekly":
        return now.isocalendar()[:2] != before.isocalendar()[:2]
    if every == "monthly":
        return (now.year, now.month) != (before.year, before.month)
    if every == "quarterly":
        return (now.year, (now.month - 1) // 3) != (before.year, (before.month - 1) // 3)
    if every.get("rows") is not None:
        return (row - first) % int(every["rows"]) == 0
    if every.get("weekday") is not None:
        wanted = WEEKDAYS[every["weekday"]]
        same_week = now.isocalendar()[:2] == before.isocalendar()[:2]
        return now.isoweekday() >= wanted and not (same_week and before.isoweekday() >= wanted)
    return any(before < due <= now for due in dates_of_months(every, before, now))


def dates_of_months(every: dict[str, Any], since: dt.date, until: dt.date) -> list[dt.date]:
    """Return the day of each wanted month from that of `since` to that of `until`; the last day when it is shorter."""
    months, day = every.get("months") or range(1, 13), every.get("day") or 1
    found = []
    year, month = since.year, since.month
    while (year, month) <= (until.year, until.month):
        following = dt.date(year + month // 12, month % 12 + 1, 1)
        if month in months:
            found.append(dt.date(year, month, min(day, (following - dt.timedelta(days=1)).day)))
        year, month = following.year, following.month
    return found
