"""Call the kernels of language.c with checked shapes, element types and strides."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.language.compiler import Class, Program
from shared.native import library, place, verify_sizes

Array = npt.NDArray[Any]

_WINDOWS = ("ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank", "ts_corr")
_RANKS = {"rank": 0, "rank_desc": 1, "pct_rank": 2, "sector_rank": 0}
_MOMENTS = ("zscore", "demean", "sector_demean", "winsorize")
_AGGREGATES = ("row_mean", "row_median", "row_sum")
MAX_GROUPS = 2047
TYPES: dict[str, np.dtype[Any]] = {"f8": np.dtype(np.float64), "f4": np.dtype(np.float32), "u1": np.dtype(np.bool_)}

_BLOCK_BYTES = 256 * 8
"""Bytes of a register."""

_SIZE, _WORD, _REAL, _PLACE = ctypes.c_int64, ctypes.c_int, ctypes.c_double, ctypes.c_void_p


@cache
def _kernels() -> ctypes.CDLL:
    found = library("language")
    verify_sizes(found, "language", [ctypes.sizeof(Formula)])
    result = (_PLACE, _SIZE, _SIZE)
    at = ctypes.POINTER(Formula)
    for name, more in (
        ("bind", ()), ("run", (_SIZE, _PLACE, _SIZE)), ("row", (_SIZE, _PLACE)),
        ("cells", (_SIZE, _PLACE, _SIZE, _PLACE)),
    ):  # fmt: skip
        function = getattr(found, f"language_{name}")
        function.argtypes, function.restype = [at, *more], None
    found.language_window.argtypes = [
        _WORD, _PLACE, _SIZE, _SIZE, _PLACE, _SIZE, _SIZE, _SIZE, _SIZE, _SIZE, _SIZE, *result,
    ]  # fmt: skip
    found.language_ema.argtypes = [_PLACE, _SIZE, _REAL, _SIZE, _SIZE, _PLACE, _PLACE, _SIZE]
    found.language_ema.restype = None
    found.language_rank.argtypes = [_WORD, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _SIZE, _SIZE, _SIZE, *result]
    found.language_moments.argtypes = [
        _WORD, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _SIZE, _REAL, _SIZE, _SIZE, *result,
    ]  # fmt: skip
    found.language_aggregate.argtypes = [_WORD, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _SIZE, _SIZE, _PLACE]
    return found


def rows_of(array: Array, dtypes: Sequence[Class]) -> Array:
    """Return the same values with contiguous rows, copied when needed; ValueError for another element type."""
    if array.ndim != 2 or array.dtype not in [TYPES[name] for name in dtypes]:
        raise ValueError(f"a matrix of {' or '.join(dtypes)} is needed, not {array.ndim}-d {array.dtype}")
    if array.shape[1] > 1 and array.strides[1] != array.itemsize:
        return np.ascontiguousarray(array)
    return array


class Formula(ctypes.Structure):
    """A program bound to planes (`bound_program` of native.h); `owned` are the arrays behind its addresses.

    It has its own registers, so one thread at a time may use it.
    """

    _fields_ = (
        ("code", _PLACE), ("n_code", _SIZE), ("n_constants", _SIZE), ("constants", _PLACE), ("planes", _PLACE),
        ("first", _SIZE), ("cols", _SIZE), ("bytes", _SIZE), ("memory", _PLACE), ("value", _PLACE), ("nothing", _PLACE),
    )  # fmt: skip
    owned: tuple[Any, ...]


def bind(program: Program, planes: Sequence[tuple[Array, int]], rows: slice, cols: int) -> Formula:
    """Bind a program to these rows of the dataset; planes: arrays, and how many of the rows are absent before each.

    The array of a `series` plane has one column, which the machine repeats.
    """
    count = rows.stop - rows.start
    table = np.empty((max(1, len(planes)), 5), np.int64)
    owned: list[Any] = [program, table]
    for i, ((array, absent), plane) in enumerate(zip(planes, program.planes, strict=True)):
        values = rows_of(array, (plane.dtype,))
        expected = (count - absent, 1 if plane.series else cols)
        if values.shape != expected:
            raise ValueError(f"the plane {plane.text} has the shape {values.shape}, not {expected}")
        owned.append(values)
        table[i] = place(values), values.strides[0], absent, values.itemsize, not plane.series
    blocks = np.empty((program.registers + 2) * _BLOCK_BYTES + 64, np.uint8)
    value = np.zeros(program.registers + 1, np.uintp)
    memory = -(-place(blocks) // 64) * 64
    bound = Formula(
        place(program.code), len(program.code), program.constants_count, place(program.constants),
        place(table), rows.start, cols, TYPES[program.gives].itemsize, memory + 2 * _BLOCK_BYTES,
        place(value), memory,
    )  # fmt: skip
    bound.owned = (*owned, blocks, value)
    _kernels().language_bind(bound)
    return bound


@cache
def entries() -> tuple[int, int]:
    """Return the addresses of `language_cells` and `language_row`, which other kernels call with a formula."""
    found = _kernels()
    cells, row = (ctypes.cast(f, _PLACE).value for f in (found.language_cells, found.language_row))
    return cells or 0, row or 0


@cache
def bind_entry() -> int:
    """Return the address of `language_bind`, by which another kernel changes the constants of a formula."""
    return ctypes.cast(_kernels().language_bind, _PLACE).value or 0


def run(program: Program, planes: Sequence[tuple[Array, int]], rows: int, cols: int) -> Array:
    """Return the values [rows, cols] of a program; planes as in `bind`."""
    out = np.empty((rows, cols), TYPES[program.gives])
    if rows and cols:
        formula = bind(program, planes, slice(0, rows), cols)
        _kernels().language_run(formula, rows, place(out), out.strides[0])
    return out


def row(formula: Formula, at: int) -> Array:
    """Return the values [cols] of a formula on a row of the dataset."""
    out = np.empty(formula.cols, TYPES[formula.owned[0].gives])
    _kernels().language_row(formula, at, place(out))
    return out


def cells(formula: Formula, at: int, columns: Array) -> Array:
    """Return the values [n] of a formula for columns (int32 [n]) of a row of the dataset."""
    wanted = np.ascontiguousarray(columns, np.int32)
    if len(wanted) and not 0 <= wanted.min() <= wanted.max() < formula.cols:
        raise ValueError("a column is not in the planes")
    out = np.empty(len(wanted), TYPES[formula.owned[0].gives])
    _kernels().language_cells(formula, at, place(wanted), len(wanted), place(out))
    return out


def window(function: str, arguments: Sequence[Array], have: int, n: int, dtype: Class) -> Array:
    """Compute a window function over arguments [have + rows, cols] (float64 or float32) -> [rows, cols]."""
    values = [rows_of(argument, ("f8", "f4")) for argument in arguments]
    x, y = values[0], values[-1]
    if x.shape != y.shape or have < 0 or have > x.shape[0] or n < 1:
        raise ValueError("the arguments of a window differ in shape")
    out = np.empty((x.shape[0] - have, x.shape[1]), TYPES[dtype])
    second = (place(y), y.strides[0], y.itemsize) if len(values) > 1 else (None, 0, 0)
    failed = _kernels().language_window(
        _WINDOWS.index(function), place(x), x.strides[0], x.itemsize, *second, have, out.shape[0], out.shape[1], n,
        place(out), out.strides[0], out.itemsize,
    )  # fmt: skip
    return _checked(out, failed)


def ema(x: Array, n: int, state: npt.NDArray[np.float64]) -> Array:
    """Compute the carried exponential mean of float64 [rows, cols]; `state` [cols] (NaN: no value yet) is updated."""
    values = rows_of(x, ("f8",))
    if state.shape != (values.shape[1],) or state.dtype != np.float64 or not state.flags.c_contiguous:
        raise ValueError("the state of an exponential mean must be float64 [cols]")
    out = np.empty(values.shape)
    _kernels().language_ema(
        place(values), values.strides[0] // 8, 2.0 / (n + 1), *values.shape, place(state), place(out),
        values.shape[1],
    )  # fmt: skip
    return out


def rank(function: str, x: Array, members: Array, groups: Array | None, dtype: Class) -> Array:
    """Compute a rank within the members of each row of float32 [rows, cols]; groups: int16 [rows, cols], -1 = none."""
    values, inside = rows_of(x, ("f4",)), rows_of(members, ("u1",))
    _agree(values, inside, groups)
    out = np.empty(values.shape, TYPES[dtype])
    failed = _kernels().language_rank(
        _RANKS[function], place(values), values.strides[0] // 4, place(inside), inside.strides[0],
        *_groups_of(groups), *values.shape, place(out), out.strides[0], out.itemsize,
    )  # fmt: skip
    return _checked(out, failed)


def moments(
    function: str, x: Array, members: Array, *, order: Array, groups: Array | None, p: float, dtype: Class
) -> Array:
    """Compute moments of the members of each row of float64 [rows, cols]; order: [cols], the order of summation."""
    values, inside = rows_of(x, ("f8",)), rows_of(members, ("u1",))
    _agree(values, inside, groups)
    columns = _order_of(order, values.shape[1])
    out = np.empty(values.shape, TYPES[dtype])
    failed = _kernels().language_moments(
        _MOMENTS.index(function), place(values), values.strides[0] // 8, place(inside), inside.strides[0],
        place(columns), *_groups_of(groups), 1 if groups is None else int(groups.max(initial=0)) + 1, p, *values.shape,
        place(out), out.strides[0], out.itemsize,
    )  # fmt: skip
    return _checked(out, failed)


def aggregate(function: str, x: Array, members: Array, *, order: Array) -> Array:
    """Return float64 [rows, 1]: one number for the members of each row of float64 [rows, cols].

    order: integers [cols], the columns in the order of summation.
    """
    values, inside = rows_of(x, ("f8",)), rows_of(members, ("u1",))
    _agree(values, inside, None)
    columns = _order_of(order, values.shape[1])
    out = np.empty((values.shape[0], 1))
    failed = _kernels().language_aggregate(
        _AGGREGATES.index(function), place(values), values.strides[0] // 8, place(inside), inside.strides[0],
        place(columns), *values.shape, place(out),
    )  # fmt: skip
    return _checked(out, failed)


def _order_of(order: Array, count: int) -> Array:
    """Return an order of summation as int32, checked."""
    columns = np.ascontiguousarray(order, np.int32)
    if columns.shape != (count,) or (count and not 0 <= columns.min() <= columns.max() < count):
        raise ValueError("the order of summation must name each column")
    return columns


def _agree(values: Array, inside: Array, groups: Array | None) -> None:
    if values.shape != inside.shape:
        raise ValueError(f"values {values.shape} and members {inside.shape} differ in shape")
    if groups is not None and (
        groups.shape != values.shape
        or groups.dtype != np.int16
        or (groups.shape[1] > 1 and groups.strides[1] != groups.itemsize)
        or groups.max(initial=0) > MAX_GROUPS
    ):
        raise ValueError(f"groups must be int16 [rows, cols] of at most {MAX_GROUPS} kinds")


def _groups_of(groups: Array | None) -> tuple[int | None, int]:
    """Return address and row stride (in elements; 0 for one row that is repeated) of checked groups."""
    return (None, 0) if groups is None else (place(groups), groups.strides[0] // groups.itemsize)


def _checked(out: Array, failed: int) -> Array:
    if failed:
        raise MemoryError("no memory for an expression's registers")
    return out
