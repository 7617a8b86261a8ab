"""Is the mean of a series different from 0 when its rows overlap?

Newey and West, "A Simple, Positive Semi-Definite, Heteroskedasticity and Autocorrelation Consistent Covariance Matrix",
Econometrica 55, 1987; "Automatic Lag Selection in Covariance Matrix Estimation", Review of Economic Studies 61, 1994.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True)
class MeanTest:
    """A mean of `rows` values with its standard deviation (n - 1) and t; None where they are not defined.

    lags: of the Bartlett kernel.
    """

    rows: int
    mean: float | None
    deviation: float | None
    t: float | None
    lags: int


def newey_west_lags(rows: int) -> int:
    """Return the number of lags for so many rows: floor(4 (T / 100)^(2/9)) (Newey and West 1994)."""
    return int(4 * math.pow(rows / 100, 2 / 9))


def overlapping_lags(rows: int, horizon: int) -> int:
    """Return max(horizon - 1, floor(4 (n / 100)^(2/9))): returns over `horizon` rows overlap on the rows between."""
    return max(horizon - 1, newey_west_lags(rows))


def long_run_variance(values: Array, lags: int) -> float:
    """Return g0 + 2 sum (1 - l/(L+1)) g_l of float64 [n] values, with autocovariances over n."""
    rows = len(values)
    centred = values - values.mean()
    found = float((centred * centred).sum()) / rows
    for lag in range(1, min(lags, rows - 1) + 1):
        found += 2 * (1 - lag / (lags + 1)) * float((centred[lag:] * centred[:-lag]).sum()) / rows
    return found


def mean_test(values: Array, horizon: int) -> MeanTest:
    """Return the test of float64 [n] values of a row each; those that are NaN are left out."""
    values = values[np.isfinite(values)]
    rows = len(values)
    if not rows:
        return MeanTest(rows=0, mean=None, deviation=None, t=None, lags=0)
    mean, lags = float(values.mean()), overlapping_lags(rows, horizon)
    if rows == 1:
        return MeanTest(rows=1, mean=mean, deviation=None, t=None, lags=lags)
    variance = long_run_variance(values, lags)
    noise = (1e-12 * float(np.abs(values).max())) ** 2
    t = mean / math.sqrt(variance / rows) if variance > noise else None
    return MeanTest(rows=rows, mean=mean, deviation=float(values.std(ddof=1)), t=t, lags=lags)
