"""Differences of Sharpe ratios, and long-run covariances."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.research.statistics.difference import long_run_covariance, sharpe_difference


def test_long_run_variance_by_hand() -> None:
    values = np.arange(1.0, 6.0)
    variance = float(long_run_covariance(values[:, None], 1)[0, 0])
    assert variance == pytest.approx(2.8)
    assert values.mean() / math.sqrt(variance / 5) == pytest.approx(4.008918628686366, abs=1e-12)


def test_a_series_does_not_differ_from_itself() -> None:
    values = 0.01 * np.random.default_rng(1).standard_normal(200)
    found = sharpe_difference(values, values)
    assert found is not None
    assert (found.difference, found.p) == (0, 1)
    assert sharpe_difference(values, np.full(200, 0.01)) is None


def test_equal_ratios_are_rarely_rejected() -> None:
    rejected = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        one, other = 0.05 + random.standard_normal(300), 0.05 + random.standard_normal(300)
        found = sharpe_difference(one, other)
        assert found is not None
        rejected += found.p <= 0.05
    assert rejected / 300 < 0.1


def test_a_clearly_better_series_is_found() -> None:
    random = np.random.default_rng(2)
    found = sharpe_difference(0.4 + random.standard_normal(400), random.standard_normal(400))
    assert found is not None
    assert found.p < 0.001
    assert found.difference > 0.2
