"""Does the best of many trials beat a benchmark? Tests over the whole family, by the stationary bootstrap.

Reality check: White, Econometrica 68, 2000. Superior predictive ability (SPA): Hansen, Journal of Business & Economic
Statistics 23, 2005; studentised, with three recentrings of poor trials. Which trials beat it (StepM): Romano and Wolf,
Econometrica 73, 2005.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.research.statistics.generator import Uniforms, counts_of, stationary_indexes

Array = np.ndarray[Any, np.dtype[Any]]

DRAWS = 1_000


@dataclass(frozen=True, kw_only=True)
class Superiority:
    """p-values that no trial beats the benchmark, and the trials that do at the level `alpha`.

    lower, consistent, upper: those of the SPA test; judge by `consistent`. reality_check: White's, without dividing by
    standard errors, so that one volatile trial can hide the others. better: positions of the trials of StepM.
    """

    lower: float
    consistent: float
    upper: float
    reality_check: float
    better: list[int]
    alpha: float


def long_run_variance(differences: Array, block: float) -> Array:
    """Return float64 [N]: the variance of sqrt(T) times the mean of [T, N] differences, under the stationary bootstrap.

    The sum of autocovariances with the kernel (1 - i/T)(1 - q)^i + (i/T)(1 - q)^(T - i), q = 1 / block (Hansen 2005).
    """
    rows = len(differences)
    centred = differences - differences.mean(axis=0)
    size = 1 << (2 * rows - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=0)[:rows] / rows
    lag = np.arange(1, rows)
    stays = 1 - 1 / block
    kernel = (1 - lag / rows) * stays**lag + lag / rows * stays ** (rows - lag)
    found: Array = covariance[0] + 2 * kernel @ covariance[1:]
    return found


def superiority(
    differences: Array, *, block: float, alpha: float = 0.05, draws: int = DRAWS, seed: int = 0
) -> Superiority:
    """Return the tests of float64 [T, N] returns of trials less those of the benchmark.

    block: mean block length in rows. Trials whose difference never varies are left out; with none left no trial beats
    the benchmark (all p-values are 1).
    """
    rows = len(differences)
    variance = np.maximum(long_run_variance(differences, block), 0.0)
    used = np.flatnonzero(variance > (1e-12 * np.abs(differences).max(axis=0, initial=0)) ** 2)
    if not len(used):
        return Superiority(lower=1.0, consistent=1.0, upper=1.0, reality_check=1.0, better=[], alpha=alpha)
    kept = differences[:, used]
    deviation = np.sqrt(variance[used])
    mean = kept.mean(axis=0)
    root = math.sqrt(rows)
    counts = counts_of(stationary_indexes(rows, draws, block, Uniforms(seed)))
    resampled = root * (counts @ (kept - mean)) / rows  # [draws, N], mean 0
    centred = resampled / deviation
    studentised = root * mean / deviation
    poor = studentised < -math.sqrt(2 * math.log(math.log(max(rows, 3))))
    shift = {
        "lower": np.where(mean < 0, studentised, 0.0),
        "consistent": np.where(poor, studentised, 0.0),
        "upper": np.zeros_like(mean),
    }
    statistic = max(float(studentised.max()), 0.0)
    spa = {name: _p_value(np.maximum((centred + move).max(axis=1), 0.0), statistic) for name, move in shift.items()}
    return Superiority(
        lower=spa["lower"],
        consistent=spa["consistent"],
        upper=spa["upper"],
        reality_check=_p_value(resampled.max(axis=1), float(root * mean.max())),
        better=[int(used[k]) for k in _stepwise(centred + shift["consistent"], studentised, alpha)],
        alpha=alpha,
    )


def _p_value(resampled: Array, statistic: float) -> float:
    """Return the share of resampled maxima that are at least the statistic."""
    return float(np.mean(resampled >= statistic - 1e-12))


def _stepwise(resampled: Array, studentised: Array, alpha: float) -> list[int]:
    """Return the trials above the critical value; with those removed it falls, until no further trial is above it."""
    left = np.arange(len(studentised))
    found: list[int] = []
    while len(left):
        critical = max(float(np.quantile(resampled[:, left].max(axis=1), 1 - alpha)), 0.0)
        above = studentised[left] > critical
        if not above.any():
            break
        found += left[above].tolist()
        left = left[~above]
    return sorted(found)
