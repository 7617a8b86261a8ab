"""Expressions that several formulas share."""

from __future__ import annotations

import numpy as np

from shared.factors.declaration import Array, Values


def positive(denominator: Array) -> Array:
    """Return the denominator where it is > 0, NaN elsewhere."""
    return np.where(denominator > 0, denominator, np.nan)


def growth(now: Array, base: Array) -> Array:
    """Return the change in percent against a positive base."""
    return (now / positive(base) - 1) * 100


def free_cash_flow(x: Values) -> Array:
    """Return OCF_ttm - capital_expenditure_ttm, won."""
    return x["operating_cash_flow"] - x["capital_expenditure"]


def earnings_of_both(x: Values, ago: str) -> tuple[Array, Array]:
    """Return NI_ttm now and `ago` ("1 year ago"): the owners' part where both sums have it, else both totals."""
    now, base = x["net_income_owners"], x[f"net_income_owners {ago}"]
    both = ~np.isnan(now + base)
    return np.where(both, now, x["net_income"]), np.where(both, base, x[f"net_income {ago}"])
