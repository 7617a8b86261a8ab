"""When the exchange opens on a trading day: 09:00, an hour later on the year's first day and on the exam's day.

The exchange has no half days. The dates of the college entrance exam are those on which it was held.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from shared.market.holidays import is_trading_day
from shared.model.calendar import from_day, to_day

OPENING: Final = dt.time(9)
LATE_OPENING: Final = dt.time(10)

EXAM_DAYS: Final = frozenset(
    dt.date.fromisoformat(text)
    for text in (
        "2015-11-12", "2016-11-17", "2017-11-23", "2018-11-15", "2019-11-14", "2020-12-03", "2021-11-18",
        "2022-11-17", "2023-11-16", "2024-11-14", "2025-11-13", "2026-11-19", "2027-11-18",
    )
)  # fmt: skip
"""Days of the college entrance exam (수능), for the years of the table of holidays."""


def opening_time(day: dt.date) -> dt.time:
    """Return the time in Seoul at which the exchange opens on a trading day."""
    return LATE_OPENING if day in EXAM_DAYS or _is_first_of_year(day) else OPENING


def next_trading_day(day: dt.date) -> dt.date:
    """Return the first trading day after a date, by the table of holidays."""
    number = to_day(day) + 1
    while not is_trading_day(number):
        number += 1
    return from_day(number)


def previous_trading_day(day: dt.date) -> dt.date:
    """Return the last trading day before a date, by the table of holidays."""
    number = to_day(day) - 1
    while not is_trading_day(number):
        number -= 1
    return from_day(number)


def _is_first_of_year(day: dt.date) -> bool:
    return day.month == 1 and previous_trading_day(day).year < day.year
