"""What a loaded row says about its split: a stated ratio, or the base price of its day."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shared.dataset.native import Array

NearestTick = Callable[[Array, Array, Array], Array]
"""(prices float64 [K], columns int64 [K], day numbers int32 [K]) -> the nearest prices on the tick grid."""

RATIO_TOLERANCE = 1e-5
"""A stated split this close to a ratio of small whole numbers, relative to the ratio, is that ratio."""

RATIOS = np.unique([p / q for p in range(1, 101) for q in range(1, 101) if min(p, q) <= 10])
"""p/q of whole numbers up to 100, one of them up to 10, ascending: what splits and consolidations really are."""


def nearest_ratios(splits: Array) -> Array:
    """Return stated splits (float64 [K], above 0), each as the nearest of RATIOS where that is close enough.

    A vendor writes one-for-seven as 0.142857, which would turn 700 shares into 99 and a fraction.
    """
    above = np.minimum(np.searchsorted(RATIOS, splits), len(RATIOS) - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(np.abs(splits - RATIOS[below]) <= np.abs(splits - RATIOS[above]), RATIOS[below], RATIOS[above])
    found: Array = np.where(np.abs(splits - nearest) <= RATIO_TOLERANCE * nearest, nearest, splits)
    return found


def stated_splits(prices: Mapping[str, Array], first_loaded_row: int) -> Array:
    """Return float64 [D, N]: the stated split of each row, NaN where there is none.

    Rows before `first_loaded_row` hold splits that an earlier version stored, which are taken as they are.
    """
    splits = np.array(prices["split"], np.float64, order="C")
    loaded = splits[first_loaded_row:]
    rows, columns = np.nonzero((loaded > 0) & (loaded != 1))
    loaded[rows, columns] = nearest_ratios(loaded[rows, columns])
    return splits


def base_prices(days: Array, prices: Mapping[str, Array], nearest_tick: NearestTick) -> Array:
    """Return float64 [D, N]: the base price that a tradable row states, NaN where it states none.

    `change` gives `close - change`, which wins over `change_rate`: `close / (1 + change_rate / 100)`, rounded to the
    nearest tick. A base of 0 or less is no base.
    """
    close, change, rate = prices["close"], prices["change"], prices["change_rate"]
    traded = (prices["volume"] > 0) & (prices["open"] > 0) & (close > 0)
    base = np.where(traded, close - change, np.nan)
    rows, columns = np.nonzero(traded & np.isnan(change) & (rate > -100))
    if len(rows):
        unrounded = close[rows, columns] / (1 + rate[rows, columns] / 100)
        base[rows, columns] = nearest_tick(unrounded, columns, days[rows])
    return base
