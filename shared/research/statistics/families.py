"""p-values of many tests adjusted for their number, and what is left of a Sharpe ratio then.

Sources: Harvey and Liu, "Backtesting", Journal of Portfolio Management 42, 2015; Harvey, Liu and Zhu, "… and the
Cross-Section of Expected Returns", Review of Financial Studies 29, 2016 (a new factor should have t above 3); Lo, "The
Statistics of Sharpe Ratios", Financial Analysts Journal 58, 2002 (autocorrelation); Holm 1979; Benjamini and Yekutieli
2001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

T_HURDLE: Final = 3.0
"""t of a factor from which Harvey, Liu and Zhu take it seriously."""

_NORMAL = NormalDist()


def bonferroni(p_values: Array) -> Array:
    """Return float64 [N] p-values times their number, at most 1."""
    found: Array = np.minimum(p_values * len(p_values), 1.0)
    return found


def holm(p_values: Array) -> Array:
    """Return p-values adjusted by the step-down procedure of Holm, in their order."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    found = np.empty(count)
    found[order] = np.minimum(np.maximum.accumulate(p_values[order] * (count - np.arange(count))), 1.0)
    return found


def benjamini_yekutieli(p_values: Array) -> Array:
    """Return p-values that bound the false discovery rate under any dependence (BHY), in their order."""
    count = len(p_values)
    order = np.argsort(p_values, kind="stable")
    factor = float((1 / np.arange(1, count + 1)).sum()) * count / np.arange(1, count + 1)
    found = np.empty(count)
    found[order] = np.minimum(np.minimum.accumulate((p_values[order] * factor)[::-1])[::-1], 1.0)
    return found


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
    rho = autocorrelation
    if rho == 0:
        return 1.0
    return math.sqrt(1 + 2 * rho / (1 - rho) * (1 - (1 - rho**rows_a_year) / (rows_a_year * (1 - rho))))


def two_sided_p(t: float, freedom: float | None = None) -> float:
    """Return the two-sided p-value of a t statistic; `freedom` None is the normal distribution."""
    if freedom is None:
        return 2 * _NORMAL.cdf(-abs(t))
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


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


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function by its continued fraction (Lentz)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / ((1 + term * d) or tiny)
            c = (1 + term / c) or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return front * fraction / a
