"""Haircuts of Sharpe ratios: published values, and the quantiles of the t distribution."""

from __future__ import annotations

import pytest

from shared.research.statistics.families import two_sided_p
from shared.research.statistics.haircut import haircut, quantile_of_p


def test_haircut_of_the_published_cases() -> None:
    found = haircut(1.0, rows=120, rows_a_year=12, autocorrelation=0.1, tests=100)
    assert found.sharpe == pytest.approx(0.9122455, abs=1e-7)
    assert found.t == pytest.approx(2.8847735, abs=1e-6)
    assert found.p_adjusted == pytest.approx(0.46512300, abs=1e-8)
    found = haircut(0.75, rows=240, rows_a_year=12, tests=200, distribution="normal")
    assert (found.p, found.p_adjusted) == pytest.approx((0.000796, 0.159246), abs=1e-6)
    assert found.sharpe_adjusted == pytest.approx(0.3148, abs=1e-4)
    assert haircut(-1.0, rows=120, rows_a_year=12, tests=1).sharpe_adjusted == pytest.approx(-1.0)


@pytest.mark.parametrize(("t", "freedom"), [(0.5, None), (2.5, None), (2.5, 7), (4.0, 119), (12.0, 3)])
def test_quantile_is_the_inverse_of_p(t: float, freedom: float | None) -> None:
    assert quantile_of_p(two_sided_p(t, freedom), freedom) == pytest.approx(t, rel=1e-6)
    assert quantile_of_p(1.0, freedom) == 0


def test_reversing_returns_raise_the_ratio() -> None:
    assert haircut(1.0, rows=156, rows_a_year=52.18, tests=1, autocorrelation=-0.1).sharpe > 1


def test_more_tests_leave_less() -> None:
    left = [haircut(1.5, rows=156, rows_a_year=52, tests=tests).sharpe_adjusted for tests in (1, 2.5, 40, 1_000)]
    assert left == sorted(left, reverse=True)
    assert left[0] == pytest.approx(1.5)
    assert left[-1] == 0
