"""Probabilistic and deflated Sharpe ratios: the worked examples of the papers, closed forms, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.research.statistics.sharpe import (
    Moments,
    best_of,
    deflated_sharpe,
    expected_maximum,
    minimum_backtest_years,
    minimum_track_record,
    moments_of,
    probabilistic_sharpe,
)

MONTHLY = Moments(rows=24, sharpe=1.585 / math.sqrt(12), skewness=-2.448, kurtosis=10.164)
DAILY = Moments(rows=1250, sharpe=2.5 / math.sqrt(250), skewness=-3, kurtosis=10)
DEVIATION = math.sqrt(0.5 / 250)


def test_probabilistic_ratio_of_the_paper() -> None:
    assert probabilistic_sharpe(MONTHLY) == pytest.approx(0.91323430688486, abs=1e-12)
    assert probabilistic_sharpe(Moments(rows=24, sharpe=0.458)) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(MONTHLY, MONTHLY.sharpe) == 0.5


@pytest.mark.parametrize(
    ("rows", "sharpe", "skewness", "kurtosis", "error"),
    [(134, 0.7079, -0.2250, 2.9570, 0.1028), (134, 0.8183, -1.4455, 7.0497, 0.1550)],
)
def test_standard_errors_of_the_paper(rows: int, sharpe: float, skewness: float, kurtosis: float, error: float) -> None:
    moments = Moments(rows=rows, sharpe=sharpe, skewness=skewness, kurtosis=kurtosis)
    assert moments.standard_error == pytest.approx(error, abs=5e-5)


@pytest.mark.parametrize(
    ("sharpe", "benchmark", "a_year", "skewness", "kurtosis", "years"),
    [
        (2, 1, 250, 0, 3, 2.7311878017), (2, 1, 52, 0, 3, 2.8288335869), (2, 1, 12, 0, 3, 3.2398006964),
        (2, 1, 12, -0.72, 5.78, 4.9912582239), (3, 2.5, 12, -0.72, 5.78, 27.35292020),
    ],
)  # fmt: skip
def test_minimum_track_records_of_the_paper(  # noqa: PLR0917  a row of the table
    sharpe: float, benchmark: float, a_year: int, skewness: float, kurtosis: float, years: float
) -> None:
    root = math.sqrt(a_year)
    moments = Moments(rows=100, sharpe=sharpe / root, skewness=skewness, kurtosis=kurtosis)
    rows = minimum_track_record(moments, benchmark / root)
    assert rows is not None
    assert rows / a_year == pytest.approx(years, abs=1e-8)
    assert minimum_track_record(moments, sharpe / root) is None


def test_expected_maximum_of_the_paper() -> None:
    assert expected_maximum(1) == 0
    assert expected_maximum(100) == pytest.approx(2.5306028932016846, abs=1e-12)
    assert expected_maximum(1000) == pytest.approx(3.255121513652723, abs=1e-12)
    assert expected_maximum(2) == pytest.approx(0.921 / math.sqrt(math.pi), rel=1e-3)  # 7.9 % below the exact value
    assert minimum_backtest_years(45, 1.0) == pytest.approx(4.998087004443, abs=1e-11)
    assert minimum_backtest_years(45, 0.0) is None


def test_deflated_ratio_of_the_paper() -> None:
    assert best_of(100, DEVIATION) == pytest.approx(0.11317200186513, abs=1e-13)
    assert deflated_sharpe(DAILY, 100, DEVIATION) == pytest.approx(0.90039683444939, abs=1e-12)
    assert deflated_sharpe(DAILY, 46, DEVIATION) == pytest.approx(0.9505017, abs=1e-7)
    normal = Moments(rows=1250, sharpe=2.5 / math.sqrt(250))
    assert deflated_sharpe(normal, 88, DEVIATION) == pytest.approx(0.9504908, abs=1e-7)


@pytest.mark.parametrize(("skewness", "kurtosis"), [(-3.0, 7.0), (0.0, 0.0), (1.0, 1.9)])
def test_impossible_moments_are_refused(skewness: float, kurtosis: float) -> None:
    with pytest.raises(ValueError, match="raw kurtosis"):
        Moments(rows=100, sharpe=0.1, skewness=skewness, kurtosis=kurtosis)


def test_moments_of_two_values() -> None:
    moments = moments_of(np.array([0.0, 1.0, 0.0, 1.0]))
    assert moments is not None
    assert (moments.skewness, moments.kurtosis) == (0, 1)
    assert moments.sharpe == pytest.approx(0.5 / math.sqrt(1 / 3))
    assert moments_of(np.full(5, 0.01)) is None
    assert moments_of(np.array([0.01])) is None


@given(st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=60), st.floats(1, 1e6), st.floats(1, 1e6))
def test_more_trials_never_raise_the_deflated_ratio(values: list[float], one: float, other: float) -> None:
    moments = moments_of(np.array(values))
    if moments is None:
        return
    few, many = sorted((one, other))
    assert deflated_sharpe(moments, many, 0.1) <= deflated_sharpe(moments, few, 0.1) <= probabilistic_sharpe(moments)
