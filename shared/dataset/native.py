"""The functions of `dataset.c` on numpy arrays, whose shapes and element types are checked before a call."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from shared.model.fields import CARRY_ROWS, NEVER_TRADED
from shared.native import library, place, verify_constants

Array = np.ndarray[Any, np.dtype[Any]]
_INT, _POINTER = ctypes.c_int64, ctypes.c_void_p


@cache
def native_library() -> ctypes.CDLL:
    """Return the compiled library with its argument types declared."""
    found = library("dataset")
    verify_constants(found, "dataset", {"NEVER_TRADED": NEVER_TRADED, "CARRY_ROWS": CARRY_ROWS})
    signatures: dict[str, list[Any]] = {
        "dataset_derive": [_INT, _INT, *[_POINTER] * 7],
        "dataset_view": [_INT] * 3 + [_POINTER] * 5 + [_INT, _POINTER, _INT, _POINTER, _INT],
        "dataset_to_stock_major": [_INT, _INT, _INT, _POINTER, _INT, _POINTER],
        "dataset_to_day_major": [_INT, _INT, _INT, _POINTER, _POINTER, _INT],
        "dataset_shuffle": [_INT, _INT, _POINTER, _POINTER],
        "dataset_unshuffle": [_INT, _INT, _POINTER, _POINTER],
        "dataset_predict": [_INT, _INT, _INT, _POINTER, _POINTER, _POINTER],
        "dataset_restore": [_INT, _INT, _INT, _POINTER, _POINTER, _POINTER],
    }
    for name, arguments in signatures.items():
        function = getattr(found, name)
        function.argtypes, function.restype = arguments, None
    return found


def row_stride(array: Array) -> int:
    """Return the elements from one row to the next of a matrix with contiguous rows; ValueError for any other."""
    if array.ndim != 2 or (array.shape[1] > 1 and array.strides[1] != array.itemsize):
        raise ValueError("a matrix with contiguous rows is needed")
    return array.strides[0] // array.itemsize if array.shape[0] > 1 else array.shape[1]


def to_stock_major(values: Array, out: Array | None = None) -> Array:
    """[rows, n] with contiguous rows -> [n, rows], contiguous (into `out` when it is given)."""
    rows, n = values.shape
    if out is None:
        out = np.empty((n, rows), values.dtype)
    if out.shape != (n, rows) or out.dtype != values.dtype or not out.flags.c_contiguous:
        raise ValueError("shapes or element types differ")
    native_library().dataset_to_stock_major(values.itemsize, rows, n, place(values), row_stride(values), place(out))
    return out


def to_day_major(values: Array, out: Array) -> None:
    """[n, rows], contiguous, into `out` [rows, n] (contiguous rows, any row stride)."""
    n, rows = values.shape
    if out.shape != (rows, n) or out.dtype != values.dtype or not values.flags.c_contiguous:
        raise ValueError("shapes or element types differ")
    native_library().dataset_to_day_major(values.itemsize, rows, n, place(values), place(out), row_stride(out))


def shuffled(values: Array) -> Array:
    """Return the bytes of an array, plane by plane: byte 0 of every element, then byte 1, and so on."""
    flat = np.ascontiguousarray(values)
    out = np.empty(flat.nbytes, np.uint8)
    native_library().dataset_shuffle(flat.itemsize, flat.size, place(flat), place(out))
    return out


def unshuffled(planes: Array, dtype: np.dtype[Any], shape: tuple[int, int]) -> Array:
    """Return the array whose planes these are, the inverse of `shuffled`."""
    out = np.empty(shape, dtype)
    if planes.nbytes != out.nbytes or planes.dtype != np.uint8 or not planes.flags.c_contiguous:
        raise ValueError("the planes have another size than the array")
    native_library().dataset_unshuffle(out.itemsize, out.size, place(planes), place(out))
    return out


def predict(predictor: int, values: Array, reference: Array) -> Array:
    """Return residuals (uint32) of float32 `values` [n, rows] against float64 `reference` [n, rows]."""
    _same_matrix(values, np.float32, reference)
    out = np.empty(values.shape, np.uint32)
    native_library().dataset_predict(
        predictor, values.shape[1], values.shape[0], place(values), place(reference), place(out)
    )
    return out


def restore(predictor: int, residuals: Array, reference: Array) -> Array:
    """Return the values of residuals, the inverse of `predict`, bit for bit."""
    _same_matrix(residuals, np.uint32, reference)
    out = np.empty(residuals.shape, np.float32)
    rows, n = residuals.shape[1], residuals.shape[0]
    native_library().dataset_restore(predictor, rows, n, place(residuals), place(reference), place(out))
    return out


def _same_matrix(values: Array, dtype: type, reference: Array) -> None:
    if values.dtype != dtype or reference.dtype != np.float64 or values.shape != reference.shape:
        raise ValueError("values and reference differ in shape or have another element type")
    if not (values.flags.c_contiguous and reference.flags.c_contiguous):
        raise ValueError("contiguous matrices are needed")
