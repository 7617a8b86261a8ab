"""What every formula over statement quantities is written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from shared.factors.native import Array

Values = Mapping[str, Array]
"""Quantity -> float64 values of one shape: one for each event, or one for each row and instrument."""

Formula = Callable[[Values], Array]


def positive(denominator: Array) -> Array:
    """The denominator where it is > 0, NaN elsewhere."""
    return np.where(denominator > 0, denominator, np.nan)


def growth(now: Array, base: Array) -> Array:
    """Change in percent against a positive base."""
    return (now / positive(base) - 1) * 100


def free_cash_flow(x: Values) -> Array:
    """OCF_ttm - capital expenditure."""
    return x["operating_cash_flow"] - x["capital_expenditure"]
