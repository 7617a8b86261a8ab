"""Adjusted p-values and haircuts: published values, slow references, the t distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.research.statistics.families import (
    benjamini_yekutieli,
    bonferroni,
    haircut,
    holm,
    quantile_of_p,
    two_sided_p,
)


def test_haircut_of_the_published_cases() -> None:
    found = haircut(1.0, rows=120, rows_a_year=12, autocorrelation=0.1, tests=100)
    assert found.sharpe == pytest.approx(0.9122455, abs=1e-7)
    assert found.t == pytest.approx(2.8847735, abs=1e-6)
    assert found.p_adjusted == pytest.approx(0.46512300, abs=1e-8)
    found = haircut(0.75, rows=240, rows_a_year=12, tests=200, distribution="normal")
    assert (found.p, found.p_adjusted) == pytest.approx((0.000796, 0.159246), abs=1e-6)
    assert found.sharpe_adjusted == pytest.approx(0.3148, abs=1e-4)
    assert haircut(-1.0, rows=120, rows_a_year=12, tests=1).sharpe_adjusted == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("t", "freedom", "p"),
    [(2.0, 10, 0.07338803477), (2.228138852, 10, 0.05), (12.706204736, 1, 0.05), (1.96, None, 0.04999579)],
)
def test_two_sided_p_values(t: float, freedom: float | None, p: float) -> None:
    assert two_sided_p(t, freedom) == pytest.approx(p, abs=1e-8)
    assert two_sided_p(-t, freedom) == two_sided_p(t, freedom)
    assert quantile_of_p(p, freedom) == pytest.approx(t, rel=1e-6)


def test_p_of_zero_is_one() -> None:
    assert two_sided_p(0.0, 7) == 1
    assert quantile_of_p(1.0, 7) == 0


def test_adjusted_p_values_by_hand() -> None:
    p_values = np.array([0.01, 0.04, 0.03, 0.005])
    assert bonferroni(p_values) == pytest.approx([0.04, 0.16, 0.12, 0.02])
    assert holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    factor = 1 + 1 / 2 + 1 / 3 + 1 / 4
    expected = [0.02 * factor, 0.04 * factor, 0.04 * factor, 0.02 * factor]
    assert benjamini_yekutieli(p_values) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_ordered(values: list[float]) -> None:
    p_values = np.array(values)
    by_holm, by_bonferroni = holm(p_values), bonferroni(p_values)
    assert (by_holm <= by_bonferroni + 1e-15).all()
    assert (by_holm >= p_values - 1e-15).all()
    for adjusted in (by_holm, benjamini_yekutieli(p_values)):
        order = np.argsort(p_values, kind="stable")
        assert (np.diff(adjusted[order]) >= -1e-15).all()
        assert adjusted.max() <= 1
