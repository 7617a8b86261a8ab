"""The 57 factors: a plain loop over one stock in float64, rounded to float32 as the last step."""

from __future__ import annotations

import ctypes
import math
from typing import Any

from tests.reference.market import Market, Series, Stock, read
from tests.reference.price_factors import PRICE, Value
from tests.reference.statement_factors import FUNDAMENTAL, Known

KEYS = tuple(PRICE) + tuple(FUNDAMENTAL)


def single(value: Value) -> Value:
    """Return the float32 nearest to a value; None when it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    value = ctypes.c_float(value).value
    return value if math.isfinite(value) else None


def factor(market: Market, key: str) -> list[Series]:
    """Return the values of a factor, one list of rows per stock; None on rows without a (carried) close."""
    cached: list[Series] | None = market.cache.get(key)
    if cached is None:
        cached = []
        for stock in market.stocks:
            values = PRICE[key](market, stock) if key in PRICE else _fundamental(market, stock, key)
            cached.append([single(v) if stock.close[row] is not None else None for row, v in enumerate(values)])
        market.cache[key] = cached
    return cached


def table(market: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Return every factor that has a value: date -> stock code -> key -> value."""
    loaded = read(market)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row, day in enumerate(loaded.days):
        found[day.isoformat()] = {
            stock.code: {key: value for key in KEYS if (value := factor(loaded, key)[at][row]) is not None}
            for at, stock in enumerate(loaded.stocks)
        }
    return found


def _fundamental(market: Market, stock: Stock, key: str) -> Series:
    known: list[Known] | None = market.cache.get("known " + stock.code)
    if known is None:
        known = market.cache["known " + stock.code] = [Known(market, stock, r) for r in range(len(market.days))]
    return [FUNDAMENTAL[key](k) if stock.close[row] is not None else None for row, k in enumerate(known)]
