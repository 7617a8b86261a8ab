"""p-values of many tests adjusted for their number.

Sources: Harvey, Liu and Zhu, "… and the Cross-Section of Expected Returns", Review of Financial Studies 29, 2016 (a new
factor should have t above 3); Holm 1979; Benjamini and Yekutieli 2001.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

T_HURDLE: Final = 3.0
"""t of a factor from which Harvey, Liu and Zhu take it seriously."""

_NORMAL = NormalDist()


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


def two_sided_p(t: float, freedom: float | None = None) -> float:
    """Return the two-sided p-value of a t statistic; `freedom` None is the normal distribution."""
    if freedom is None:
        return 2 * _NORMAL.cdf(-abs(t))
    return _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


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
