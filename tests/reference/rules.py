"""The market's rules by date: sales tax, tick sizes, daily limits, and rounding to a tick."""

from __future__ import annotations

import datetime as dt
import math

NEAR = 1e-9

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


def tax_pct(day: dt.date, market: str) -> float:
    """Sales tax in percent for a trade on `day`."""
    if market == "KONEX":
        return 0.10 if day >= dt.date(2019, 5, 30) else 0.30
    for since, rate in TAX:
        if day >= since:
            return rate
    return 0.30


def tick(price: float, day: dt.date, market: str) -> float:
    """Tick in won of a raw price."""
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
    """Daily limit as a fraction of the base price."""
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


def floor_tick(price: float, day: dt.date, market: str) -> float:
    """A price rounded down to its tick."""
    size = tick(price * (1 + NEAR), day, market)
    return math.floor(price / size + NEAR) * size


def ceil_tick(price: float, day: dt.date, market: str) -> float:
    """A price rounded up to its tick."""
    size = tick(price * (1 + NEAR), day, market)
    return math.ceil(price / size - NEAR) * size


def nearest_tick(price: float, day: dt.date, market: str) -> float:
    """A price rounded to the nearest tick."""
    size = tick(price * (1 + NEAR), day, market)
    return math.floor(price / size + 0.5) * size


def limits(base: float, day: dt.date, market: str) -> tuple[float, float]:
    """Lower and upper limit of a day with this base price."""
    part = limit_fraction(day, market)
    upper = floor_tick(base * (1 + part), day, market)
    size = tick(base * (1 + NEAR), day, market)
    return base - math.floor(base * part / size + NEAR) * size, upper
