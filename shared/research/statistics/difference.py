"""Is the Sharpe ratio of one series larger than that of another?

Ledoit and Wolf, "Robust performance hypothesis testing with the Sharpe ratio", Journal of Empirical Finance 15, 2008.
The delta method with a covariance that allows for autocorrelation (Bartlett kernel); the closed form for independent
returns rejects far too often when returns are autocorrelated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from shared.research.statistics.newey_west import newey_west_lags

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True)
class SharpeDifference:
    """A difference of Sharpe ratios per row with its standard error and two-sided p-value; lags: of the kernel."""

    difference: float
    error: float
    p: float
    lags: int


def long_run_covariance(values: Array, lags: int) -> Array:
    """Return float64 [K, K]: covariance with Bartlett weights up to `lags` of [T, K] values; autocovariances over T."""
    rows = len(values)
    centred = values - values.mean(axis=0)
    found: Array = centred.T @ centred / rows
    for lag in range(1, min(lags, rows - 1) + 1):
        covariance = centred[lag:].T @ centred[:-lag] / rows
        found = found + (1 - lag / (lags + 1)) * (covariance + covariance.T)
    return found


def sharpe_difference(one: Array, other: Array) -> SharpeDifference | None:
    """Return the difference of float64 [T] returns `one` less `other`; None when one of them does not vary."""
    rows = len(one)
    both = np.column_stack((one, other))
    mean, second = both.mean(axis=0), (both**2).mean(axis=0)
    variance = second - mean**2
    if rows < 3 or (variance <= 1e-18 * np.maximum(second, 1e-300)).any():
        return None
    lags = newey_west_lags(rows)
    covariance = long_run_covariance(np.column_stack((both, both**2)), lags)
    power = variance**1.5
    gradient = np.array([second[0] / power[0], -second[1] / power[1], -mean[0] / 2 / power[0], mean[1] / 2 / power[1]])
    error = math.sqrt(max(float(gradient @ covariance @ gradient), 0.0) / rows)
    difference = float(mean[0] / math.sqrt(variance[0]) - mean[1] / math.sqrt(variance[1]))
    p = 2 * NormalDist().cdf(-abs(difference) / error) if error > 0 else float(difference == 0)
    return SharpeDifference(difference=difference, error=error, p=p, lags=lags)
