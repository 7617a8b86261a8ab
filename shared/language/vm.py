"""The kernels of language.c behind checked shapes, element types and strides."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.language.compiler import Class, Program
from shared.native import library, place

Array = npt.NDArray[Any]

_WINDOWS = ("ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ts_rank", "ts_corr")
_RANKS = {"rank": 0, "rank_desc": 1, "pct_rank": 2, "sector_rank": 0}
_MOMENTS = ("zscore", "demean", "sector_demean", "winsorize")
MAX_GROUPS = 2047
TYPES: dict[str, np.dtype[Any]] = {"f8": np.dtype(np.float64), "f4": np.dtype(np.float32), "u1": np.dtype(np.bool_)}

_BLOCK_BYTES = 256 * 8
"""A register of the machine."""

_SIZE, _WORD, _REAL, _PLACE = ctypes.c_int64, ctypes.c_int, ctypes.c_double, ctypes.c_void_p


@cache
def _kernels() -> ctypes.CDLL:
    found = library("language")
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
    found.language_rank.argtypes = [_WORD, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _SIZE, _SIZE, *result]
    found.language_moments.argtypes = [
        _WORD, _PLACE, _SIZE, _PLACE, _SIZE, _PLACE, _PLACE, _SIZE, _REAL, _SIZE, _SIZE, *result,
    ]  # fmt: skip
    found.language_present.argtypes = [_PLACE, _SIZE, _PLACE, _SIZE, _SIZE, _SIZE, _SIZE]
    found.language_present.restype = _SIZE
    found.language_members.argtypes = [_PLACE, _SIZE, _SIZE, _SIZE]
    found.language_members.restype = _SIZE
    return found


def rows_of(array: Array, dtypes: Sequence[Class]) -> Array:
    """The same values with contiguous rows, copied only when needed; raises ValueError for another element type."""
    if array.ndim != 2 or array.dtype not in [TYPES[name] for name in dtypes]:
        raise ValueError(f"a matrix of {' or '.join(dtypes)} is needed, not {array.ndim}-d {array.dtype}")
    if array.shape[1] > 1 and array.strides[1] != array.itemsize:
        return np.ascontiguousarray(array)
    return array


class Formula(ctypes.Structure):
    """A program bound to planes, as language.c reads it; `kept` are the arrays behind its addresses.

    It has registers of its own, so that one thread at a time may use it.
    """

    _fields_ = (
        ("code", _PLACE), ("n_code", _SIZE), ("n_constants", _SIZE), ("constants", _PLACE), ("planes", _PLACE),
        ("first", _SIZE), ("cols", _SIZE), ("bytes", _SIZE), ("memory", _PLACE), ("value", _PLACE), ("nothing", _PLACE),
    )  # fmt: skip
    kept: tuple[Any, ...]


def bind(program: Program, planes: Sequence[tuple[Array, int]], rows: slice, cols: int) -> Formula:
    """A program over these rows of the dataset; planes: arrays, and how many of the rows are absent before each."""
    count = rows.stop - rows.start
    table = np.empty((max(1, len(planes)), 4), np.int64)
    kept: list[Any] = [program, table]
    for i, ((array, absent), plane) in enumerate(zip(planes, program.planes, strict=True)):
        values = rows_of(array, (plane.dtype,))
        if values.shape != (count - absent, cols):
            raise ValueError(f"the plane {plane.text} has the shape {values.shape}, not {(count - absent, cols)}")
        kept.append(values)
        table[i] = place(values), values.strides[0], absent, values.itemsize
    blocks = np.empty((program.registers + 2) * _BLOCK_BYTES + 64, np.uint8)
    value = np.zeros(program.registers + 1, np.uintp)
    memory = -(-place(blocks) // 64) * 64
    found = Formula(
        place(program.code), len(program.code), program.constants_count, place(program.constants),
        place(table), rows.start, cols, TYPES[program.gives].itemsize, memory + 2 * _BLOCK_BYTES,
        place(value), memory,
    )  # fmt: skip
    found.kept = (*kept, blocks, value)
    _kernels().language_bind(found)
    return found


@cache
def entries() -> tuple[int, int]:
    """Addresses of `language_cells` and `language_row`: what another kernel calls with a formula."""
    found = _kernels()
    cells, row = (ctypes.cast(f, _PLACE).value for f in (found.language_cells, found.language_row))
    return cells or 0, row or 0


def run(program: Program, planes: Sequence[tuple[Array, int]], rows: int, cols: int) -> Array:
    """The answer [rows, cols] of a program; planes: arrays, and how many of the rows are absent before each."""
    out = np.empty((rows, cols), TYPES[program.gives])
    if rows and cols:
        formula = bind(program, planes, slice(0, rows), cols)
        _kernels().language_run(formula, rows, place(out), out.strides[0])
    return out


def row(formula: Formula, at: int) -> Array:
    """The answers [cols] of a formula on a row of the dataset."""
    out = np.empty(formula.cols, TYPES[formula.kept[0].gives])
    _kernels().language_row(formula, at, place(out))
    return out


def cells(formula: Formula, at: int, columns: Array) -> Array:
    """The answers [n] of a formula for columns (int32 [n]) of a row of the dataset."""
    wanted = np.ascontiguousarray(columns, np.int32)
    if len(wanted) and not 0 <= wanted.min() <= wanted.max() < formula.cols:
        raise ValueError("a column is not in the planes")
    out = np.empty(len(wanted), TYPES[formula.kept[0].gives])
    _kernels().language_cells(formula, at, place(wanted), len(wanted), place(out))
    return out


def window(function: str, arguments: Sequence[Array], have: int, n: int, dtype: Class) -> Array:
    """A window function over arguments [have + rows, cols] (float64 or float32) -> [rows, cols]."""
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
    return _made(out, failed)


def ema(x: Array, n: int, state: npt.NDArray[np.float64]) -> Array:
    """The carried exponential mean of float64 [rows, cols] from `state` [cols] (NaN: no value yet), which moves on."""
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
    """A rank within the members of each row of float32 [rows, cols]; groups: int32 [cols], -1 = in none."""
    values, inside = rows_of(x, ("f4",)), rows_of(members, ("u1",))
    _agree(values, inside, groups)
    out = np.empty(values.shape, TYPES[dtype])
    failed = _kernels().language_rank(
        _RANKS[function], place(values), values.strides[0] // 4, place(inside), inside.strides[0],
        None if groups is None else place(groups), *values.shape, place(out), out.strides[0], out.itemsize,
    )  # fmt: skip
    return _made(out, failed)


def moments(
    function: str, x: Array, members: Array, *, order: Array, groups: Array | None, p: float, dtype: Class
) -> Array:
    """Moments of the members of each row of float64 [rows, cols]; order: integers [cols], the order of summation."""
    values, inside = rows_of(x, ("f8",)), rows_of(members, ("u1",))
    _agree(values, inside, groups)
    columns = np.ascontiguousarray(order, np.int32)
    if columns.shape != (values.shape[1],) or (len(columns) and not 0 <= columns.min() <= columns.max() < len(columns)):
        raise ValueError("the order of summation must name each column")
    out = np.empty(values.shape, TYPES[dtype])
    failed = _kernels().language_moments(
        _MOMENTS.index(function), place(values), values.strides[0] // 8, place(inside), inside.strides[0],
        place(columns), None if groups is None else place(groups),
        1 if groups is None else int(groups.max(initial=0)) + 1, p, *values.shape,
        place(out), out.strides[0], out.itemsize,
    )  # fmt: skip
    return _made(out, failed)


def present(x: Array, members: Array, enough: int) -> int:
    """How many members of float32 [rows, cols] have a value; stops after the row in which `enough` is reached."""
    values, inside = rows_of(x, ("f4",)), rows_of(members, ("u1",))
    _agree(values, inside, None)
    return int(
        _kernels().language_present(
            place(values), values.strides[0] // 4, place(inside), inside.strides[0], *values.shape, enough
        )
    )


def member_count(members: Array) -> int:
    """How many cells of bool [rows, cols] are true."""
    inside = rows_of(members, ("u1",))
    return int(_kernels().language_members(place(inside), inside.strides[0], *inside.shape))


def _agree(values: Array, inside: Array, groups: Array | None) -> None:
    if values.shape != inside.shape:
        raise ValueError(f"values {values.shape} and members {inside.shape} differ in shape")
    if groups is not None and (
        groups.shape != (values.shape[1],)
        or groups.dtype != np.int32
        or not groups.flags.c_contiguous
        or groups.max(initial=0) > MAX_GROUPS
    ):
        raise ValueError(f"groups must be int32 [cols] of at most {MAX_GROUPS} kinds")


def _made(out: Array, failed: int) -> Array:
    if failed:
        raise MemoryError("no memory for an expression's registers")
    return out
