"""Loops over whole panels: mean volumes, volatilities and presence, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from shared.simulation.panel_scans import mean_volumes, rows_with_value, volatilities
from shared.simulation.structures import matrix_view

ROWS, COLUMNS, SPAN = 40, 7, 5


def random_market() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Volume, open, split, idle of stocks that begin late and halt."""
    rng = np.random.default_rng(3)
    volume = rng.integers(1, 1000, (ROWS, COLUMNS)).astype(np.float64)
    open_ = np.full((ROWS, COLUMNS), 100.0)
    volume[rng.random(volume.shape) < 0.3] = 0
    open_[rng.random(volume.shape) < 0.1] = np.nan
    volume[:10, 0] = np.nan
    split = np.where(rng.random(volume.shape) < 0.1, 2.0, 1.0)
    idle = np.full((ROWS, COLUMNS), 65535, np.uint16)
    for column in range(COLUMNS):
        since = 65535
        for row in range(ROWS):
            traded = volume[row, column] > 0 and open_[row, column] > 0
            since = 0 if traded else min(since + 1, 65535)
            idle[row, column] = since
    return volume, open_, split, idle


def test_mean_volume_counts_halts_as_zero_on_todays_basis() -> None:
    volume, open_, split, idle = random_market()
    found = mean_volumes(volume, open_, split, idle, before=0, span=SPAN, carry=2)
    for row in range(ROWS):
        for column in range(COLUMNS):
            terms = [
                (volume[at, column] if idle[at, column] == 0 else 0.0) * split[at + 1 : row + 1, column].prod()
                for at in range(max(0, row - SPAN), row)
                if idle[at, column] <= 2
            ]
            expected = np.mean(terms) if terms else np.nan
            assert found[row, column] == pytest.approx(expected, rel=1e-12, nan_ok=True)


def test_mean_volume_is_independent_of_the_rows_requested() -> None:
    arrays = random_market()
    whole = mean_volumes(*arrays, before=0, span=SPAN, carry=60)
    part = mean_volumes(*(a[20 - SPAN :] for a in arrays), before=SPAN, span=SPAN, carry=60)
    assert np.array_equal(whole[20:], part, equal_nan=True)


def test_volatility_needs_every_change_and_has_no_noise() -> None:
    rng = np.random.default_rng(4)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (ROWS, COLUMNS)), axis=0))
    close[12, 1] = np.nan
    close[:, 2] = 1000 * 1.001 ** np.arange(ROWS)  # equal changes up to rounding
    found = volatilities(close, before=0, span=SPAN)
    changes = close[1:] / close[:-1] - 1
    for row in range(ROWS):
        for column in range(COLUMNS):
            window = changes[max(row - SPAN, 0) : row, column]
            expected = np.std(window, ddof=1) if len(window) == SPAN and row >= SPAN else np.nan
            if column == 2 and row >= SPAN:
                expected = 0.0
            assert found[row, column] == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_rows_with_value_are_those_with_a_cell_inside_the_mask() -> None:
    rng = np.random.default_rng(5)
    values = np.where(rng.random((ROWS, 300)) < 0.01, 1.0, np.nan).astype(np.float32)
    mask = rng.random(values.shape) < 0.3
    found = rows_with_value(
        matrix_view(values, 0, np.float32, 300), matrix_view(mask, 0, np.bool_, 300), first=0, count=ROWS, columns=300
    )
    assert np.array_equal(found, (~np.isnan(values) & mask).any(axis=1))
