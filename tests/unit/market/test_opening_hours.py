"""When the exchange opens."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.market.holidays import is_trading_day
from shared.market.opening_hours import EXAM_DAYS, next_trading_day, opening_time, previous_trading_day
from shared.model.calendar import to_day


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        ("2026-11-18", 9),
        ("2026-11-19", 10),
        ("2026-11-20", 9),
        ("2026-01-02", 10),
        ("2026-01-05", 9),
        ("2025-01-02", 10),
    ],
)
def test_exchange_opens_later_on_two_days_of_a_year(day: str, hour: int) -> None:
    assert opening_time(dt.date.fromisoformat(day)) == dt.time(hour)


def test_every_year_of_the_table_has_one_exam_on_a_trading_day() -> None:
    assert sorted(day.year for day in EXAM_DAYS) == list(range(2015, 2028))
    assert all(is_trading_day(to_day(day)) and day.weekday() == 3 for day in EXAM_DAYS)


def test_trading_days_before_and_after_skip_holidays() -> None:
    assert next_trading_day(dt.date(2025, 12, 30)) == dt.date(2026, 1, 2)
    assert previous_trading_day(dt.date(2026, 1, 2)) == dt.date(2025, 12, 30)
