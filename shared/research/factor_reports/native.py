"""Call the kernels of factor_reports.c with checked shapes, element types and strides."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from shared.native import library, place
from shared.simulation.panel_scans import order_rows
from shared.simulation.structures import NO_COLUMN

Array = np.ndarray[Any, np.dtype[Any]]

MAX_QUANTILES = 50
MAX_REGRESSORS = 8

_PLACE, _SIZE = ctypes.c_void_p, ctypes.c_int64


@cache
def _kernels() -> ctypes.CDLL:
    found = library("factor_reports")
    for name, result, arguments in (
        ("average_ranks", None, (_PLACE, _PLACE, *[_SIZE] * 3, *[_PLACE] * 3)),
        ("information_coefficients", ctypes.c_int,
         (_PLACE, _PLACE, _PLACE, _SIZE, _PLACE, *[_SIZE] * 4, *[_PLACE] * 3)),
        ("quantile_returns", None, (_PLACE, _PLACE, _SIZE, _PLACE, *[_SIZE] * 3, _PLACE, _PLACE)),
        ("changes_of_ranks", None, (_PLACE, _PLACE, *[_SIZE] * 4, _PLACE, _PLACE)),
        ("less_group_means", ctypes.c_int, (_PLACE, _PLACE, _SIZE, _PLACE, *[_SIZE] * 3, _PLACE)),
        ("regress_rows", ctypes.c_int,
         (_PLACE, _PLACE, _SIZE, _PLACE, _SIZE, _SIZE, _PLACE, _SIZE, _SIZE, _PLACE, _PLACE)),
    ):  # fmt: skip
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A factor on some rows: `values` float32 [rows, N], NaN outside of the universe; `orders` uint16 [rows, N]."""

    values: Array
    orders: Array

    @classmethod
    def by(cls, values: Array, by_code: Array) -> Ordered:
        """Order float32 [rows, N] values; `by_code` are the columns in the order of stock codes."""
        values = np.ascontiguousarray(values, np.float32)
        return cls(values=values, orders=order_rows(values, _codes(by_code), descending=False))


@dataclass(frozen=True, kw_only=True)
class Ranked(Ordered):
    """`ranks` (float32, 1 = smallest, equals by average) and `buckets` (uint8, quantile from 1, 0 without a value) are
    those among all stocks with a value; `counts` int64 [rows] is their number.
    """

    ranks: Array
    buckets: Array
    counts: Array
    quantiles: int

    @classmethod
    def of(cls, values: Array, by_code: Array, quantiles: int) -> Ranked:
        """Rank float32 [rows, N] values; `by_code` are the columns in the order of stock codes."""
        if not 1 <= quantiles <= MAX_QUANTILES:
            raise ValueError(f"{quantiles} quantiles; 1 to {MAX_QUANTILES} can be made")
        ordered = Ordered.by(values, by_code)
        values, orders = ordered.values, ordered.orders
        rows, columns = values.shape
        ranks, buckets = np.empty((rows, columns), np.float32), np.empty((rows, columns), np.uint8)
        counts = np.empty(rows, np.int64)
        _kernels().average_ranks(
            place(values), place(orders), rows, columns, quantiles, place(ranks), place(buckets), place(counts)
        )
        return cls(values=values, orders=orders, ranks=ranks, buckets=buckets, counts=counts, quantiles=quantiles)


def information_coefficients(
    factor: Ordered, returns: Array, return_orders: Array, least: int
) -> tuple[Array, Array, Array]:
    """Return (IC, rank IC, stocks), each [rows]: over the stocks with a value and a return, NaN below `least` of them.

    `returns` is float32 [rows, N], `return_orders` their order by row.
    """
    rows, columns = factor.values.shape
    returns, return_orders = _rows(returns, np.float32, factor), _rows(return_orders, np.uint16, factor)
    ic, rank_ic, counts = np.empty(rows), np.empty(rows), np.empty(rows, np.int64)
    _done(_kernels().information_coefficients(
        place(factor.values), place(factor.orders), place(returns), returns.strides[0], place(return_orders),
        return_orders.strides[0], rows, columns, least, place(ic), place(rank_ic), place(counts),
    ))  # fmt: skip
    return ic, rank_ic, counts


def quantile_returns(factor: Ranked, returns: Array, by_code: Array) -> tuple[Array, Array]:
    """Return (sums, counts), float64 and int64 [rows, quantiles], of the returns of the stocks of each quantile."""
    rows, columns = factor.values.shape
    returns, quantiles = _rows(returns, np.float32, factor), factor.quantiles
    sums, counts = np.empty((rows, quantiles)), np.empty((rows, quantiles), np.int64)
    _kernels().quantile_returns(
        place(factor.buckets), place(returns), returns.strides[0], place(_codes(by_code)), rows, columns, quantiles,
        place(sums), place(counts),
    )  # fmt: skip
    return sums, counts


def changes_of_ranks(ranks: Array, buckets: Array, quantiles: int, lag: int) -> tuple[Array, Array]:
    """Return (entered [rows, quantiles], correlations [rows]), float64; NaN on the first `lag` rows.

    entered: the share of the stocks of a quantile that were not in it `lag` rows before. correlations: of the ranks
    (float32 [rows, N]) of a row and those of `lag` rows before.
    """
    rows, columns = ranks.shape
    ranks, buckets = np.ascontiguousarray(ranks, np.float32), np.ascontiguousarray(buckets, np.uint8)
    entered, correlations = np.empty((rows, quantiles)), np.empty(rows)
    _kernels().changes_of_ranks(
        place(ranks), place(buckets), rows, columns, quantiles, lag, place(entered), place(correlations)
    )
    return entered, correlations


def less_group_means(values: Array, groups: Array, by_code: Array, group_count: int) -> Array:
    """Return float32 [rows, N] values less the mean of their group (int16 [rows, N], -1: none) on each row."""
    values = np.ascontiguousarray(values, np.float32)
    rows, columns = values.shape
    groups, out = _groups(groups), np.empty((rows, columns), np.float32)
    _done(_kernels().less_group_means(
        place(values), place(groups), groups.strides[0], place(_codes(by_code)), rows, columns, group_count, place(out)
    ))  # fmt: skip
    return out


def regress_rows(
    returns: Array, regressors: Sequence[Array], by_code: Array, groups: Array | None = None, group_count: int = 0
) -> tuple[Array, Array]:
    """Return (slopes [rows, K], stocks [rows]) of the least squares of float32 [rows, N] returns on K regressors.

    There is an intercept, or one for each group. NaN where stocks are too few or regressors collinear.
    """
    returns = np.ascontiguousarray(returns, np.float32)
    rows, columns = returns.shape
    planes = [np.ascontiguousarray(plane, np.float32) for plane in regressors]
    if not 1 <= len(planes) <= MAX_REGRESSORS or any(plane.shape != returns.shape for plane in planes):
        raise ValueError(f"1 to {MAX_REGRESSORS} regressors of the shape of the returns are needed")
    addresses = (_PLACE * len(planes))(*map(place, planes))
    groups = None if groups is None else _groups(groups)
    slopes, counts = np.empty((rows, len(planes))), np.empty(rows, np.int64)
    _done(_kernels().regress_rows(
        place(returns), addresses, len(planes), None if groups is None else place(groups),
        0 if groups is None else groups.strides[0], group_count, place(_codes(by_code)), rows, columns, place(slopes),
        place(counts),
    ))  # fmt: skip
    return slopes, counts


def _done(code: int) -> None:
    if code:
        raise MemoryError("no memory for a row of a factor report")


def _codes(by_code: Array) -> Array:
    if len(by_code) >= NO_COLUMN:
        raise ValueError(f"{len(by_code)} stocks; fewer than {NO_COLUMN} can be ranked")
    return np.ascontiguousarray(by_code, np.int32)


def _groups(groups: Array) -> Array:
    groups = groups.astype(np.int16, copy=False)
    return groups if groups.strides[1] == groups.itemsize else np.ascontiguousarray(groups)


def _rows(values: Array, dtype: Any, factor: Ordered) -> Array:
    """Return the values with contiguous rows; ValueError for another shape than that of the factor."""
    if values.shape != factor.values.shape or values.dtype != dtype:
        raise ValueError(f"{values.dtype} {values.shape} beside a factor of the shape {factor.values.shape}")
    return values if values.strides[1] == values.itemsize else np.ascontiguousarray(values)
