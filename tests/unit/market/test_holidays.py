"""Holidays of the exchange against known days."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.market.holidays import holidays, is_trading_day, trading_days
from shared.model.calendar import to_day


@pytest.mark.parametrize("date", ["2026-06-03", "2026-07-17", "2024-10-01", "2025-12-31", "2025-01-28", "2026-11-22"])
def test_exchange_is_closed(date: str) -> None:
    assert not is_trading_day(to_day(dt.date.fromisoformat(date)))


@pytest.mark.parametrize("date", ["2025-12-30", "2026-11-23", "2015-07-17"])
def test_exchange_is_open(date: str) -> None:
    assert is_trading_day(to_day(dt.date.fromisoformat(date)))


def test_2019_to_2025_have_1719_trading_days() -> None:
    assert len(trading_days(to_day(dt.date(2019, 1, 1)), to_day(dt.date(2025, 12, 31)))) == 1719


def test_holidays_are_weekdays() -> None:
    assert all((day + 3) % 7 < 5 for day in holidays())
