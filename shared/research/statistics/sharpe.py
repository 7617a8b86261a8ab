"""The Sharpe ratio of a series as evidence: probabilistic, deflated, and how long a record has to be.

Everything is per row (not annualised). Kurtosis is raw: that of the normal distribution is 3; skewness and kurtosis are
biased moment ratios.

Sources: Bailey and López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012 (probabilistic
ratio, minimum track record); Bailey and López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management
40(5), 2014; Bailey, Borwein, López de Prado and Zhu, "Pseudo-Mathematics and Financial Charlatanism", Notices of the
AMS 61(5), 2014 (expected maximum, minimum backtest length).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

METHOD: Final = "bailey-lopez-de-prado-2014"
"""Name of the formulas: the variance of the estimate is taken at the estimated ratio, with T - 1."""
WEEKS_A_YEAR: Final = 365.25 / 7
MIN_TRIALS: Final = 10
"""With fewer trials the deviation of their scores is that of one strategy without skill."""

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
_MOMENT_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Moments:
    """A Sharpe ratio per row, and the moments of the returns that it comes from.

    Raises ValueError for moments that no series has: kurtosis below 1 + skewness squared (excess kurtosis, 0 for the
    normal distribution, is the usual cause), or fewer than 2 rows.
    """

    rows: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0

    def __post_init__(self) -> None:
        if self.rows < 2:
            raise ValueError(f"a Sharpe ratio needs at least 2 returns, not {self.rows}")
        if not self.kurtosis >= 1 + self.skewness**2 - _MOMENT_TOLERANCE:
            raise ValueError(
                f"no returns have the skewness {self.skewness:g} and the kurtosis {self.kurtosis:g}: the kurtosis is "
                "at least 1 + skewness squared (raw kurtosis is meant, 3 for the normal distribution)"
            )

    @property
    def variance_factor(self) -> float:
        """1 - skewness SR + (kurtosis - 1) / 4 SR^2: T - 1 times the variance of the estimated ratio; 0 at least."""
        return max(1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2, 0.0)

    @property
    def standard_error(self) -> float:
        """Standard error of the Sharpe ratio per row."""
        return math.sqrt(self.variance_factor / (self.rows - 1))


def moments_of(returns: Array) -> Moments | None:
    """Return the moments of float64 [T] returns; None for fewer than 2, or when they do not vary."""
    if len(returns) < 2:
        return None
    mean = float(returns.mean())
    centred = returns - mean
    unit = float(np.abs(centred).max())
    if unit <= 1e-12 * float(np.abs(returns).max()):
        return None
    mean, centred = mean / unit, centred / unit
    variance = float(np.mean(centred**2))
    deviation = math.sqrt(variance)
    skewness = float(np.mean(centred**3)) / deviation**3
    kurtosis = max(float(np.mean(centred**4)) / variance**2, 1 + skewness**2)
    sharpe = mean / math.sqrt(variance * len(returns) / (len(returns) - 1))
    return Moments(rows=len(returns), sharpe=sharpe, skewness=skewness, kurtosis=kurtosis)


def probabilistic_sharpe(moments: Moments, benchmark: float = 0.0) -> float:
    """Return the probability that the true ratio exceeds `benchmark` (per row)."""
    error = moments.standard_error
    difference = moments.sharpe - benchmark
    if error == 0:
        return 0.5 if difference == 0 else float(difference > 0)
    return _NORMAL.cdf(difference / error)


def minimum_track_record(moments: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float | None:
    """Return the rows after which the ratio exceeds `benchmark` at this confidence; None when it does not exceed it."""
    difference = moments.sharpe - benchmark
    if difference <= 0:
        return None
    return 1 + moments.variance_factor * (_NORMAL.inv_cdf(confidence) / difference) ** 2


def expected_maximum(trials: float) -> float:
    """Return the expected largest of `trials` independent standard normal values; 0 for one or fewer.

    `trials` may be a fraction (an effective number). The approximation is 7.9 % too small at 2, 2.6 % too large at 5
    and 0.9 % at 100.
    """
    if trials <= 1:
        return 0.0
    first, second = _NORMAL.inv_cdf(1 - 1 / trials), _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return max((1 - _EULER) * first + _EULER * second, 0.0)


def best_of(trials: float, deviation: float) -> float:
    """Return the Sharpe ratio per row that the best of so many worthless strategies is expected to have.

    `deviation` is the standard deviation of the ratios of the trials.
    """
    return deviation * expected_maximum(trials)


def deflated_sharpe(moments: Moments, trials: float, deviation: float) -> float:
    """Return the probability that the true ratio exceeds what the best of so many worthless strategies has.

    `deviation`: standard deviation of the Sharpe ratios (per row) of all trials, never taken from the ratio itself.
    """
    return probabilistic_sharpe(moments, best_of(trials, deviation))


def minimum_backtest_years(trials: float, sharpe: float) -> float | None:
    """Return the years of data for which the best of so many worthless strategies is expected at `sharpe` a year.

    A shorter backtest with that ratio shows nothing. None for a ratio of 0 or less.
    """
    return (expected_maximum(trials) / sharpe) ** 2 if sharpe > 0 else None
