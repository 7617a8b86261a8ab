"""Rebalance days by period and by calendar object."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from shared.model.calendar import from_day, to_day
from shared.model.request import RebalanceCalendar
from shared.simulation.rebalance import rebalance_rows


def weekdays(first: str, last: str, *, without: tuple[str, ...] = ()) -> np.ndarray:
    start, end = to_day(dt.date.fromisoformat(first)), to_day(dt.date.fromisoformat(last))
    closed = {to_day(dt.date.fromisoformat(day)) for day in without}
    return np.array([d for d in range(start, end + 1) if from_day(d).weekday() < 5 and d not in closed], np.int32)


def dates(days: np.ndarray, window: slice, how: str | RebalanceCalendar) -> list[str]:
    found = rebalance_rows(days, window, how)
    return [from_day(int(day)).isoformat() for day in days[window][found]]


WHOLE = weekdays("2023-01-02", "2023-06-30", without=("2023-03-31", "2023-05-01"))
EVERYTHING = slice(0, len(WHOLE))


def test_day_31_is_the_last_day_of_a_shorter_month() -> None:
    # 03-31 is closed: its row is 04-03, in the next month; 04-30 is a Sunday and 05-01 closed: 05-02
    assert dates(WHOLE, EVERYTHING, RebalanceCalendar(months=(2, 3, 4, 5), day=31)) == [
        "2023-01-02", "2023-02-28", "2023-04-03", "2023-05-02", "2023-05-31",
    ]  # fmt: skip


def test_two_months_that_share_a_row_rebalance_once() -> None:
    days = np.concatenate([weekdays("2023-01-02", "2023-01-10"), weekdays("2023-04-03", "2023-04-05")])
    how = RebalanceCalendar(months=(1, 2, 3, 4), day=20)
    assert dates(days, slice(0, len(days)), how) == ["2023-01-02", "2023-04-03"]


def test_month_calendar_looks_at_rows_before_the_window() -> None:
    # the window begins on 03-16, a day after the rebalance day of March, and is a rebalance day of its own
    start = int(np.searchsorted(WHOLE, to_day(dt.date(2023, 3, 16))))
    how = RebalanceCalendar(months=tuple(range(1, 13)), day=15)
    assert dates(WHOLE, slice(start, len(WHOLE)), how)[:3] == ["2023-03-16", "2023-04-17", "2023-05-15"]


def test_weekday_without_a_row_in_its_week_is_left_out() -> None:
    days = weekdays("2023-03-06", "2023-03-24", without=("2023-03-17",))
    assert dates(days, slice(0, len(days)), RebalanceCalendar(weekday="fri")) == [
        "2023-03-06", "2023-03-10", "2023-03-24",
    ]  # fmt: skip


def test_weekday_moves_to_the_next_row_of_its_week() -> None:
    days = weekdays("2023-03-06", "2023-03-17", without=("2023-03-15",))
    assert dates(days, slice(0, len(days)), RebalanceCalendar(weekday="wed")) == [
        "2023-03-06", "2023-03-08", "2023-03-16",
    ]  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (500, [0])])
def test_rows_are_counted_from_the_first_of_the_window(rows: int, expected: list[int]) -> None:
    found = rebalance_rows(WHOLE, slice(3, 8), RebalanceCalendar(rows=rows))
    assert np.flatnonzero(found).tolist() == expected
