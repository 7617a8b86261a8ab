"""Effective numbers of trials: closed forms, published values, and the same from sums over trials."""

from __future__ import annotations

import numpy as np
import pytest

from shared.research.statistics.effective_trials import (
    effective_trials_of_gram,
    effective_trials_of_units,
    standardised,
)
from tests.support.effective_trials import effective_trials


def _copies(correlation: float) -> np.ndarray:
    """Six trials that resemble each other, and four that do not."""
    matrix = np.eye(10)
    matrix[:6, :6] = correlation
    np.fill_diagonal(matrix, 1)
    return matrix


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(7), (7.0, 7.0, 7.0, 7.0)),
        (_copies(1.0), (7.0, 2.5, 3.412787518465, 5.0)),
        (_copies(0.98), (7.06, 2.576522725, 3.649110488, 6.0)),
        (np.ones((5, 5)), (1.0, 1.0, 1.0, 1.0)),
        (np.ones((1, 1)), (1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_known_matrices(matrix: np.ndarray, expected: tuple[float, ...]) -> None:
    values, vectors = np.linalg.eigh(matrix)
    found = effective_trials_of_units(vectors * np.sqrt(np.maximum(values, 0)), len(matrix))
    assert (found.average, found.participation, found.entropy, found.li_ji) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_sums_over_trials_give_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    common = random.standard_normal(40)
    returns = random.standard_normal((25 + 20 * seed, 40)) + seed * common
    values = standardised(returns)
    from_sums = effective_trials_of_gram(values.T @ values, values.sum(axis=0), len(values))
    direct = effective_trials(np.corrcoef(returns))
    assert from_sums.average == pytest.approx(direct.average, rel=1e-9)
    assert from_sums.participation == pytest.approx(direct.participation, rel=1e-9)
    assert from_sums.entropy == pytest.approx(direct.entropy, rel=1e-9)
    assert from_sums.li_ji == pytest.approx(direct.li_ji, rel=1e-6)


def test_returns_that_do_not_vary_are_zero() -> None:
    assert standardised(np.full((1, 5), 0.01)).tolist() == [[0.0] * 5]
