"""Adjusted p-values: worked cases and their order; the t distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.research.statistics.families import benjamini_yekutieli, holm, two_sided_p


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [(2.0, 10, 0.07338803477), (2.228138852, 10, 0.05), (12.706204736, 1, 0.05), (1.96, None, 0.04999579)],
)
def test_two_sided_p_values(t: float, freedom: float | None, p: float) -> None:
    assert two_sided_p(t, freedom) == pytest.approx(p, abs=1e-8)
    assert two_sided_p(-t, freedom) == two_sided_p(t, freedom)


def test_p_of_zero_is_one() -> None:
    assert two_sided_p(0.0, 7) == 1


def test_adjusted_p_values_by_hand() -> None:
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    assert holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    factor = 1 + 1 / 2 + 1 / 3 + 1 / 4
    expected = [0.02 * factor, 0.04 * factor, 0.04 * factor, 0.02 * factor]
    assert benjamini_yekutieli(p_values) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_ordered(values: list[float]) -> None:
    p_values = np.array(values)
    by_holm = holm(p_values)
    assert (by_holm <= np.minimum(p_values * len(p_values), 1.0) + 1e-15).all()
    assert (by_holm >= p_values - 1e-15).all()
    for adjusted in (by_holm, benjamini_yekutieli(p_values)):
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(adjusted[order]) >= -1e-15).all()
        assert adjusted.max() <= 1
