"""Every factor against the slow plain loop, on random markets."""

from __future__ import annotations

import numpy as np
import pytest

from shared.factors.catalogue import FACTORS
from shared.factors.compute import compute_factors
from tests.unit.factors.naive_reference import slow_factors
from tests.unit.factors.random_raw import inputs_of, random_raw

KEYS = tuple(factor.key for factor in FACTORS)


@pytest.mark.parametrize(
    ("seed", "rows", "stocks", "step"), [(1, 420, 8, 7), (2, 420, 8, 7), (3, 60, 10, 3), (4, 300, 8, 7), (5, 1, 3, 1)]
)
def test_every_factor_agrees_with_a_plain_loop(seed: int, rows: int, stocks: int, step: int) -> None:
    raw = random_raw(seed, rows, stocks, fewer_gaps=seed == 2)
    found = compute_factors(inputs_of(raw), KEYS, slice(0, rows))
    wanted = range(0, rows, step)
    compared = 0
    for i in range(stocks):
        slow = slow_factors(raw, i, wanted, KEYS)
        for key in KEYS:
            for place, d in enumerate(wanted):
                mine, other = found[key][d, i], slow[key][place]
                where = f"{key}, row {d}, stock {i}: {mine} against {other}"
                assert np.isnan(mine) == (other is None), where
                if other is not None:
                    compared += 1
                    assert mine == pytest.approx(other, rel=1e-5, abs=1e-9), where
    assert compared > rows * stocks / step


def test_random_markets_give_every_factor_values_and_gaps() -> None:
    values = dict.fromkeys(KEYS, 0)
    cells = 0
    for seed in (1, 2):
        found = compute_factors(inputs_of(random_raw(seed, 420, 8, fewer_gaps=seed == 2)), KEYS, slice(0, 420))
        for key in KEYS:
            values[key] += int(np.count_nonzero(~np.isnan(found[key])))
        cells += 420 * 8
    assert all(0.02 * cells < count < 0.99 * cells for count in values.values()), values
