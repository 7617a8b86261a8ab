"""Daily price limits around the base price, by date.

Source: Korea Exchange, enforcement rules of the market business regulations (daily price limits), and KRX's history of
them: 30 % on KOSPI and KOSDAQ since 2015-06-15; KONEX 15 % since it opened.
"""

from __future__ import annotations

import datetime as dt
import math

from shared.market.rule_books import rule_book
from shared.market.ticks import TOUCH, round_down, tick
from shared.model.calendar import to_day

_KOSPI = (
    (None, 6.0),
    (dt.date(1996, 11, 25), 8.0),
    (dt.date(1998, 3, 2), 12.0),
    (dt.date(1998, 12, 7), 15.0),
    (dt.date(2015, 6, 15), 30.0),
)
_KOSDAQ = (
    (None, 8.0),
    (dt.date(1998, 5, 25), 12.0),
    (dt.date(2005, 3, 28), 15.0),
    (dt.date(2015, 6, 15), 30.0),
)
_KONEX = ((None, 15.0),)

LIMITS = (_KOSPI, _KOSDAQ, _KONEX)
"""For each market code: (first day, % up and down), ascending; None is the beginning of time."""


def limit_pct(day: dt.date, market: str) -> float:
    """How far a price may move from the base price on a day, in %."""
    found = 0.0
    for since, pct in LIMITS[rule_book(market)]:
        if since is None or day >= since:
            found = pct
    return found


def limits(base: float, market: str, day: dt.date) -> tuple[float, float]:
    """Return the (upper, lower) limit in won of a day with this base price.

    The base is rounded to the nearest tick, and a limit lies at least one tick from it.
    """
    part, size = limit_pct(day, market) / 100, tick(base, market, day)
    base = math.floor(base / size + 0.5 + TOUCH) * size
    size = tick(base, market, day)
    upper = max(round_down(base * (1 + part), market, day), base + size)
    return upper, base - max(math.floor(base * part / size + TOUCH), 1) * size


def limit_steps(kind: int) -> tuple[list[int], list[float]]:
    """First day numbers (the first is the smallest int32) and % of a market code."""
    days = [-(2**31) if since is None else to_day(since) for since, _ in LIMITS[kind]]
    return days, [pct for _, pct in LIMITS[kind]]
