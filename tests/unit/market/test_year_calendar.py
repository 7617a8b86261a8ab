"""The days of a year: the dataset decides within it, the table of holidays elsewhere."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from shared.market.holidays import holidays, is_trading_day, trading_days
from shared.market.korean_holidays import KOREAN
from shared.market.year_calendar import CalendarDay, year_calendar
from shared.model.calendar import to_day


def _day(text: str) -> int:
    return to_day(dt.date.fromisoformat(text))


def _on(days: list[CalendarDay], text: str) -> CalendarDay:
    return next(day for day in days if day.date == text)


def test_korean_names_are_those_of_the_table() -> None:
    assert set(KOREAN) == set(holidays().values())


def test_holidays_and_weekends_have_their_reason() -> None:
    days = year_calendar(2026, (), None, None)
    assert len(days) == 365
    seollal = _on(days, "2026-02-17")
    assert (seollal.trading, seollal.reason, seollal.name, seollal.name_ko) == (False, "holiday", "Seollal", "설날")
    assert (_on(days, "2026-11-28").reason, _on(days, "2026-11-28").name) == ("weekend", None)
    assert {day.source for day in days} == {"table"}


def test_dataset_decides_between_its_first_and_last_day() -> None:
    rows = frozenset({_day("2026-03-02"), _day("2026-03-04"), _day("2026-03-07")})
    days = year_calendar(2026, rows, min(rows), max(rows))
    assert [day.date for day in days if day.trading and day.source == "dataset"] == [
        "2026-03-02", "2026-03-04", "2026-03-07",
    ]  # fmt: skip
    assert _on(days, "2026-03-03").reason == "no_prices"
    assert _on(days, "2026-03-09").source == "table"


@given(st.integers(1990, 2040))
def test_month_ends_are_the_last_trading_days(year: int) -> None:
    days = year_calendar(year, (), None, None)
    trading = [day for day in days if day.trading]
    assert all(day.trading == is_trading_day(_day(day.date)) for day in days)
    assert [_day(day.date) for day in trading] == trading_days(_day(f"{year}-01-01"), _day(f"{year}-12-31")).tolist()
    ends = {day.date[:7]: day.date for day in trading}
    assert [day.date for day in days if day.month_end] == sorted(ends.values())
    assert [day.date for day in days if day.year_end] == [trading[-1].date]
