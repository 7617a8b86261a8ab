"""Every day of a calendar year: whether the exchange opens, and why not.

Between the first and the last day of a dataset its trading days decide; elsewhere the table of holidays does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Annotated, Literal

import msgspec

from shared.market.holidays import COVERS, holidays, is_trading_day
from shared.market.korean_holidays import KOREAN
from shared.model.calendar import from_day, iso, to_day
from shared.model.request import about

Reason = Literal["weekend", "holiday", "no_prices"]
Source = Literal["dataset", "table"]


class CalendarDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of the calendar."""

    date: Annotated[str, about("The day.", "date, YYYY-MM-DD")]
    trading: Annotated[bool, about("Whether it is a trading day.")]
    reason: Annotated[
        Reason | None,
        about("Why it is none: weekend, holiday (name, name_ko), or no_prices: a weekday without prices in the "
              "dataset that is no holiday of the table. Null on trading days."),
    ]  # fmt: skip
    name: Annotated[str | None, about("Name of the holiday.")]
    name_ko: Annotated[str | None, about("Korean name of the holiday.")]
    source: Annotated[
        Source,
        about("What decided: the trading days of the dataset between its first and last day, else the table of "
              "holidays."),
    ]  # fmt: skip
    month_end: Annotated[bool, about("Whether it is the last trading day of its month.")]
    year_end: Annotated[bool, about("Whether it is the last trading day of its year.")]


def year_calendar(year: int, rows: Collection[int], first: int | None, last: int | None) -> list[CalendarDay]:
    """Return the days of a year; `rows` are day numbers of trading days, `first` and `last` the ends of the dataset."""
    start, stop = to_day(dt.date(year, 1, 1)), to_day(dt.date(year, 12, 31)) + 1
    within = range(0) if first is None or last is None else range(first, last + 1)
    trading = [day for day in range(start, stop) if (day in rows if day in within else is_trading_day(day))]
    month_ends = {from_day(day).month: day for day in trading}
    opened = frozenset(trading)
    return [
        CalendarDay(
            date=iso(day),
            trading=day in opened,
            reason=None if day in opened else _reason(day),
            name=None if day in opened else holidays().get(day),
            name_ko=None if day in opened or day not in holidays() else KOREAN[holidays()[day]],
            source="dataset" if day in within else "table",
            month_end=day == month_ends.get(from_day(day).month),
            year_end=bool(trading) and day == trading[-1],
        )
        for day in range(start, stop)
    ]


def _reason(day: int) -> Reason:
    if day in holidays():
        return "holiday"
    return "weekend" if from_day(day).weekday() >= 5 else "no_prices"


def is_covered(year: int) -> bool:
    """Whether the table of holidays has a year."""
    return COVERS[0] <= year <= COVERS[1]
