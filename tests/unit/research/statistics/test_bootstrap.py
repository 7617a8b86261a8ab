"""The stationary bootstrap and its block length: published values, a slow reference, and laws."""

from __future__ import annotations

import numpy as np
import pytest

from shared.research.statistics.bootstrap import block_length, drawdown_of, intervals
from shared.research.statistics.generator import Uniforms, counts_of, stationary_indexes


def autoregressive(rows: int, coefficient: float, seed: int = 0) -> np.ndarray:
    """Return an AR(1) series after 100 rows."""
    noise = np.random.RandomState(seed).standard_normal(rows + 100)
    for row in range(1, len(noise)):
        noise[row] += coefficient * noise[row - 1]
    return noise[100:]


def test_block_length_of_the_published_case() -> None:
    found = block_length(autoregressive(10_000, 0.3))
    assert found.stationary == pytest.approx(13.635665, abs=1e-4)
    assert found.circular == pytest.approx(15.60894, abs=1e-4)


@pytest.mark.parametrize("values", [np.zeros(0), np.zeros(50), np.arange(5.0)])
def test_block_length_without_variation_is_one(values: np.ndarray) -> None:
    assert block_length(values).stationary == 1


def test_uniforms_are_the_same_bits_everywhere() -> None:
    assert Uniforms(7).draw(3).tolist() == [0.8720734548204873, 0.29536538151378355, 0.4200976785072422]
    assert Uniforms(7).draw(4).tolist() == Uniforms(7).draw(2, 2).ravel().tolist()
    assert Uniforms(7, 1).draw(1) != Uniforms(7).draw(1)


def test_resamples_continue_in_blocks() -> None:
    rows, draws, block = 30, 8, 4.0
    found = stationary_indexes(rows, draws, block, Uniforms(3))
    numbers = Uniforms(3)
    start, begins = numbers.draw(draws, rows), numbers.draw(draws, rows)
    for draw in range(draws):
        place = -1
        for row in range(rows):
            new = row == 0 or begins[draw, row] < 1 / block
            place = int(start[draw, row] * rows) if new else (place + 1) % rows
            assert found[draw, row] == place
    assert counts_of(found).sum(axis=1).tolist() == [rows] * draws


def test_mean_length_of_blocks() -> None:
    found = stationary_indexes(1000, 400, 10.0, Uniforms(1))
    breaks = np.count_nonzero((found[:, 1:] - found[:, :-1]) % 1000 != 1)
    assert 400 * 1000 / (breaks + 400) == pytest.approx(10, rel=0.02)


def test_blocks_shorter_than_a_row_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 row"):
        stationary_indexes(10, 1, 0.5, Uniforms(1))


def test_interval_covers_the_true_mean() -> None:
    covered = 0
    true = 0.2 / np.sqrt(1 / (1 - 0.3**2))
    for seed in range(150):
        found = intervals(0.01 * (0.2 + autoregressive(300, 0.3, seed)), draws=300, seed=seed).sharpe
        covered += found.low <= true <= found.high
    assert 0.8 <= covered / 150 <= 0.97


def test_intervals_have_their_estimates_inside() -> None:
    found = intervals(0.01 * np.random.default_rng(5).standard_normal(300), draws=200)
    for part in (found.sharpe, found.sharpe_studentised, found.growth):
        assert part.low <= part.estimate <= part.high
    assert found.max_drawdown.low <= found.max_drawdown.high <= 0


def test_drawdown_counts_from_the_beginning() -> None:
    assert float(drawdown_of(np.array([-0.5, 0.5, 0.5]))) == -0.5
    assert float(drawdown_of(np.array([0.1, 0.1]))) == 0
