"""What is left of a Sharpe ratio after the number of tests among which it was found.

Sources: Harvey and Liu, "Backtesting", Journal of Portfolio Management 42, 2015; Lo, "The Statistics of Sharpe Ratios",
Financial Analysts Journal 58, 2002 (autocorrelation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from shared.research.statistics.families import two_sided_p

_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Haircut:
    """A Sharpe ratio a year, corrected for autocorrelation, and what is left of it after so many tests."""

    sharpe: float
    t: float
    p: float
    p_adjusted: float
    sharpe_adjusted: float


def haircut(
    sharpe: float,
    *,
    rows: int,
    rows_a_year: float,
    tests: float,
    autocorrelation: float = 0.0,
    distribution: Literal["t", "normal"] = "t",
) -> Haircut:
    """Return the haircut of an annualised Sharpe ratio by Bonferroni's correction.

    rows: returns that it was computed from; tests: number of tests, at least 1; autocorrelation: of first order between
    rows, by which Lo's factor corrects the annual ratio.
    """
    ratio = sharpe / _lo_factor(autocorrelation, rows_a_year)
    years = rows / rows_a_year
    t = ratio * math.sqrt(years)
    freedom = rows - 1 if distribution == "t" else None
    p = two_sided_p(t, freedom)
    adjusted = min(p * tests, 1.0)
    left = math.copysign(quantile_of_p(adjusted, freedom), t) / math.sqrt(years)
    return Haircut(sharpe=ratio, t=t, p=p, p_adjusted=adjusted, sharpe_adjusted=left)


def _lo_factor(autocorrelation: float, rows_a_year: float) -> float:
    """Return by how much autocorrelation of first order exaggerates a ratio that was annualised by a square root."""
    rho, rows = autocorrelation, round(rows_a_year)
    if rho == 0:
        return 1.0
    return math.sqrt(1 + 2 * rho / (1 - rho) * (1 - (1 - rho**rows) / (rows * (1 - rho))))


def quantile_of_p(p: float, freedom: float | None = None) -> float:
    """Return the t statistic (0 or above) that has a two-sided p-value (0 < p <= 1)."""
    if p >= 1:
        return 0.0
    if freedom is None:
        return -_NORMAL.inv_cdf(p / 2)
    low, high = 0.0, 1.0
    while two_sided_p(high, freedom) > p:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if two_sided_p(middle, freedom) > p else (low, middle)
    return (low + high) / 2
