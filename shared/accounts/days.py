"""Times of a paper account in Seoul: when it decides, from when a decision is late, when data are late."""

from __future__ import annotations

import datetime as dt

from shared.contracts.schedule import DECIDED_AT
from shared.market.holidays import is_trading_day
from shared.market.opening_hours import opening_time
from shared.model.calendar import SEOUL, to_day


def today(now: dt.datetime) -> dt.date:
    """Return the date in Seoul."""
    return now.astimezone(SEOUL).date()


def opens_at(day: dt.date) -> dt.datetime:
    """Return the instant at which the exchange opens on a trading day."""
    return dt.datetime.combine(day, opening_time(day), SEOUL)


def decides_from(day: dt.date) -> dt.datetime:
    """Return the instant from which the orders of a day are decided."""
    return dt.datetime.combine(day, DECIDED_AT, SEOUL)


def last_decidable(now: dt.datetime) -> dt.date:
    """Return the last date whose orders may be decided at an instant: today from 07:00, else yesterday."""
    day = today(now)
    return day if now >= decides_from(day) else day - dt.timedelta(days=1)


def is_late(day: dt.date, decided_at: dt.datetime) -> bool:
    """Return whether a decision about a day is made when the exchange has opened."""
    return decided_at >= opens_at(day)


def scheduled_day(now: dt.datetime) -> dt.date | None:
    """Return the trading day whose orders are due now: today from 07:00 on; None before, and on other days."""
    day = today(now)
    return day if is_trading_day(to_day(day)) and now >= decides_from(day) else None


def data_due_day(now: dt.datetime, due: dt.time) -> dt.date | None:
    """Return the trading day for which the last row has to be there now: today from `due` on; None otherwise."""
    day = today(now)
    return day if is_trading_day(to_day(day)) and now >= dt.datetime.combine(day, due, SEOUL) else None


def first_day(now: dt.datetime) -> dt.date:
    """Return the first trading day that a new account can decide in time."""
    day = today(now)
    if now >= decides_from(day):
        day += dt.timedelta(days=1)
    while not is_trading_day(to_day(day)):
        day += dt.timedelta(days=1)
    return day
