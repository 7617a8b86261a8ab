"""The signatures of `factors.c`: its structures, and checked access to the compiled library."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

import numpy as np

from shared.factors.declaration import Array
from shared.model.fields import CARRY_ROWS
from shared.native import library, place, verify_constants, verify_sizes

_INT, _POINTER = ctypes.c_int64, ctypes.c_void_p

PRICE_MATRICES: Final = ("high", "low", "volume", "trading_value", "last", "adjust", "idle")
"""Matrices of `Prices`, in the order of the C structure."""

PRICE_FACTORS: Final = (
    "MOMENTUM_1M", "MOMENTUM_3M", "MOMENTUM_6M", "MOMENTUM_12M", "DISTANCE_FROM_52W_HIGH", "DISTANCE_FROM_52W_LOW",
    "RELATIVE_STRENGTH", "VOLUME_MOMENTUM", "BETA", "RSI_14", "BOLLINGER_POSITION", "MACD_SIGNAL", "STOCHASTIC_14",
    "VOLUME_ROC", "PRICE_POSITION", "CHANGE_RATE",
)  # fmt: skip
"""What `factors_prices` computes, in the order of the C enumeration."""


class Prices(ctypes.Structure):
    """`factor_prices` of native.h."""

    _fields_ = (
        ("days", _INT),
        ("instruments", _INT),
        ("first", _INT),
        ("stop", _INT),
        ("matrices", _POINTER * len(PRICE_MATRICES)),
        ("stride", _INT * len(PRICE_MATRICES)),
        ("indices", _INT),
        ("index_level", _POINTER),
        ("index_return", _POINTER),
        ("market", _POINTER),
        ("out", _POINTER * len(PRICE_FACTORS)),
    )


class Layout(ctypes.Structure):
    """`statement_layout` of native.h: the number of flows and accounts, and the positions of three accounts."""

    _fields_ = (
        ("flows", _INT),
        ("accounts", _INT),
        ("revenue", _INT),
        ("net_income", _INT),
        ("net_income_owners", _INT),
    )


@cache
def kernels() -> ctypes.CDLL:
    """Return the compiled library with its argument types declared."""
    compiled = library("factors")
    verify_sizes(compiled, "factors", [ctypes.sizeof(Prices), ctypes.sizeof(Layout)])
    verify_constants(compiled, "factors", {"CARRY_ROWS": CARRY_ROWS})
    compiled.factors_events.argtypes = [_INT, ctypes.POINTER(Layout), *[_POINTER] * 10]
    compiled.factors_events.restype = _INT
    compiled.factors_third_root.argtypes = [_INT, _POINTER, _POINTER]
    compiled.factors_third_root.restype = None
    compiled.factors_dividends.argtypes = [_INT] * 5 + [_POINTER] * 6 + [_INT, _POINTER]
    compiled.factors_dividends.restype = None
    compiled.factors_prices.argtypes = [ctypes.POINTER(Prices), _POINTER]
    compiled.factors_prices.restype = ctypes.c_int
    return compiled


def matrix(values: Array, dtype: str, shape: tuple[int, int]) -> tuple[Array, int]:
    """Return a matrix of `shape` with contiguous rows, and its row stride in elements; copied only when it must be.

    Raises ValueError when the shape is another.
    """
    if values.shape != shape:
        raise ValueError(f"a matrix of {shape} is needed, not {values.shape}")
    fits = values.dtype == np.dtype(dtype) and values.strides[1] == values.itemsize and values.strides[0] > 0
    if not fits or values.strides[0] % values.itemsize:
        values = np.ascontiguousarray(values, dtype)
    return values, values.strides[0] // values.itemsize


def third_root(values: Array) -> Array:
    """Return the third root of each value; NaN where it is not positive."""
    flat = np.ascontiguousarray(np.where(values > 0, values, np.nan), np.float64)
    root = np.empty_like(flat)
    kernels().factors_third_root(flat.size, place(flat), place(root))
    return root
