"""The probability of overfitting: an exact case, a slow reference, and cases with a known answer."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Literal

import numpy as np
import pytest

from shared.research.statistics.overfitting import overfitting


def slow(returns: np.ndarray, blocks: int, metric: str) -> list[float]:
    """Return the logits by cutting the rows anew for each split, in the order of the splits."""
    parts = np.array_split(np.arange(len(returns)), blocks)

    def performance(rows: np.ndarray, trial: int) -> float:
        values = returns[rows, trial]
        if metric == "mean":
            return float(np.mean(values))
        deviation = float(np.std(values, ddof=1))
        return float(np.mean(values)) / deviation if deviation > 1e-9 * np.abs(returns[:, trial]).max() else 0.0

    logits = []
    for inside in combinations(range(blocks), blocks // 2):
        within = np.concatenate([parts[block] for block in inside])
        without = np.concatenate([parts[block] for block in range(blocks) if block not in inside])
        trials = range(returns.shape[1])
        best = max(trials, key=lambda trial: (performance(within, trial), -trial))
        values = [performance(without, trial) for trial in trials]
        rank = sum(v < values[best] for v in values) + (sum(v == values[best] for v in values) + 1) / 2
        share = rank / (len(values) + 1)
        logits.append(math.log(share / (1 - share)))
    return logits


def test_exact_case_with_four_rows() -> None:
    found = overfitting(np.array([[1.0, 0], [0, 2], [3, 1], [0, 1]]), blocks=4, metric="mean")
    half = -math.log(2)
    assert sorted(found.logits.tolist()) == pytest.approx([half, half, half, half, 0.0, 0.0])
    assert (found.probability, found.splits) == (1.0, 6)


@pytest.mark.parametrize("metric", ["mean", "sharpe"])
@pytest.mark.parametrize("seed", range(4))
def test_block_sums_give_what_slices_give(metric: Literal["mean", "sharpe"], seed: int) -> None:
    random = np.random.default_rng(seed)
    returns = 0.01 * random.standard_normal((37 + seed, 6)) + 0.001 * seed
    returns[:, 5] = 0.0
    found = overfitting(returns, blocks=6, metric=metric)
    expected = slow(returns, 6, metric)
    assert sorted(found.logits.tolist()) == pytest.approx(sorted(expected), abs=1e-10)
    assert found.probability == pytest.approx(np.mean(np.array(expected) <= 1e-12))


def test_trials_without_any_mean_are_overfitted() -> None:
    returns = np.random.default_rng(1).standard_normal((160, 12))
    found = overfitting(returns - returns.mean(axis=0), metric="mean")
    assert (found.probability, found.splits) == (1.0, 12_870)


def test_one_true_edge_is_not_overfitted() -> None:
    returns = 0.01 * np.random.default_rng(2).standard_normal((1000, 20))
    returns[:, 7] += 0.003
    found = overfitting(returns)
    assert found.probability < 0.01
    assert found.loss < 0.01


def test_noise_is_a_coin_toss() -> None:
    random = np.random.default_rng(3)
    found = [overfitting(random.standard_normal((160, 10)), blocks=8).probability for _ in range(60)]
    assert 0.4 < np.mean(found) < 0.6


@pytest.mark.parametrize(
    ("shape", "blocks", "says"), [((40, 3), 5, "even"), ((40, 1), 4, "2 trials"), ((7, 3), 4, "8 rows")]
)
def test_impossible_splits_are_refused(shape: tuple[int, int], blocks: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        overfitting(np.zeros(shape), blocks=blocks)
