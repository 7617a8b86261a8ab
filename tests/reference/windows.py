"""The functions of the language over a row of stocks and over the rows of a stock."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from statistics import median
from typing import Any

from tests.reference.market import Series
from tests.reference.price_factors import quiet


def single(value: float) -> float:
    """Return the float32 nearest to a value."""
    return ctypes.c_float(value).value


def finite(value: float) -> float | None:
    """Return the value, None when it is infinite or undefined."""
    return value if math.isfinite(value) else None


def mean(values: list[float]) -> float:
    """Return the mean; exact for equal values."""
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def deviation(values: list[float]) -> float | None:
    """Return the sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1))


def rank_in(value: float, values: list[float]) -> float:
    """Return the rank of a value among values that contain it: 1 = smallest, ties by average, in float32."""
    mine = single(value)
    less = sum(single(v) < mine for v in values)
    same = sum(single(v) == mine for v in values)
    return less + (same + 1) / 2


def quantile(values: list[float], p: float) -> float:
    """Return the linear quantile, p from 0 to 1."""
    ordered = sorted(values)
    at = p * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def across(
    name: str, cells: list[float | None], inside: list[bool], sectors: list[str | None], p: float
) -> list[float | None]:
    """Return a cross-section function of one row over the stocks inside the universe."""
    found: list[float | None] = []
    for at, value in enumerate(cells):
        if value is None or not inside[at] or (name.startswith("sector") and sectors[at] is None):
            found.append(None)
            continue
        group = [
            v
            for i, v in enumerate(cells)
            if v is not None and inside[i] and (not name.startswith("sector") or sectors[i] == sectors[at])
        ]
        found.append(_in_group(name, value, group, p))
    return found


def _in_group(name: str, value: float, group: list[float], p: float) -> float | None:
    n = len(group)
    if name in {"rank", "sector_rank"}:
        return rank_in(value, group)
    if name == "rank_desc":
        return n + 1 - rank_in(value, group)
    if name == "pct_rank":
        return None if n == 1 else (rank_in(value, group) - 1) / (n - 1)
    if name == "zscore":
        spread = deviation(group)
        return None if not spread else (value - mean(group)) / spread
    if name == "winsorize":
        return min(max(value, quantile(group, p / 100)), quantile(group, 1 - p / 100))
    return value - mean(group)


def aggregate(name: str, cells: list[Any]) -> float | None:
    """Return one number of a row: the values of the stocks of the universe, absent ones left out (None or False)."""
    if name == "row_count":
        return float(sum(bool(cell) for cell in cells))
    values = [cell for cell in cells if cell is not None]
    if name == "row_sum":
        return finite(math.fsum(values))
    if not values:
        return None
    return finite(mean(values) if name == "row_mean" else median(values))


def filled(name: str, series: list[Series], row: int, n: int) -> bool:
    """Return whether a function of the last n rows has every value that it needs on a row."""
    if name == "lag":
        offsets: Iterable[int] = (n,)
    elif name in {"delta", "pct_change"}:
        offsets = (0, n)
    else:
        offsets = range(n)
    return all(row >= offset and s[row - offset] is not None for s in series for offset in offsets)


def over_time(name: str, series: list[Series], n: int, *, price: bool = False) -> Series:
    """Return a function of the last n rows on every row; `price` says that x is a price field."""
    x = series[0]
    found: Series = []
    for row, now in enumerate(x):
        if name in {"lag", "delta", "pct_change"}:
            then = x[row - n] if row >= n else None
            if name == "lag" or now is None or then is None:
                found.append(then if name == "lag" else None)
            elif name == "delta":
                found.append(finite(quiet(now - then, then) if price else now - then))
            else:
                change = None if then == 0 else now / then - 1
                found.append(None if change is None else finite((quiet(change, 1.0) if price else change) * 100))
            continue
        windows = [s[row - n + 1 : row + 1] if row >= n - 1 else [None] for s in series]
        if any(v is None for window in windows for v in window):
            found.append(None)
        else:
            found.append(_window(name, windows))
    return found


def _window(name: str, windows: list[Any]) -> float | None:
    x: list[float] = windows[0]
    if name == "ts_mean":
        return mean(x)
    if name == "ts_sum":
        return math.fsum(x)
    if name == "ts_std":
        return deviation(x)
    if name == "ts_min":
        return min(x)
    if name == "ts_max":
        return max(x)
    if name == "ts_rank":
        return (rank_in(x[-1], x) - 1) / (len(x) - 1)
    if name == "ts_corr":
        y: list[float] = windows[1]
        spread_x, spread_y = deviation(x), deviation(y)
        if not spread_x or not spread_y:
            return None
        mean_x, mean_y = mean(x), mean(y)
        together = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / (len(x) - 1)
        return together / (spread_x * spread_y)
    raise ValueError(name)


def ema(x: Series, n: int) -> Series:
    """Return the recursive mean of the rows with a value, seeded with the first."""
    found: Series = []
    value: float | None = None
    for now in x:
        if now is None:
            found.append(None)
            continue
        value = now if value is None else value + 2 / (n + 1) * (now - value)
        found.append(value)
    return found
