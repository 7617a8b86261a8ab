"""What the trials of a sweep say about its best variant: how many there were, and what the best of them means.

Everything is computed from the weekly returns that parts store, in one pass over the parts: sums over all trials, and a
sample of at most `SAMPLE` trials for the tests that need whole columns. The sample is drawn by the numbers of the
variants, never by their results.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shared.research.statistics.bootstrap import block_length
from shared.research.statistics.effective_trials import effective_trials_of_gram, standardised
from shared.research.statistics.overfitting import overfitting
from shared.research.statistics.sharpe import (
    METHOD,
    MIN_TRIALS,
    WEEKS_A_YEAR,
    best_of,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_years,
    minimum_track_record,
    moments_of,
    probabilistic_sharpe,
)
from shared.research.statistics.superiority import superiority
from shared.research.sweeps.part import PartTable
from shared.research.sweeps.sampling import uniforms

SAMPLE = 1_000
"""Trials of the sample; all of them in a smaller sweep."""
_STREAM = 1 << 19


@dataclass(kw_only=True)
class TrialSums:
    """Sums over the weekly returns of the trials that have been added."""

    sampled: frozenset[int]
    """Numbers of the variants of the sample."""
    trials: int = 0
    gram: np.ndarray | None = None
    total: np.ndarray | None = None
    ratios: list[np.ndarray] = field(default_factory=list)
    sample: dict[int, np.ndarray] = field(default_factory=dict)
    best: np.ndarray | None = None

    @classmethod
    def of(cls, variants: int) -> TrialSums:
        """Return empty sums of a sweep of so many variants."""
        order = np.argsort(uniforms(0, _STREAM, variants), kind="stable")[:SAMPLE]
        return cls(sampled=frozenset(order.tolist()))

    def add(self, first: int, part: PartTable, best: int) -> None:
        """Add the trials of a part whose first variant has the number `first`; `best` is the best variant."""
        returns = part.weekly.astype(np.float64)
        if not returns.shape[1]:
            return
        counted = np.flatnonzero(np.isfinite(returns).all(axis=1))
        kept = returns[counted]
        units = standardised(kept)
        gram, total = units.T @ units, units.sum(axis=0)
        self.gram = gram if self.gram is None else self.gram + gram
        self.total = total if self.total is None else self.total + total
        self.trials += len(counted)
        deviation = kept.std(axis=1, ddof=1)
        varies = deviation > 0
        self.ratios.append(kept.mean(axis=1)[varies] / deviation[varies])
        for row in counted.tolist():
            if first + row in self.sampled:
                self.sample[first + row] = returns[row]
            if first + row == best:
                self.best = returns[row]


def trial_statistics(sums: TrialSums, best: int) -> dict[str, Any] | None:
    """Return the statistics block of a sweep; None without weekly returns of two trials and of the best variant."""
    if sums.gram is None or sums.total is None or sums.best is None or sums.trials < 2:
        return None
    moments = moments_of(sums.best)
    if moments is None:
        return None
    ratios = np.concatenate(sums.ratios)
    few = len(ratios) < MIN_TRIALS
    deviation = 1 / math.sqrt(moments.rows - 1) if few else float(ratios.std(ddof=1))
    effective = effective_trials_of_gram(sums.gram, sums.total, sums.trials)
    year = math.sqrt(WEEKS_A_YEAR)
    deflated = sorted(deflated_sharpe(moments, trials, deviation) for trials in (sums.trials, effective.counted))
    years = moments.rows / WEEKS_A_YEAR
    track = minimum_track_record(moments, best_of(effective.counted, deviation))
    return {
        "method": METHOD,
        "weeks": moments.rows,
        "trials": sums.trials,
        "independent": {
            "average": effective.average, "participation": effective.participation,
            "entropy": effective.entropy, "li_ji": effective.li_ji,
        },
        "sharpe_deviation_annual": deviation * year,
        "deviation_from": "null" if few else "trials",
        "expected_maximum": expected_maximum(sums.trials),
        "sr0_annual": [best_of(effective.counted, deviation) * year, best_of(sums.trials, deviation) * year],
        "best": {
            "variant": best, "sharpe_annual": moments.sharpe * year, "skewness": moments.skewness,
            "kurtosis": moments.kurtosis, "psr": probabilistic_sharpe(moments), "dsr": deflated,
            "minimum_track_record_years": None if track is None else track / WEEKS_A_YEAR,
            "minimum_backtest_years": minimum_backtest_years(effective.counted, moments.sharpe * year), "years": years,
        },
        **_of_sample(sums),
    }  # fmt: skip


def _of_sample(sums: TrialSums) -> dict[str, Any]:
    """Return the probability of overfitting, and the tests whether any trial earns more than nothing."""
    columns = np.array([sums.sample[variant] for variant in sorted(sums.sample)]).T
    varying = columns[:, columns.std(axis=0) > 0] if columns.size else columns
    found: dict[str, Any] = {"sample": len(sums.sample), "pbo": None, "spa": None}
    if varying.ndim == 2 and varying.shape[1] >= 2:
        blocks = next((count for count in (16, 12, 8, 6, 4) if len(varying) >= 2 * count), 0)
        if blocks:
            judged = overfitting(varying, blocks=blocks)
            found["pbo"] = {
                "probability": judged.probability, "slope": judged.slope, "loss": judged.loss, "blocks": blocks,
                "splits": judged.splits,
            }  # fmt: skip
        block = max(block_length(varying.mean(axis=1)).stationary, 1.0)
        tested = superiority(varying, block=block)
        found["spa"] = {
            "lower": tested.lower, "consistent": tested.consistent, "upper": tested.upper,
            "reality_check": tested.reality_check, "against": "cash", "block_weeks": float(block),
        }  # fmt: skip
    return found
