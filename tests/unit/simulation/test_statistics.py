"""Statistics against a well-kept library, and by hand where it has none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from shared.simulation.kernel import TRIP
from shared.simulation.statistics import Course, Totals, period_returns, statistics

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical

NO_TRIPS = np.empty(0, TRIP)
NO_TOTALS = Totals(sales=0, commission=0, tax=0, slippage=0, fills=0, idle_days=0)


def _course(returns: np.ndarray, benchmark: np.ndarray | None = None, initial: float = 1e8) -> Course:
    equity = initial * np.cumprod(1 + returns)
    days = np.arange(19_358, 19_358 + len(returns), dtype=np.int32)
    return Course(days=days, equity=equity, cash=equity * 0.25, initial_cash=initial, benchmark=benchmark)


def _figures(course: Course, trips: np.ndarray = NO_TRIPS, rf: float = 0.0, totals: Totals = NO_TOTALS) -> dict:
    ages = (trips["exit_row"] - trips["entry_row"]).astype(float)
    return statistics(course, trips, ages, totals, risk_free_pct=rf, months=period_returns(course, "M"))


@pytest.mark.parametrize("seed", range(5))
def test_figures_with_a_counterpart_equal_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.0003, 0.01, 300)
    returns = 0.6 * benchmark + rng.normal(0.0002, 0.012, 300)
    rf = 3.0
    daily = rf / 100 / 252
    found = _figures(_course(returns, benchmark), rf=rf)
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
    totals = Totals(sales=5e7, commission=1, tax=2, slippage=3, fills=4, idle_days=2)
    course = _course(np.zeros(126))
    found = _figures(course, totals=totals)
    assert found["turnover"] == pytest.approx(5e7 / 1e8 * 2)
    assert found["exposure"] == pytest.approx(0.75)
    assert (found["commission_paid"], found["tax_paid"], found["slippage_paid"], found["trades"]) == (1, 2, 3, 4)


def test_idle_days_are_left_out_of_the_active_sharpe() -> None:
    returns = np.concatenate([np.zeros(50), np.random.default_rng(3).normal(0.001, 0.01, 100)])
    totals = Totals(sales=0, commission=0, tax=0, slippage=0, fills=1, idle_days=50)
    found = _figures(_course(returns), totals=totals)
    assert found["sharpe_active"] == pytest.approx(empyrical.sharpe_ratio(_course(returns).returns[50:]))
    assert found["sharpe_active"] > found["sharpe"]


def test_days_after_an_equity_of_zero_have_no_return_and_nothing_is_nan() -> None:
    course = Course(
        days=np.arange(19_358, 19_362, dtype=np.int32), equity=np.array([1e8, 0.0, 0.0, 0.0]),
        cash=np.zeros(4), initial_cash=1e8, benchmark=np.zeros(4),
    )  # fmt: skip
    assert np.isnan(course.returns).tolist() == [False, False, True, True]
    found = _figures(course)
    assert found["total_return"] == -1
    assert found["cagr"] == -1
    assert found["beta"] is None
    assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in found.values())


def test_months_and_years_chain_to_the_total() -> None:
    course = _course(np.random.default_rng(1).normal(0, 0.01, 400))
    for unit in ("M", "Y"):
        chained = np.prod([1 + value for _, value in period_returns(course, unit) if value is not None])
        assert chained - 1 == pytest.approx(_figures(course)["total_return"])
    assert [name for name, _ in period_returns(course, "Y")] == ["2023", "2024"]
    assert period_returns(course, "M")[0][0] == "2023-01"
