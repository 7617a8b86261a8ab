"""ctypes layer of the panel scans (shared/native/panel_scans.c): orders, counts and rolling values of rows."""

from __future__ import annotations

from ctypes import CDLL, POINTER, c_int32, c_int64, c_void_p
from functools import cache

import numpy as np

from shared.native import library, place
from shared.simulation.structures import NO_COLUMN, Market, MatrixView, address, matrix_view


@cache
def panel_scans() -> CDLL:
    """Return the library with the types of its functions."""
    found = library("panel_scans")
    view = POINTER(MatrixView)
    for name, arguments in (
        ("count_present", [view, view, c_void_p, c_int64, c_int64, c_int64, c_int64, c_void_p]),
        ("rows_with_value", [view, view, c_int64, c_int64, c_int64, c_void_p]),
        ("mark_passed", [view, view, c_void_p, c_int64, c_int64, c_int64, c_void_p]),
        ("order_rows", [c_void_p, c_int64, c_int64, c_void_p, c_int64, c_int32, c_void_p, c_void_p]),
        ("order_cells", [c_void_p, c_int64, c_int64, c_void_p, *[c_int64] * 3, c_void_p]),
        ("filter_ranked", [c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p]),
        ("list_purchases", [c_void_p, c_int64, view, c_void_p, c_void_p, c_void_p]),
        ("universe_returns", [POINTER(Market), view, c_int64, c_int64, c_int64, c_void_p]),
        ("mean_volumes", [*[view] * 4, *[c_int64] * 5, c_void_p, c_void_p]),
        ("volatilities", [view, *[c_int64] * 4, c_void_p, c_void_p]),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = None, arguments
    return found


def order_rows(values: np.ndarray, by_code: np.ndarray, *, descending: bool) -> np.ndarray:
    """Return uint16 [rows, N]: the columns of float32 rows in ranking order (equals by stock code), then NO_COLUMN for
    absent values. `by_code` are the columns in stock code order, fewer than NO_COLUMN."""
    rows, columns = values.shape
    source = matrix_view(values, 0, np.float32, columns)
    if len(by_code) != columns or columns >= NO_COLUMN:
        raise ValueError(f"{columns} columns cannot be ordered")
    out, work = np.empty((rows, columns), np.uint16), np.empty(2 * columns, np.uint64)
    panel_scans().order_rows(
        source.data, source.stride, rows, address(by_code, np.int32), columns, int(descending), place(work),
        place(out),
    )  # fmt: skip
    return out


def filter_ranked(orders: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Return uint16 [rows, N]: the columns of each row of `orders` that have passed (bool [rows, N]), in their order,
    then NO_COLUMN."""
    rows, columns = passed.shape
    source, out = matrix_view(orders, 0, np.uint16, columns), np.empty((rows, columns), np.uint16)
    if len(orders) != rows:
        raise ValueError(f"{len(orders)} rows are ordered, {rows} have passed")
    panel_scans().filter_ranked(source.data, source.stride, address(passed, np.bool_), rows, columns, place(out))
    return out


def order_cells(values: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return the cells of each row (float64, float32 or bool [rows, N]) in the order of `orders` (uint16 [rows, N]);
    NaN or False where it has no column."""
    rows, columns = values.shape
    if orders.shape != values.shape:
        raise ValueError(f"{len(orders)} rows are ordered, {rows} have values")
    source = matrix_view(values, 0, values.dtype, columns)
    order, out = matrix_view(orders, 0, np.uint16, columns), np.empty((rows, columns), values.dtype)
    if out.itemsize not in {1, 4, 8}:
        raise TypeError(f"cells of {out.itemsize} bytes cannot be ordered")
    panel_scans().order_cells(
        source.data, source.stride, out.itemsize, order.data, order.stride, rows, columns, place(out)
    )
    return out


def count_present(
    values: MatrixView, mask: MatrixView, rows: np.ndarray, *, first: int, columns: int, limit: int
) -> tuple[int, int]:
    """Return (cells with a value, cells) of a float32 view inside a mask, over dataset rows `first` + i where rows[i];
    counting stops once `limit` values are found."""
    counts = np.zeros(2, np.int64)
    panel_scans().count_present(values, mask, address(rows, np.bool_), first, len(rows), columns, limit, place(counts))
    return int(counts[0]), int(counts[1])


def rows_with_value(values: MatrixView, mask: MatrixView, *, first: int, count: int, columns: int) -> np.ndarray:
    """Return bool [count]: whether some cell of dataset row `first` + i of a float32 view has a value inside the
    mask."""
    out = np.empty(count, np.bool_)
    panel_scans().rows_with_value(values, mask, first, count, columns, place(out))
    return out


def mark_passed(mask: MatrixView, universe: MatrixView, rows: np.ndarray, first: int, marks: np.ndarray) -> None:
    """Set marks[col] (uint8 [N]) where mask and universe hold together on a dataset row `first` + i with rows[i]."""
    panel_scans().mark_passed(
        mask, universe, address(rows, np.bool_), first, len(rows), len(marks), address(marks, np.uint8)
    )


def universe_returns(market: Market, universe: MatrixView, *, weighted: bool, start: int, stop: int) -> np.ndarray:
    """Return float64 [stop - start]: the return of the universe of row d - 1 on each row d, weighted by market cap or
    equally."""
    out = np.empty(stop - start)
    panel_scans().universe_returns(market, universe, int(weighted), start, stop, place(out))
    return out


def mean_volumes(
    volume: np.ndarray, open_: np.ndarray, split: np.ndarray, idle: np.ndarray, *, before: int, span: int, carry: int
) -> np.ndarray:
    """Return float64 [rows - before, N]: on each row after the first `before`, the mean volume of the `span` rows
    before it on which the stock has a close (idle at most `carry`), in shares of the row; NaN without such a row.

    volume, open_, split: float64 [rows, N]; idle: uint16 [rows, N].
    """
    rows, columns = volume.shape
    out, work = np.empty((rows - before, columns)), np.empty(3 * columns)
    views = [matrix_view(values, 0, np.float64, columns) for values in (volume, open_, split)]
    panel_scans().mean_volumes(
        *views, matrix_view(idle, 0, np.uint16, columns), before, rows, columns, span, carry, place(work), place(out)
    )
    return out


def volatilities(close: np.ndarray, *, before: int, span: int) -> np.ndarray:
    """Return float64 [rows - before, N]: on each row after the first `before`, the sample deviation of the `span`
    row-to-row changes of `close` (float64 [rows, N]) that end on it; NaN unless all are known, 0 when they are
    equal."""
    rows, columns = close.shape
    out, work = np.empty((rows - before, columns)), np.empty(2 * columns)
    view = matrix_view(close, 0, np.float64, columns)
    panel_scans().volatilities(view, before, rows, columns, span, place(work), place(out))
    return out
