"""Every factor made of rows of prices and indices, by the kernel; instruments side by side, windows directly."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence

import numpy as np

from shared.factors.native import PRICE_FACTORS, PRICE_MATRICES, Array, Prices, kernels, matrix
from shared.native import place

INDEX_CARRY_ROWS = 10
"""An index series stands for at most this many rows without a value of its own."""


def carried_index(series: Array) -> Array:
    """float64 [D]: an index series, its last value carried over at most 10 rows; NaN beyond and before the first."""
    rows = np.arange(len(series))
    last = np.maximum.accumulate(np.where(series > 0, rows, -1))
    fresh = (last >= 0) & (rows - last <= INDEX_CARRY_ROWS)
    return np.where(fresh, series[np.maximum(last, 0)], np.nan)


def price_factors(
    keys: Sequence[str],
    matrices: Mapping[str, Array],
    *,
    index_close: Mapping[str, Array],
    market: Sequence[str],
    alive: Array,
    rows: slice,
) -> dict[str, Array]:
    """float32 [rows, N] for each of `keys`, which are names of PRICE_FACTORS.

    matrices: PRICE_MATRICES -> [D, N] (float64, `idle` uint16) from the first loaded row on; index_close: name ->
    float64 [D]; market: the index of each instrument; alive: bool [rows, N], where a stock has factors at all.
    """
    days, instruments = matrices["last"].shape
    call = Prices(days=days, instruments=instruments, first=rows.start, stop=rows.stop, indices=len(index_close))
    kept = [matrix(matrices[name], "<u2" if name == "idle" else "<f8", (days, instruments)) for name in PRICE_MATRICES]
    for at, (values, stride) in enumerate(kept):
        call.matrices[at] = place(values)
        call.stride[at] = stride
    names = sorted(index_close)
    level = np.full((len(names) + 1, days), np.nan)
    for at, name in enumerate(names):
        if index_close[name].shape != (days,):
            raise ValueError(f"the index {name} has another number of rows than the prices")
        level[at] = carried_index(index_close[name])
    change = np.full_like(level, np.nan)
    change[:, 1:] = level[:, 1:] / level[:, :-1] - 1
    series = {name: at for at, name in enumerate(names)}
    own = np.array([series.get(name, len(names)) for name in market], np.int32)
    out = {key: np.empty((rows.stop - rows.start, instruments), np.float32) for key in keys}
    for at, key in enumerate(PRICE_FACTORS):
        call.out[at] = place(out[key]) if key in out else None
    call.index_level, call.index_return, call.market = place(level), place(change), place(own)
    mask = np.ascontiguousarray(alive, np.uint8)
    if mask.shape != (rows.stop - rows.start, instruments) or len(own) != instruments:
        raise ValueError("the mask or the markets have another size than the prices")
    if kernels().factors_prices(ctypes.byref(call), place(mask)):
        raise MemoryError("no memory for the rows of a block of instruments")
    return out
