"""The effective number of trials: how many independent trials correlated ones are worth, by several estimators.

`average`: rho + (1 - rho) N with the mean correlation rho (Bailey and López de Prado 2014). `participation`: N^2 over
the sum of squared correlations. `entropy`: the exponential of the entropy of the eigenvalues over N (Roy and Vetterli,
"The effective rank", EUSIPCO 2007). `li_ji`: Li and Ji, Heredity 95, 2005; it jumps at whole eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_ROUND = 1e-9
"""Eigenvalues this close below a whole number count as that number."""


@dataclass(frozen=True, kw_only=True)
class EffectiveTrials:
    """Effective number of trials by estimator; each lies between 1 and the number of trials."""

    average: float
    participation: float
    entropy: float
    li_ji: float

    @property
    def counted(self) -> float:
        """Return the number that counts against the best trial of a sweep and of a research line."""
        return self.participation


def standardised(returns: Array) -> Array:
    """Return float64 [N, T] returns of N trials with mean 0 and deviation 1 (T - 1); trials that do not vary are 0."""
    centred = returns - returns.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, ddof=1, keepdims=True)
    scale = np.abs(returns).max(axis=1, keepdims=True, initial=0)
    varies = deviation > 1e-12 * scale
    found: Array = np.divide(centred, deviation, out=np.zeros_like(centred), where=varies)
    return found


def effective_trials_of_gram(gram: Array, total: Array, trials: int) -> EffectiveTrials:
    """Return the effective numbers from sums over trials that cost nothing for each further trial.

    gram: float64 [T, T], the sum over trials of the outer products of their standardised returns with themselves;
    total: float64 [T], the sum of their standardised returns. The matrix and the [N, N] correlations share their
    eigenvalues other than 0 when divided by T - 1.
    """
    rows = len(total)
    shared = gram / (rows - 1)
    return _of(trials, float(total @ total) / (rows - 1), float((shared**2).sum()), np.linalg.eigvalsh(shared))


def effective_trials_of_units(units: Array, trials: int) -> EffectiveTrials:
    """Return the effective numbers of `trials` of which a random sample is known.

    units: float64 [n, W], rows of length 1 (or 0) whose products are the correlations of the sample. With n = trials
    the numbers are exact. Otherwise `average` and `participation` have the mean correlation and the mean squared
    correlation of the sample; `entropy` and `li_ji` are those of the sample, which all trials exceed.
    """
    sample, width = units.shape
    if trials <= 1 or not sample:
        return EffectiveTrials(**dict.fromkeys(("average", "participation", "entropy", "li_ji"), float(max(trials, 1))))
    products = units.T @ units if width < sample else units @ units.T
    sums = units.sum(axis=0)
    found = _of(sample, float(sums @ sums), float((products**2).sum()), np.linalg.eigvalsh(products))
    if sample == trials:
        return found
    pairs = sample * (sample - 1)
    own = float((units**2).sum())
    mean = (float(sums @ sums) - own) / pairs if pairs else 0.0
    mean_square = (
        max((float((products**2).sum()) - float(((units**2).sum(axis=1) ** 2).sum())) / pairs, 0.0) if pairs else 0.0
    )
    limits = {
        "average": mean + (1 - mean) * trials,
        "participation": trials**2 / (trials + trials * (trials - 1) * mean_square),
    }
    return EffectiveTrials(
        **{name: min(max(value, 1.0), float(trials)) for name, value in limits.items()},
        entropy=found.entropy, li_ji=found.li_ji,
    )  # fmt: skip


def _of(trials: int, total: float, squares: float, eigenvalues: Array) -> EffectiveTrials:
    if trials <= 1:
        return EffectiveTrials(average=1.0, participation=1.0, entropy=1.0, li_ji=1.0)
    mean = (total - trials) / (trials * (trials - 1))
    positive = eigenvalues[eigenvalues > _ROUND]
    shares = positive / positive.sum() if len(positive) else np.ones(1)
    whole = np.floor(positive + _ROUND)
    steps = (whole >= 1) + np.maximum(positive - whole, 0.0)
    found = {
        "average": mean + (1 - mean) * trials,
        "participation": trials**2 / squares if squares > 0 else 1.0,
        "entropy": float(np.exp(-(shares * np.log(shares)).sum())),
        "li_ji": float(steps.sum()),
    }
    return EffectiveTrials(**{name: min(max(value, 1.0), float(trials)) for name, value in found.items()})
