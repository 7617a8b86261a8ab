"""Tick sizes by raw price and date, and rounding to them.

Source: Korea Exchange, enforcement rules of the KOSPI, KOSDAQ and KONEX market business regulations (quotation units);
the common table of all markets was introduced on 2023-01-25 (KRX notice on the improvement of tick sizes). Older
histories of the table (before 2010 for KOSPI) are not distinguished.
"""

from __future__ import annotations

import datetime as dt
import math

import numpy as np

from shared.market.rule_books import RULE_BOOKS, rule_book
from shared.model.calendar import to_day

COMMON_SINCE = dt.date(2023, 1, 25)
"""From this day on all markets share one table."""

_INF = math.inf
OLD_KOSPI = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (100_000, 100), (500_000, 500), (_INF, 1_000))
OLD_KOSDAQ = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (_INF, 100), (_INF, 100), (_INF, 100))
COMMON = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500), (_INF, 1_000))

TABLES = np.array([OLD_KOSPI, OLD_KOSDAQ, COMMON], np.float64)
"""float64 [3 tables, 7 steps, (price below, tick)]; the tables that `table_of` numbers."""

TOUCH = 1e-9
"""Prices are compared and rounded within this relative distance."""


def table_of(kind: int, day: int) -> int:
    """Number of the table (in TABLES) that a market code follows on a day number."""
    if day >= to_day(COMMON_SINCE):
        return 2
    return 0 if kind == 0 else 1


def tick(price: float, market: str, day: dt.date) -> float:
    """Tick in won at a raw price; prices within 1e-9 below a step belong to the step above."""
    reached = price * (1 + TOUCH)
    for below, size in TABLES[table_of(rule_book(market), to_day(day))]:
        if reached < below:
            return float(size)
    return float(TABLES[0, -1, 1])


def round_down(price: float, market: str, day: dt.date) -> float:
    """The price rounded down to its tick."""
    size = tick(price, market, day)
    return math.floor(price / size + TOUCH) * size


def round_up(price: float, market: str, day: dt.date) -> float:
    """The price rounded up to its tick."""
    size = tick(price, market, day)
    return math.ceil(price / size - TOUCH) * size


def ticks_of(price: np.ndarray, kinds: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Tick of each price; market codes `kinds` [N] and day numbers `days` [D] (or broadcastable) for prices [D, N]."""
    if price.ndim == 2 and days.ndim == 1:
        days = days[:, None]
    reached = price * (1 + TOUCH)
    sizes = []
    for table in TABLES:
        step = np.searchsorted(table[:, 0], np.where(np.isnan(reached), 0.0, reached), side="right")
        sizes.append(table[np.minimum(step, len(table) - 1), 1])
    common = np.broadcast_to(days >= to_day(COMMON_SINCE), price.shape)
    kospi = np.broadcast_to(kinds == 0, price.shape)
    found: np.ndarray = np.where(common, sizes[2], np.where(kospi, sizes[0], sizes[1]))
    return found


def nearest_tick(price: np.ndarray, kinds: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return prices rounded to the nearest tick (halves up); shapes as in `ticks_of`, NaN stays NaN.

    Prices of markets without a rule book (codes from `len(RULE_BOOKS)` on) have no ticks and stay as they are.
    """
    size = ticks_of(price, kinds, days)
    rounded: np.ndarray = np.where(kinds < len(RULE_BOOKS), np.floor(price / size + 0.5 + TOUCH) * size, price)
    return rounded
