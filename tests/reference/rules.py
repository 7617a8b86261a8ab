"""Market rules by date (section 3): sales tax, tick sizes, daily limits, rounding to a tick."""

from __future__ import annotations

import datetime as dt
import math

NEAR = 1e-9
KOREAN = frozenset({"KOSPI", "KOSDAQ", "KONEX"})

TAX = (
    (dt.date(2025, 12, 29), 0.20),
    (dt.date(2024, 12, 27), 0.15),
    (dt.date(2023, 12, 27), 0.18),
    (dt.date(2022, 12, 28), 0.20),
    (dt.date(2020, 12, 29), 0.23),
    (dt.date(2019, 5, 30), 0.25),
)
TICKS_NEW = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500))
TICKS_KOSPI = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (100_000, 100), (500_000, 500))
TICKS_KOSDAQ = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50))


def at_most(x: float, y: float) -> bool:
    """Return whether x <= y within the tolerance of a touch."""
    return x <= y * (1 + NEAR)


def at_least(x: float, y: float) -> bool:
    """Return whether x >= y within the tolerance of a touch."""
    return x >= y * (1 - NEAR)


def tax_pct(day: dt.date, market: str) -> float:
    """Return the sales tax in percent for a trade on `day`; 0 for a market that is not Korean."""
    if market not in KOREAN:
        return 0.0
    if market == "KONEX":
        return 0.10 if day >= dt.date(2019, 5, 30) else 0.30
    for since, rate in TAX:
        if day >= since:
            return rate
    return 0.30


def dividend_tax_pct(market: str) -> float:
    """Return the default tax on dividends in percent."""
    return 15.4 if market in KOREAN else 0.0


def tick(price: float, day: dt.date, market: str) -> float:
    """Return the tick in won of a raw price; a market that is not Korean uses KOSPI's table."""
    steps: tuple[tuple[int, int], ...]
    if day >= dt.date(2023, 1, 25):
        steps, top = TICKS_NEW, 1_000
    elif market in {"KOSDAQ", "KONEX"}:
        steps, top = TICKS_KOSDAQ, 100
    else:
        steps, top = TICKS_KOSPI, 1_000
    for under, size in steps:
        if price < under:
            return float(size)
    return float(top)


def limit_fraction(day: dt.date, market: str) -> float:
    """Return the daily limit as a fraction of the base price."""
    if market == "KONEX":
        return 0.15
    if day >= dt.date(2015, 6, 15):
        return 0.30
    if market == "KOSDAQ":
        if day < dt.date(1998, 5, 25):
            return 0.08
        return 0.12 if day < dt.date(2005, 3, 28) else 0.15
    if day < dt.date(1996, 11, 25):
        return 0.06
    if day < dt.date(1998, 3, 2):
        return 0.08
    return 0.12 if day < dt.date(1998, 12, 7) else 0.15


def tick_of(price: float, day: dt.date, market: str) -> float:
    """Return the tick that rounds a price: that of the price a touch higher."""
    return tick(price * (1 + NEAR), day, market)


def floor_tick(price: float, day: dt.date, market: str) -> float:
    """Return a price rounded down to its tick."""
    size = tick_of(price, day, market)
    return math.floor(price / size + NEAR) * size


def ceil_tick(price: float, day: dt.date, market: str) -> float:
    """Return a price rounded up to its tick."""
    size = tick_of(price, day, market)
    return math.ceil(price / size - NEAR) * size


def nearest_tick(price: float, day: dt.date, market: str) -> float:
    """Return a price rounded to the nearest tick, half up."""
    size = tick_of(price, day, market)
    return math.floor(price / size + 0.5) * size


def limits(base: float, day: dt.date, market: str) -> tuple[float, float]:
    """Return the lower and upper limit of a day whose unrounded base price is `base`.

    The base is rounded to the nearest tick first; a limit lies at least one tick from it.
    """
    base = max(nearest_tick(base, day, market), tick_of(base, day, market))
    part = limit_fraction(day, market)
    size = tick_of(base, day, market)
    width = math.floor(base * part / size + NEAR) * size
    upper = floor_tick(base * (1 + part), day, market)
    return base - max(width, size), max(upper, base + size)
