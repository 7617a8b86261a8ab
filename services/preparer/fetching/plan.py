"""The order of the calls: windows of a year, newest first, and in each window the newest day first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from services.preparer.fetching.krx import (
    BASE_INFORMATION,
    DAILY,
    PRICES,
    Call,
    KrxAnswers,
    trading_days_between,
)

WINDOW_DAYS = 365
EARLIER_REPORTS_DAYS = 27 * 31
"""Days of filings before the first day of prices: two years of statements, and the time to file them."""
RECHECKED_DAYS = 5
"""Trading days whose prices are requested again, because the exchange corrects them."""
RECHECK_CALLS = 4
"""Calls for that in one run, so that a day's fetch stays within ten calls."""
RECHECK_AGE = dt.timedelta(hours=6)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Days from `first` to `last`, both included."""

    first: dt.date
    last: dt.date


def windows(first: dt.date, last: dt.date) -> Iterator[Window]:
    """Yield the windows of a range, newest first."""
    while last >= first:
        start = max(first, last - dt.timedelta(days=WINDOW_DAYS - 1))
        yield Window(first=start, last=last)
        last = start - dt.timedelta(days=1)


def earlier_windows(first: dt.date) -> Iterator[Window]:
    """Yield windows of filings before the first day of prices: sums and growth of the first days need them."""
    yield from windows(first - dt.timedelta(days=EARLIER_REPORTS_DAYS), first - dt.timedelta(days=1))


def daily_calls(answers: KrxAnswers, window: Window, now: dt.datetime) -> list[Call]:
    """Return the calls for prices and indices of a window that are wanted, newest day first."""
    days = trading_days_between(window.first, window.last)
    calls = (Call(service=service, day=day) for day in days for service in DAILY)
    return [call for call in calls if answers.is_wanted(call, now)]


def base_calls(answers: KrxAnswers, window: Window) -> list[Call]:
    """Return the calls for base information: the last day with prices of each month that has none yet."""
    calls = []
    for service, prices in zip(BASE_INFORMATION, PRICES, strict=True):
        known = {(day.year, day.month) for day in answers.days(service)}
        last_of_month: dict[tuple[int, int], dt.date] = {}
        for day in answers.days(prices):
            if window.first <= day <= window.last and (day.year, day.month) not in known:
                last_of_month[day.year, day.month] = day
        calls += [Call(service=service, day=day) for day in last_of_month.values()]
    return sorted(calls, key=lambda call: call.day, reverse=True)


def recheck_calls(
    answers: KrxAnswers, last: dt.date, now: dt.datetime, calls: int | None = RECHECK_CALLS
) -> list[Call]:
    """Return calls for stored prices of the last days, those that were confirmed longest ago first.

    At most `calls` of them, and none when one of these days was received or confirmed lately: a day then costs ten
    calls, however often it is fetched. None is all, however recently they were confirmed.
    """
    days = trading_days_between(last - dt.timedelta(days=4 * RECHECKED_DAYS), last)[:RECHECKED_DAYS]
    aged = []
    for day in days:
        of_day = [Call(service=service, day=day) for service in PRICES]
        ages = [now - at for call in of_day if (at := answers.fetched_at(call)) is not None]
        if len(ages) == len(of_day):
            aged.append((min(ages), of_day))
    ordered = [call for _, of_day in sorted(aged, key=lambda item: item[0], reverse=True) for call in of_day]
    if calls is None:
        return ordered
    if any(age < RECHECK_AGE for age, _ in aged):
        return []
    return ordered[: calls - calls % len(PRICES)]


def unknown_calls(answers: KrxAnswers, seen: pl.DataFrame, known: set[str], window: Window) -> list[Call]:
    """Return calls for base information of stocks that are not `known`, each on its last day, within the window.

    seen: (stock_code, market, last) of each stretch of a stock, as in `krx_market.Year`.
    """
    of_market = {service.market: service for service in BASE_INFORMATION}
    newest = seen.sort("last").unique("stock_code", keep="last")
    wanted = newest.filter(~pl.col("stock_code").is_in(known) & pl.col("last").is_between(window.first, window.last))
    places = wanted.select("market", "last").unique().iter_rows()
    calls = [Call(service=of_market[market], day=day) for market, day in places]
    return sorted(
        (c for c in calls if answers.fetched_at(c) is None), key=lambda c: (c.day, c.service.path), reverse=True
    )


def left_out_calls(answers: KrxAnswers, left_out: Iterable[dt.date], now: dt.datetime) -> list[Call]:
    """Return calls for the prices of days that were left out, when they were not confirmed lately."""
    calls = (Call(service=service, day=day) for day in sorted(left_out, reverse=True) for service in PRICES)
    fetched = ((call, answers.fetched_at(call)) for call in calls)
    return [call for call, at in fetched if at is not None and now - at >= RECHECK_AGE]
