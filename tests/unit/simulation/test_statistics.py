"""Statistics against a well-kept library, and by hand where it has none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from shared.simulation.native import TRIP
from shared.simulation.statistics import Course, Totals, Trips, statistics
from tests.support import plain_statistics

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

NO_TRIPS = np.empty(0, TRIP)
NO_TOTALS = Totals(sales=0, commission=0, tax=0, slippage=0, fills=0)


def _course(
    returns: np.ndarray, benchmark: np.ndarray | None = None, initial: float = 1e8, rf: float = 0.0, idle: int = 0
) -> Course:
    equity = initial * np.cumprod(1 + returns)
    days = np.arange(19_358, 19_358 + len(returns), dtype=np.int32)
    return Course(
        days=days, equity=equity, cash=equity * 0.25, initial_cash=initial, benchmark=benchmark, idle_days=idle,
        risk_free_pct=rf,
    )  # fmt: skip


def _figures(course: Course, trips: np.ndarray = NO_TRIPS, totals: Totals = NO_TOTALS) -> dict:
    return statistics(course, Trips(trips, course.days), totals, course.monthly_returns())


@pytest.mark.parametrize("seed", range(5))
def test_figures_with_a_counterpart_equal_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.0003, 0.01, 300)
    returns = 0.6 * benchmark + rng.normal(0.0002, 0.012, 300)
    rf = 3.0
    daily = rf / 100 / 252
    found = _figures(_course(returns, benchmark, rf=rf))
    r = _course(returns).returns
    expected = {
        "total_return": empyrical.cum_returns_final(r),
        "cagr": empyrical.annual_return(r),
        "volatility": empyrical.annual_volatility(r),
        "sharpe": empyrical.sharpe_ratio(r, risk_free=daily),
        "sortino": empyrical.sortino_ratio(r, required_return=daily),
        "max_drawdown": empyrical.max_drawdown(r),
        "calmar": empyrical.calmar_ratio(r),
        "beta": empyrical.beta(r, benchmark, risk_free=daily),
        "tracking_error": np.std(r - benchmark, ddof=1) * math.sqrt(252),
        "information_ratio": empyrical.excess_sharpe(r, benchmark) * math.sqrt(252),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value), rel=1e-9), name
    alpha = 252 * (np.mean(r - daily) - found["beta"] * np.mean(benchmark - daily))
    assert found["alpha"] == pytest.approx(float(alpha), rel=1e-9)
    # the library compounds alpha over a year; the contract adds it up: the daily figure is the same
    assert found["alpha"] / 252 == pytest.approx((1 + empyrical.alpha(r, benchmark, risk_free=daily)) ** (1 / 252) - 1)


def test_a_drawdown_runs_from_the_peak_to_the_bottom_to_the_recovery() -> None:
    found = _figures(_course(np.array([-0.1, 0.0, 0.2, -0.3, -0.1, 0.5, 0.4])))
    assert found["max_drawdown"] == pytest.approx(0.7 * 0.9 - 1)
    assert [found[f"max_drawdown_{x}"] for x in ("start", "bottom", "recovery")] == [
        "2023-01-03", "2023-01-05", "2023-01-07",
    ]  # fmt: skip
    never = _figures(_course(np.array([-0.1, -0.1])))
    assert never["max_drawdown"] == pytest.approx(-0.19)
    assert (never["max_drawdown_start"], never["max_drawdown_recovery"]) == ("2023-01-01", None)


def test_round_trips_are_judged_by_all_that_they_brought() -> None:
    trips = np.zeros(3, TRIP)
    trips["cost"], trips["brought"], trips["exit_row"] = [100, 200, 50], [130, 180, 50], [3, 4, 5]
    found = _figures(_course(np.zeros(10)), trips)
    assert found["win_rate"] == pytest.approx(1 / 3)
    assert found["profit_factor"] == pytest.approx(30 / 20)
    assert found["average_win"] == pytest.approx(0.3)
    assert found["average_loss"] == pytest.approx((-0.1 + 0) / 2)
    assert found["average_holding_days"] == 4


def test_turnover_and_exposure_follow_their_formulas() -> None:
    totals = Totals(sales=5e7, commission=1, tax=2, slippage=3, fills=4)
    course = _course(np.zeros(126))
    found = _figures(course, totals=totals)
    assert found["turnover"] == pytest.approx(5e7 / 1e8 * 2)
    assert found["exposure"] == pytest.approx(0.75)
    assert (found["commission_paid"], found["tax_paid"], found["slippage_paid"], found["trades"]) == (1, 2, 3, 4)


def test_idle_days_are_left_out_of_the_active_sharpe() -> None:
    returns = np.concatenate([np.zeros(50), np.random.default_rng(3).normal(0.001, 0.01, 100)])
    totals = Totals(sales=0, commission=0, tax=0, slippage=0, fills=1)
    found = _figures(_course(returns, idle=50), totals=totals)
    assert found["sharpe_active"] == pytest.approx(empyrical.sharpe_ratio(_course(returns).returns[50:]))
    assert found["sharpe_active"] > found["sharpe"]


def test_days_after_an_equity_of_zero_have_no_return_and_nothing_is_nan() -> None:
    course = Course(
        days=np.arange(19_358, 19_362, dtype=np.int32), equity=np.array([1e8, 0.0, 0.0, 0.0]),
        cash=np.zeros(4), initial_cash=1e8, benchmark=np.zeros(4), idle_days=0, risk_free_pct=0.0,
    )  # fmt: skip
    assert np.isnan(course.returns).tolist() == [False, False, True, True]
    found = _figures(course)
    assert found["total_return"] == -1
    assert found["cagr"] == -1
    assert found["beta"] is None
    assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in found.values())


def test_months_and_years_chain_to_the_total() -> None:
    course = _course(np.random.default_rng(1).normal(0, 0.01, 400))
    months, years = course.monthly_returns(), course.yearly_returns()
    for periods in (months, years):
        chained = np.prod([1 + value for _, value in periods if value is not None])
        assert chained - 1 == pytest.approx(_figures(course)["total_return"])
    assert [name for name, _ in years] == ["2023", "2024"]
    assert months[0][0] == "2023-01"


def _chance(seed: int, rows: int) -> tuple[Course, np.ndarray, Totals, plain_statistics.Course, float]:
    """A course of many kinds: quiet days, falls to nothing and below, gaps in the calendar, with trips and totals."""
    rng = np.random.default_rng(seed)
    equity = 1e8 * np.cumprod(1 + rng.normal(0.0003, 0.02, rows) * (rng.random(rows) < 0.8))
    if seed % 5 == 1:
        equity[rng.integers(rows) :] *= rng.choice([0.0, -0.1])
    if seed % 5 == 2:
        equity[:] = equity[0] if seed % 2 else 1e8
    days = (10_000 + np.cumsum(rng.integers(1, 9, rows))).astype(np.int32)
    benchmark = None if seed % 3 == 0 else rng.normal(0, 0.01, rows) * (seed % 7 > 0)
    idle, rf = int(rng.integers(rows + 1)), float(rng.choice([0.0, 3.5]))
    parts = {
        "days": days,
        "equity": equity,
        "cash": equity * rng.random(rows),
        "initial_cash": 1e8,
        "benchmark": benchmark,
    }
    trips = np.zeros(int(rng.integers(400)) if seed % 4 else 0, TRIP)
    trips["cost"] = rng.uniform(1, 100, len(trips))
    trips["brought"] = trips["cost"] * rng.choice([0.0, 0.9, 1.0, 1.3], len(trips))
    trips["entry_row"] = rng.integers(rows, size=len(trips))
    trips["exit_row"] = rng.integers(trips["entry_row"], rows)
    totals = Totals(sales=float(rng.uniform(0, 1e9)), commission=1.5, tax=2.5, slippage=3.5, fills=7)
    course = Course(**parts, idle_days=idle, risk_free_pct=rf)
    return course, trips, totals, plain_statistics.Course(**parts), rf


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 100, 128, 129, 250, 750, 3000])
def test_the_kernel_has_the_bits_of_the_plain_figures(seed: int, rows: int) -> None:
    course, trips, totals, plain, rf = _chance(seed, rows)
    assert course.returns.tobytes() == plain.returns.tobytes()
    assert course.drawdowns.tobytes() == plain.drawdowns.tobytes()
    months, years = (plain_statistics.period_returns(plain, unit) for unit in "MY")
    assert (course.monthly_returns(), course.yearly_returns()) == (months, years)
    ended = Trips(trips, course.days)
    ages = course.days[trips["exit_row"]] - course.days[trips["entry_row"]]
    assert ended.ages.tolist() == ages.tolist()
    expected = plain_statistics.statistics(
        plain, trips, ages, totals, idle_days=course.idle_days, risk_free_pct=rf, months=months
    )
    assert repr(statistics(course, ended, totals, months)) == repr(expected)


def test_a_course_that_is_none_is_refused() -> None:
    one = {"equity": np.ones(1), "cash": np.ones(1), "days": np.ones(1, np.int32), "benchmark": None}
    for wrong in (
        {"equity": np.ones(0)},
        {"cash": np.ones(2)},
        {"days": np.ones(2, np.int32)},
        {"benchmark": np.ones(2)},
    ):
        with pytest.raises(ValueError, match="a course needs"):
            Course(**{**one, **wrong}, initial_cash=1.0, idle_days=0, risk_free_pct=0.0)
