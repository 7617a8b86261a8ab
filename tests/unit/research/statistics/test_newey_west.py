"""t of a mean with overlapping rows: a hand-worked case, the plain formula, and its size under noise."""

from __future__ import annotations

import numpy as np
import pytest

from shared.research.statistics.newey_west import long_run_variance, mean_test, overlapping_lags
from tests.reference.factor_reports import newey_west_t


def test_long_run_variance_of_the_worked_case() -> None:
    values = np.arange(1.0, 6.0)
    assert long_run_variance(values, 0) == pytest.approx(2.0)
    assert long_run_variance(values, 1) == pytest.approx(2.8)
    assert 3 / np.sqrt(long_run_variance(values, 1) / 5) == pytest.approx(4.008918628686366, abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "horizon", "lags"), [(100, 1, 4), (750, 1, 6), (750, 20, 19), (5, 1, 2), (24, 60, 59)]
)
def test_lags_cover_the_overlap(rows: int, horizon: int, lags: int) -> None:
    assert overlapping_lags(rows, horizon) == lags


@pytest.mark.parametrize("horizon", [1, 5, 40])
def test_mean_test_equals_the_plain_formula(horizon: int) -> None:
    random = np.random.default_rng(horizon)
    values = np.convolve(random.normal(0.1, 1, 300), np.ones(horizon), "valid")
    holes = values.copy()
    holes[::17] = np.nan
    kept = holes[np.isfinite(holes)]
    found = mean_test(holes, horizon)
    assert found.rows == len(kept)
    assert found.t == pytest.approx(newey_west_t(kept.tolist(), horizon), rel=1e-10)
    assert found.mean == pytest.approx(kept.mean())
    assert found.deviation == pytest.approx(kept.std(ddof=1))


def test_a_mean_without_dispersion_has_no_t() -> None:
    assert mean_test(np.full(50, 0.1), 1).t is None
    assert mean_test(np.array([np.nan, 3.0]), 1).deviation is None
    assert mean_test(np.full(3, np.nan), 5).mean is None


def test_rejections_under_overlapping_noise_are_few() -> None:
    random = np.random.default_rng(3)
    far = 0
    for _ in range(300):
        values = np.convolve(random.normal(size=604), np.ones(5), "valid")
        t = mean_test(values, 5).t
        assert t is not None
        far += abs(t) > 1.96
    assert 0 < far / 300 < 0.12


@pytest.mark.parametrize("horizon", [1, 20])
def test_mean_test_equals_statsmodels(horizon: int) -> None:
    from statsmodels.regression.linear_model import OLS

    values = np.convolve(np.random.default_rng(9).normal(0.1, 1, 400), np.ones(horizon), "valid")
    lags = overlapping_lags(len(values), horizon)
    fitted = OLS(values, np.ones(len(values))).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )  # fmt: skip
    assert mean_test(values, horizon).t == pytest.approx(float(fitted.tvalues[0]), rel=1e-10)
