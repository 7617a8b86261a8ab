"""What follows from loaded prices: splits, carried closes, adjustment, market cap, and the views that expressions read.

1. Splits come from the first of `split`, `change`, `change_rate` that a row has (`simulation.md`, Inputs).
2. One pass down the rows carries last close, product of splits, idle rows, shares and market cap, column by column.
3. A view is computed from stored fields of the same rows only, so it can be made for any year on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shared.dataset.native import Array, kernels, row_stride
from shared.model.fields import VIEWS
from shared.native import place

NearestTick = Callable[[Array, Array, Array], Array]
"""(prices float64 [K], columns int64 [K], day numbers int32 [K]) -> the nearest prices on the tick grid."""

VIEW_READS: dict[str, str] = {
    "adj_open": "open", "adj_high": "high", "adj_low": "low", "adj_close": "last", "adj_volume": "volume",
    "view_trading_value": "trading_value", "view_listed_shares": "shares",
    "view_open": "open", "view_high": "high", "view_low": "low", "view_close": "last", "view_volume": "volume",
}  # fmt: skip
"""View -> the stored field that it shows; `volume`, `last`, `adjust` and `idle` are read besides."""

VIEW_BASE = ("volume", "last", "adjust", "idle")

VIEW_VERSION = 1
"""Part of the name of every mapped view; raised when a rule of `view_rows` changes."""


def view_inputs(view: str) -> tuple[str, ...]:
    """The stored fields that a view is computed from."""
    return tuple(dict.fromkeys((VIEW_READS[view], *VIEW_BASE)))


def base_prices(days: Array, prices: Mapping[str, Array], nearest_tick: NearestTick) -> Array:
    """float64 [D, N]: the base price that a row states by `change` or `change_rate`, NaN where it states none.

    Only rows with a close state one. `change` wins over `change_rate`; a base <= 0 is no base.
    """
    close, change, rate = prices["close"], prices["change"], prices["change_rate"]
    closed = close > 0
    base = np.where(closed & ~np.isnan(change), close - change, np.nan)
    rows, columns = np.nonzero(closed & np.isnan(change) & (rate > -100))
    if len(rows):
        unrounded = close[rows, columns] / (1 + rate[rows, columns] / 100)
        base[rows, columns] = nearest_tick(unrounded, columns, days[rows])
    return base


def derive_rows(
    days: Array, delisted_day: Array, prices: Mapping[str, Array], nearest_tick: NearestTick
) -> dict[str, Array]:
    """The fields of DERIVED, [D, N] each, from the whole loaded history of N instruments.

    days: int32 [D]; delisted_day: int32 [N] (`NO_DAY` where there is none); prices: every name of PRICE_COLUMNS ->
    float64 [D, N]. A stored `split` may stand for the loaded one: the result is the same to the bit.
    """
    tradable = (prices["volume"] > 0) & (prices["open"] > 0)
    # A row without trading says nothing about closes and volumes, whatever the source repeats on it.
    masked = {"close": np.where(tradable, prices["close"], np.nan), "volume": np.where(tradable, prices["volume"], 0)}
    prices = {**prices, **masked}
    shape = prices["close"].shape
    names = ("close", "volume", "market_cap", "listed_shares", "split")
    inputs = [_matrix(prices[name], shape) for name in names]
    inputs.append(_matrix(base_prices(days, prices, nearest_tick), shape))
    out: dict[str, Array] = {name: np.empty(shape) for name in ("split", "last", "adjust", "cap", "shares")}
    out["idle"] = np.empty(shape, np.uint16)
    scratch = [np.empty(shape[1]), np.empty(shape[1]), np.empty(shape[1], np.uint16), np.empty(shape[1], np.uint16)]
    order = ("split", "last", "adjust", "idle", "cap", "shares")
    dates, gone = _days(days, shape[0]), _days(delisted_day, shape[1])
    kernels().dataset_derive(
        *shape,
        place(dates),
        place(gone),
        *map(place, inputs),
        *(place(out[n]) for n in order),
        *map(place, scratch),
    )
    return out


def view_rows(view: str, days: Array, delisted_day: Array, stored: Mapping[str, Array], out: Array) -> None:
    """Fill `out` [rows, N] float64 with a view of rows; `stored` holds those rows of `view_inputs(view)`.

    The float64 inputs must share one row stride (they do, in a tier and in memory).
    """
    n = out.shape[1]
    loaded, volume, last, adjust = (stored[name] for name in (VIEW_READS[view], "volume", "last", "adjust"))
    strides = {row_stride(m) for m in (loaded, volume, last, adjust)}
    if len(strides) > 1 or any(m.shape != out.shape for m in (loaded, volume, last, adjust, stored["idle"])):
        raise ValueError("the inputs of a view differ in shape or stride")
    dates, gone = _days(days, out.shape[0]), _days(delisted_day, n)
    kernels().dataset_view(
        VIEWS.index(view), out.shape[0], n, place(dates), place(gone), place(loaded), place(volume),
        place(last), place(adjust), strides.pop(), place(stored["idle"]), row_stride(stored["idle"]),
        place(out), row_stride(out),
    )  # fmt: skip


def _matrix(values: Array, shape: tuple[int, ...]) -> Array:
    if values.shape != shape:
        raise ValueError(f"a matrix of {shape} is needed, not {values.shape}")
    return np.ascontiguousarray(values, np.float64)


def _days(days: Array, count: int) -> Array:
    if days.shape != (count,):
        raise ValueError(f"{count} day numbers are needed, not {days.shape}")
    return np.ascontiguousarray(days, np.int32)
