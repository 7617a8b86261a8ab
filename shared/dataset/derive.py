"""Stored rows from loaded ones: splits, carried closes, adjustment, market cap, and the views that expressions read.

1. Splits come from the first of `split`, `change`, `change_rate` that a row has (`shared.dataset.splits`).
2. One pass down the rows carries last close, product of splits, idle rows, shares and market cap, column by column.
   What a row without trading repeats of prices and volumes is left out: however a halt is written, it is stored as one.
3. A view is computed from stored fields of the same rows only, so it can be computed for any year on its own.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

import numpy as np

from shared.dataset.native import Array, native_library, row_stride
from shared.dataset.splits import NearestTick, base_prices, stated_splits
from shared.model.fields import LOADED, VIEWS
from shared.native import place

VIEW_READS: dict[str, str] = {
    "adj_open": "open", "adj_high": "high", "adj_low": "low", "adj_close": "last", "adj_volume": "volume",
    "view_trading_value": "trading_value", "view_listed_shares": "shares",
    "view_open": "open", "view_high": "high", "view_low": "low", "view_close": "last", "view_volume": "volume",
}  # fmt: skip
"""View -> the stored field that it shows; VIEW_BASE is read besides."""

VIEW_BASE = ("last", "adjust", "idle")

VIEW_VERSION = 2
"""Part of the name of every mapped view; raised when a rule of `view_rows` changes."""

_OUTPUTS = (*LOADED, "split", "last", "adjust", "cap", "shares")


def view_inputs(view: str) -> tuple[str, ...]:
    """Return the stored fields that a view is computed from."""
    return tuple(dict.fromkeys((VIEW_READS[view], *VIEW_BASE)))


def derive_rows(
    days: Array,
    delisted_day: Array,
    prices: Mapping[str, Array],
    nearest_tick: NearestTick,
    *,
    first_loaded_row: int = 0,
) -> dict[str, Array]:
    """Return LOADED and DERIVED, [D, N] each, from the whole loaded history of N instruments.

    days: int32 [D]; delisted_day: int32 [N] (`NO_DAY` where there is none); prices: every name of PRICE_COLUMNS ->
    float64 [D, N]. Rows before `first_loaded_row` hold what an earlier version stored (LOADED and `split`) in the place
    of what was loaded; the result is the same to the bit.
    """
    shape = prices["close"].shape
    loaded = [_matrix(prices[name], shape) for name in LOADED]
    splits = _matrix(stated_splits(prices, first_loaded_row), shape)
    bases = _matrix(base_prices(days, prices, nearest_tick), shape)
    out: dict[str, Array] = {name: np.empty(shape) for name in _OUTPUTS}
    out["idle"] = np.empty(shape, np.uint16)
    carried = np.empty((2, shape[1]))
    dates, delisted = _days(days, shape[0]), _days(delisted_day, shape[1])
    native_library().dataset_derive(
        *shape,
        place(dates),
        place(delisted),
        _addresses([*loaded, splits, bases]),
        _addresses([out[name] for name in _OUTPUTS]),
        place(out["idle"]),
        place(carried[0]),
        place(carried[1]),
    )
    return out


def view_rows(view: str, days: Array, delisted_day: Array, stored: Mapping[str, Array], out: Array) -> None:
    """Fill `out` [rows, N] float64 with a view of rows; `stored` holds those rows of `view_inputs(view)`.

    The float64 inputs must share one row stride (they do, in a tier and in memory); ValueError otherwise.
    """
    n = out.shape[1]
    loaded, last, adjust = (stored[name] for name in (VIEW_READS[view], "last", "adjust"))
    strides = {row_stride(m) for m in (loaded, last, adjust)}
    if len(strides) > 1 or any(m.shape != out.shape for m in (loaded, last, adjust, stored["idle"])):
        raise ValueError("the inputs of a view differ in shape or stride")
    dates, delisted = _days(days, out.shape[0]), _days(delisted_day, n)
    native_library().dataset_view(
        VIEWS.index(view), out.shape[0], n, place(dates), place(delisted), place(loaded), place(last), place(adjust),
        strides.pop(), place(stored["idle"]), row_stride(stored["idle"]), place(out), row_stride(out),
    )  # fmt: skip


def _addresses(matrices: list[Array]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(matrices))(*map(place, matrices))


def _matrix(values: Array, shape: tuple[int, ...]) -> Array:
    if values.shape != shape:
        raise ValueError(f"a matrix of {shape} is needed, not {values.shape}")
    return np.ascontiguousarray(values, np.float64)


def _days(days: Array, count: int) -> Array:
    if days.shape != (count,):
        raise ValueError(f"{count} day numbers are needed, not {days.shape}")
    return np.ascontiguousarray(days, np.int32)
