"""Tick sizes by raw price and date, and rounding to them.

Source: Korea Exchange, enforcement rules of the KOSPI, KOSDAQ and KONEX market business regulations (quotation units);
the common table of all markets was introduced on 2023-01-25 (KRX notice on the improvement of tick sizes). Older
histories of the table (before 2010 for KOSPI) are not distinguished.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import lru_cache

import numpy as np

from shared.market.rule_books import RULE_BOOKS, rule_book
from shared.model.calendar import to_day

_INF = math.inf
OLD_KOSPI = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (100_000, 100), (500_000, 500), (_INF, 1_000))
OLD_KOSDAQ = ((1_000, 1), (5_000, 5), (10_000, 10), (50_000, 50), (_INF, 100), (_INF, 100), (_INF, 100))
COMMON = ((2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500), (_INF, 1_000))

TICKS = (
    (None, (OLD_KOSPI, OLD_KOSDAQ, OLD_KOSDAQ)),
    (dt.date(2023, 1, 25), (COMMON, COMMON, COMMON)),
)
"""(first day, the table of each market code), ascending; None is the beginning of time. A table has seven steps of
(price below, tick)."""

_DISTINCT = tuple(dict.fromkeys(table for _, of_markets in TICKS for table in of_markets))
TABLES = np.array(_DISTINCT, np.float64)
"""float64 [tables, 7 steps, (price below, tick)]: each table of TICKS once, in the order of its first use."""

_SINCE = np.array([-(2**31) if since is None else to_day(since) for since, _ in TICKS])
_NUMBERS = np.array([[_DISTINCT.index(table) for table in of_markets] for _, of_markets in TICKS], np.uint8)

TOUCH = 1e-9
"""Prices are compared and rounded within this relative distance."""


def table_numbers(days: np.ndarray) -> np.ndarray:
    """Return the number (in TABLES) of the table that each market code follows on day numbers: uint8 [..., markets]."""
    found: np.ndarray = _NUMBERS[np.searchsorted(_SINCE, days, side="right") - 1]
    return found


def tick(price: float, market: str, day: dt.date) -> float:
    """Tick in won at a raw price; prices within 1e-9 below a step belong to the step above."""
    reached, table = price * (1 + TOUCH), _table_on(rule_book(market), day)
    return next((size for below, size in table if reached < below), table[-1][1])


@lru_cache(maxsize=1024)
def _table_on(kind: int, day: dt.date) -> tuple[tuple[float, float], ...]:
    """Return the table of a market code on a day, in Python's numbers."""
    return tuple((float(below), float(size)) for below, size in TABLES[table_numbers(np.array(to_day(day)))[kind]])


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
    since = np.searchsorted(_SINCE, days, side="right") - 1
    number = np.broadcast_to(_NUMBERS[since, np.minimum(kinds, len(RULE_BOOKS) - 1)], price.shape)
    found: np.ndarray = np.choose(number, sizes)
    return found


def nearest_tick(price: np.ndarray, kinds: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return prices rounded to the nearest tick (halves up); shapes as in `ticks_of`, NaN stays NaN.

    Prices of markets without a rule book (codes from `len(RULE_BOOKS)` on) have no ticks and stay as they are.
    """
    size = ticks_of(price, kinds, days)
    rounded: np.ndarray = np.where(kinds < len(RULE_BOOKS), np.floor(price / size + 0.5 + TOUCH) * size, price)
    return rounded
