"""Figures of the report against series with known values."""

from __future__ import annotations

import datetime as dt

import pytest

from ondol.client.report.figures import worst_drawdowns, yearly


def test_worst_drawdowns_have_peak_bottom_and_recovery() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(9)]
    falls = worst_drawdowns(days, [90.0, 100.0, 120.0, 60.0, 90.0, 130.0, 117.0, 118.0, 119.0], 100.0)
    assert [round(fall.depth, 6) for fall in falls] == [-0.5, -0.1, -0.1]
    assert (falls[0].peak, falls[0].bottom, falls[0].recovery, falls[0].days) == (days[2], days[3], days[5], 3)
    assert {fall.recovery for fall in falls[1:]} == {days[1], None}
    assert worst_drawdowns(days[:2], [100.0, 101.0], 100.0) == []
    assert worst_drawdowns([], [], 100.0) == []


def test_yearly_returns_go_from_year_end_to_year_end() -> None:
    days = [dt.date(2023, 12, 28), dt.date(2023, 12, 29), dt.date(2024, 1, 2), dt.date(2024, 12, 30)]
    assert yearly(days, [105.0, 110.0, None, 121.0], 100.0) == pytest.approx({2023: 0.1, 2024: 0.1})
    assert yearly(days, [None] * 4, 100.0) == {}
