"""Effective numbers of trials from their definitions, as `shared.research.statistics.effective_trials` names them."""

from __future__ import annotations

import numpy as np

from shared.research.statistics.effective_trials import EffectiveTrials


def effective_trials(correlation: np.ndarray) -> EffectiveTrials:
    """Return the effective numbers of an [N, N] correlation matrix, N above 1."""
    trials = len(correlation)
    mean = correlation[~np.eye(trials, dtype=bool)].mean()
    values = np.linalg.eigvalsh(correlation)
    values = values[values > 1e-9]
    shares = values / values.sum()
    return EffectiveTrials(
        average=float(mean + (1 - mean) * trials),
        participation=float(trials**2 / (correlation**2).sum()),
        entropy=float(np.exp(-(shares * np.log(shares)).sum())),
        li_ji=float(sum((value >= 1 - 1e-9) + value - np.floor(value + 1e-9) for value in values)),
    )
