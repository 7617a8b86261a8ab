"""Tests of the best of many: a slow reference, invariance, size and power."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.research.statistics.generator import Uniforms, stationary_indexes
from shared.research.statistics.superiority import long_run_variance, superiority


def slow_variance(values: np.ndarray, block: float) -> float:
    """Return the long-run variance of [T] values lag by lag."""
    rows, centred, q = len(values), values - values.mean(), 1 / block
    total = float(np.sum(centred**2)) / rows
    for lag in range(1, rows):
        kernel = (1 - lag / rows) * (1 - q) ** lag + lag / rows * (1 - q) ** (rows - lag)
        total += 2 * kernel * float(np.sum(centred[:-lag] * centred[lag:])) / rows
    return total


def slow_consistent(differences: np.ndarray, block: float, draws: int, seed: int) -> float:
    """Return the consistent p-value, resample by resample."""
    rows, trials = differences.shape
    mean = differences.mean(axis=0)
    deviation = [math.sqrt(slow_variance(differences[:, k], block)) for k in range(trials)]
    root, limit = math.sqrt(rows), -math.sqrt(2 * math.log(math.log(rows)))
    statistic = max(0.0, *(root * mean[k] / deviation[k] for k in range(trials)))
    above = 0
    for indexes in stationary_indexes(rows, draws, block, Uniforms(seed)):
        resampled = differences[indexes].mean(axis=0)
        values = []
        for k in range(trials):
            recentre = mean[k] if root * mean[k] / deviation[k] >= limit else 0.0
            values.append(root * (resampled[k] - recentre) / deviation[k])
        above += max(0.0, *values) >= statistic - 1e-12
    return above / draws


def test_variance_equals_the_slow_reference() -> None:
    values = np.random.default_rng(1).standard_normal((90, 3)).cumsum(axis=0) * 0.1
    expected = [slow_variance(values[:, k], 6.0) for k in range(3)]
    assert long_run_variance(values, 6.0) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_consistent_p_value_equals_the_slow_reference(seed: int) -> None:
    random = np.random.default_rng(seed)
    differences = 0.01 * random.standard_normal((60, 5)) + np.array([0.002, 0, -0.001, -0.02, 0.001]) * seed
    found = superiority(differences, block=3.0, draws=80, seed=seed)
    assert found.consistent == slow_consistent(differences, 3.0, 80, seed)
    assert found.lower <= found.consistent <= found.upper


def test_scaling_one_trial_does_not_change_the_studentised_test() -> None:
    differences = 0.01 * np.random.default_rng(4).standard_normal((120, 6)) + 0.001
    scaled = differences * np.array([1, 10, 1, 1, 1, 1])
    one, other = (superiority(values, block=4.0, draws=200) for values in (differences, scaled))
    assert (one.lower, one.consistent, one.upper, one.better) == (
        other.lower, other.consistent, other.upper, other.better
    )  # fmt: skip


def test_size_and_power() -> None:
    """Poor trials hide one at the benchmark from the reality check, and one that is better is found by name."""
    random = np.random.default_rng(6)
    rejected = {"noise": 0, "spa": 0, "check": 0, "named": 0}
    runs = 120
    for run in range(runs):
        noise = random.standard_normal((150, 10))
        poor = noise.copy()
        poor[:, 1:] = 3 * poor[:, 1:] - 0.6
        rejected["noise"] += superiority(noise, block=1.0, draws=200, seed=run).consistent <= 0.05
        poor[:, 0] += 0.25
        found = superiority(poor, block=1.0, draws=200, seed=run)
        rejected["spa"] += found.consistent <= 0.05
        rejected["check"] += found.reality_check <= 0.05
        rejected["named"] += found.better == [0]
    assert rejected["noise"] <= 0.12 * runs
    assert rejected["spa"] >= 0.7 * runs
    assert rejected["named"] >= 0.6 * runs
    assert rejected["check"] <= rejected["spa"] - 0.2 * runs


def test_trials_that_equal_the_benchmark_are_left_out() -> None:
    found = superiority(np.zeros((50, 3)), block=2.0)
    assert (found.consistent, found.reality_check, found.better) == (1.0, 1.0, [])
    mixed = np.zeros((50, 2))
    mixed[:, 1] = 0.1 + 0.01 * np.random.default_rng(1).standard_normal(50)
    assert superiority(mixed, block=2.0, draws=100).better == [1]
