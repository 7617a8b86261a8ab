"""Confidence intervals of figures of a return series by the stationary bootstrap, and its block length.

Sources: Politis and Romano 1994; Politis and White, "Automatic block-length selection", Econometric Reviews 23, 2004,
with the correction of Patton, Politis and White, Econometric Reviews 28, 2009.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.research.statistics.generator import Uniforms, stationary_indexes

Array = np.ndarray[Any, np.dtype[Any]]

DRAWS = 2_000


@dataclass(frozen=True, kw_only=True)
class BlockLength:
    """The best mean block length of the stationary bootstrap, and the block length of the circular one, in rows."""

    stationary: float
    circular: float


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the bounds of its confidence interval."""

    estimate: float
    low: float
    high: float


def block_length(values: Array) -> BlockLength:
    """Return the block lengths for float64 [T] values; 1 for fewer than 9 values, or when they do not vary."""
    rows = len(values)
    centred = values - values.mean() if rows else values
    if rows < 9 or not float(centred @ centred) > 0:
        return BlockLength(stationary=1.0, circular=1.0)
    largest = math.ceil(min(3 * math.sqrt(rows), rows / 3))
    quiet = max(5, int(math.log10(rows)))
    lags = min(math.ceil(math.sqrt(rows)) + quiet, rows - 2)
    band = 2 * math.sqrt(math.log10(rows) / rows)
    products = np.array([centred[lag:] @ centred[: rows - lag] for lag in range(lags + 1)])
    scales = np.array(
        [
            math.sqrt(float(centred[lag + 1 :] @ centred[lag + 1 :]) * float(centred[: -lag - 1] @ centred[: -lag - 1]))
            for lag in range(lags + 1)
        ]
    )
    correlation = np.abs(np.divide(products, scales, out=np.zeros_like(products), where=scales > 0))
    window = lags
    for lag in range(quiet, lags + 1):
        if (correlation[lag - quiet : lag] < band).all():
            window = min(2 * max(lag - quiet, 1), lags)
            break
    covariance = products / rows
    steps = np.arange(1, window + 1)
    flat_top = np.where(steps / window <= 0.5, 1.0, 2 * (1 - steps / window))
    variance = covariance[0] + 2 * float(flat_top @ covariance[1 : window + 1])
    slope = 2 * float((flat_top * steps) @ covariance[1 : window + 1])
    if variance == 0:
        return BlockLength(stationary=1.0, circular=1.0)
    base = (2 * slope**2 / variance**2) ** (1 / 3) * rows ** (1 / 3)
    return BlockLength(
        stationary=min(max(base / 2 ** (1 / 3), 1.0), largest),
        circular=min(max(base / (4 / 3) ** (1 / 3), 1.0), largest),
    )


def sharpe_of(returns: Array) -> Array:
    """Return the Sharpe ratio per row of float64 [..., T] returns; 0 for those that do not vary."""
    mean, deviation = returns.mean(axis=-1), returns.std(axis=-1, ddof=1)
    varies = deviation > 1e-12 * np.abs(returns).max(axis=-1)
    found: Array = np.divide(mean, deviation, out=np.zeros_like(mean), where=varies)
    return found


def growth_of(returns: Array) -> Array:
    """Return the mean logarithmic growth per row of float64 [..., T] returns (above -1)."""
    found: Array = np.log1p(returns).mean(axis=-1)
    return found


def drawdown_of(returns: Array) -> Array:
    """Return the largest drawdown of float64 [..., T] returns, 0 or below."""
    curve = np.cumprod(1 + returns, axis=-1)
    peak = np.maximum(np.maximum.accumulate(curve, axis=-1), 1.0)
    found: Array = (curve / peak - 1).min(axis=-1)
    return found


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Percentile intervals of three figures of a series, and the studentised interval of its Sharpe ratio."""

    block: float
    sharpe: Interval
    sharpe_studentised: Interval
    growth: Interval
    max_drawdown: Interval


def intervals(
    returns: Array, *, confidence: float = 0.9, draws: int = DRAWS, seed: int = 0, block: float | None = None
) -> Intervals:
    """Return confidence intervals of float64 [T] returns per row, T at least 2.

    block: mean block length in rows, None for that of `block_length`. The studentised interval divides by the standard
    error of each resample's ratio as of independent returns.
    """
    length = block_length(returns).stationary if block is None else block
    indexes = stationary_indexes(len(returns), draws, length, Uniforms(seed))
    resamples = returns[indexes]
    tail = (1 - confidence) / 2
    estimate = float(sharpe_of(returns))
    ratios = sharpe_of(resamples)
    errors = np.sqrt((1 + ratios**2 / 2) / len(returns))
    error = math.sqrt((1 + estimate**2 / 2) / len(returns))
    low, high = np.quantile((ratios - estimate) / errors, [1 - tail, tail]).tolist()
    return Intervals(
        block=length,
        sharpe=_interval(estimate, ratios, tail),
        sharpe_studentised=Interval(estimate=estimate, low=estimate - low * error, high=estimate - high * error),
        growth=_interval(float(growth_of(returns)), growth_of(resamples), tail),
        max_drawdown=_interval(float(drawdown_of(returns)), drawdown_of(resamples), tail),
    )


def _interval(estimate: float, resampled: Array, tail: float) -> Interval:
    low, high = np.quantile(resampled, [tail, 1 - tail]).tolist()
    return Interval(estimate=estimate, low=low, high=high)
