"""The exchange's closed weekdays from a table with sources: for schedules and synthetic markets, never for a dataset.

The trading days of a dataset are the days of its prices; this table says which days are going to be trading days.
"""

from __future__ import annotations

import csv
import datetime as dt
import pathlib
from functools import cache
from typing import Final

import numpy as np

from shared.model.calendar import from_day, to_day

COVERS: Final = (2015, 2027)
"""First and last year of the table; outside of it every weekday counts as a trading day."""


@cache
def holidays() -> dict[int, str]:
    """Day number of each closed weekday -> its name, ascending."""
    path = pathlib.Path(__file__).with_name("holidays.csv")
    with path.open(encoding="utf-8", newline="") as text:
        return {to_day(dt.date.fromisoformat(row["date"])): row["name"] for row in csv.DictReader(text)}


def is_trading_day(day: int) -> bool:
    """Whether the exchange opens on a day number."""
    return from_day(day).weekday() < 5 and day not in holidays()


def trading_days(first: int, last: int) -> np.ndarray:
    """int32 day numbers of the trading days from `first` to `last`, both included."""
    days = np.arange(first, last + 1, dtype=np.int32)
    weekday = (days + 3) % 7  # day 0 was a Thursday
    closed = np.fromiter(holidays(), np.int32)
    return days[(weekday < 5) & ~np.isin(days, closed)]
