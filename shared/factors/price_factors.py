"""Every factor made of rows of prices and indices, by the kernel: instruments side by side, each window directly."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from shared.factors.declaration import Array
from shared.factors.native import PRICE_FACTORS, PRICE_MATRICES, Prices, kernels, matrix
from shared.model.fields import INDEX_CARRY_ROWS
from shared.native import place

INDEX_FACTORS = ("RELATIVE_STRENGTH", "BETA")
"""The factors that read the index of the stock's market."""


def carried_index(series: Array) -> Array:
    """Return float64 [D]: an index series, its last value carried over at most 10 rows; NaN beyond and before it."""
    rows = np.arange(len(series))
    last = np.maximum.accumulate(np.where(series > 0, rows, -1))
    fresh = (last >= 0) & (rows - last <= INDEX_CARRY_ROWS)
    return np.where(fresh, series[np.maximum(last, 0)], np.nan)


def price_factors(
    keys: Sequence[str],
    matrices: Mapping[str, Array],
    *,
    index_close: Mapping[str, Array],
    market: Array,
    markets: Sequence[str],
    listed: Array,
    rows: slice,
) -> dict[str, Array]:
    """Return float32 [rows, N] for each of `keys`, which are names of PRICE_FACTORS.

    matrices: PRICE_MATRICES -> [D, N] (float64, `idle` uint16) from the first loaded row on; index_close: name ->
    float64 [D]; market: unsigned [rows, N], positions in `markets`, whose names are those of indices; listed: bool
    [rows, N], where a stock has factors at all. The index of a row's market counts over the whole window of the row.
    """
    days, instruments = matrices["last"].shape
    if listed.shape != (rows.stop - rows.start, instruments) or market.shape != listed.shape:
        raise ValueError("the mask or the markets have another size than the prices")
    for name, values in index_close.items():
        if values.shape != (days,):
            raise ValueError(f"the index {name} has another number of rows than the prices")
    level = np.full((len(markets) + 1, days), np.nan)
    for code, name in enumerate(markets):
        if name in index_close:
            level[code] = carried_index(index_close[name])
    out = {key: np.empty(listed.shape, np.float32) for key in keys}
    if not listed.size:
        return out
    _run(out, matrices, level=level, market=market[-1], listed=listed, rows=rows)
    of_index = [key for key in keys if key in INDEX_FACTORS]
    for column, span in _other_markets(market) if of_index else ():
        one = slice(column, column + 1)
        part = {key: np.empty((span.stop - span.start, 1), np.float32) for key in of_index}
        cut = {name: matrices[name][:, one] for name in PRICE_MATRICES}
        absolute = slice(rows.start + span.start, rows.start + span.stop)
        _run(part, cut, level=level, market=market[span.start, one], listed=listed[span, one], rows=absolute)
        for key, values in part.items():
            out[key][span, one] = values
    return out


def _other_markets(market: Array) -> Iterator[tuple[int, slice]]:
    """Yield (column, rows) of each stretch on which an instrument has another market than on the last row."""
    if market.strides[0] == 0:
        return
    other = market != market[-1]
    for column in np.nonzero(other.any(axis=0))[0].tolist():
        bounds = np.flatnonzero(np.diff(market[:, column])) + 1
        starts = [0, *bounds.tolist()]
        for start, stop in zip(starts, [*starts[1:], len(market)], strict=True):
            if other[start, column]:
                yield column, slice(start, stop)


def _run(
    out: Mapping[str, Array],
    matrices: Mapping[str, Array],
    *,
    level: Array,
    market: Array,
    listed: Array,
    rows: slice,
) -> None:
    """Fill `out` by the kernel; market: [N], the index of each instrument, a row of `level`."""
    days, instruments = matrices["last"].shape
    call = Prices(days=days, instruments=instruments, first=rows.start, stop=rows.stop, indices=len(level) - 1)
    kept = [matrix(matrices[name], "<u2" if name == "idle" else "<f8", (days, instruments)) for name in PRICE_MATRICES]
    for at, (values, stride) in enumerate(kept):
        call.matrices[at] = place(values)
        call.stride[at] = stride
    change = np.full_like(level, np.nan)
    change[:, 1:] = level[:, 1:] / level[:, :-1] - 1
    for at, key in enumerate(PRICE_FACTORS):
        call.out[at] = place(out[key]) if key in out else None
    own, mask = np.ascontiguousarray(market, np.int32), np.ascontiguousarray(listed, np.uint8)
    call.index_level, call.index_return, call.market = place(level), place(change), place(own)
    if kernels().factors_prices(ctypes.byref(call), place(mask)):
        raise MemoryError("no memory for the rows of a block of instruments")
