"""Statistics against a maintained library, and by hand where it has no counterpart."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

from shared.simulation.statistics import EquityCurve, RoundTrips, TradeTotals, statistics
from shared.simulation.structures import TRIP
from tests.support import plain_statistics

NO_TRIPS = np.empty(0, TRIP)


@pytest.fixture(name="empyrical")
def _empyrical() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import empyrical
    return empyrical


def _totals(**changes: Any) -> TradeTotals:
    sums = dict.fromkeys(("sales", "commission", "tax", "slippage", "dividends", "fills"), 0)
    return TradeTotals(**{**sums, "participation": np.empty(0), **changes})


def _curve(
    returns: np.ndarray, benchmark: np.ndarray | None = None, initial: float = 1e8, rf: float = 0.0, idle: int = 0
) -> EquityCurve:
    equity = initial * np.cumprod(1 + returns)
    days = np.arange(19_358, 19_358 + len(returns), dtype=np.int32)
    return EquityCurve(
        days=days, equity=equity, cash=equity * 0.25, positions=np.ones(len(returns), np.int32),
        initial_cash=initial, benchmark=benchmark, idle_days=idle,
        risk_free_pct=rf,
    )  # fmt: skip


def _figures(curve: EquityCurve, trips: np.ndarray = NO_TRIPS, totals: TradeTotals | None = None) -> dict[str, Any]:
    return statistics(curve, RoundTrips(trips, curve.days), totals or _totals(), curve.monthly_returns())


@pytest.mark.parametrize("seed", range(5))
def test_figures_equal_their_counterparts_in_empyrical(empyrical: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    benchmark = rng.normal(0.0003, 0.01, 300)
    returns = 0.6 * benchmark + rng.normal(0.0002, 0.012, 300)
    rf = 3.0
    daily = rf / 100 / 252
    found = _figures(_curve(returns, benchmark, rf=rf))
    r = _curve(returns).returns
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


def test_drawdown_runs_from_peak_to_bottom_to_recovery() -> None:
    found = _figures(_curve(np.array([-0.1, 0.0, 0.2, -0.3, -0.1, 0.5, 0.4])))
    assert found["max_drawdown"] == pytest.approx(0.7 * 0.9 - 1)
    assert [found[f"max_drawdown_{x}"] for x in ("start", "bottom", "recovery")] == [
        "2023-01-03", "2023-01-05", "2023-01-07",
    ]  # fmt: skip
    never = _figures(_curve(np.array([-0.1, -0.1])))
    assert never["max_drawdown"] == pytest.approx(-0.19)
    assert (never["max_drawdown_start"], never["max_drawdown_recovery"]) == ("2023-01-01", None)


def test_round_trip_figures_count_all_proceeds() -> None:
    trips = np.zeros(3, TRIP)
    trips["cost"], trips["proceeds"], trips["exit_row"] = [100, 200, 50], [130, 180, 50], [3, 4, 5]
    found = _figures(_curve(np.zeros(10)), trips)
    assert found["win_rate"] == pytest.approx(1 / 3)
    assert found["profit_factor"] == pytest.approx(30 / 20)
    assert found["average_win"] == pytest.approx(0.3)
    assert found["average_loss"] == pytest.approx((-0.1 + 0) / 2)
    assert found["average_holding_days"] == 4


def test_turnover_and_exposure_follow_their_formulas() -> None:
    totals = _totals(sales=5e7, commission=1, tax=2, slippage=3, dividends=5, fills=4)
    curve = _curve(np.zeros(126))
    found = _figures(curve, totals=totals)
    assert found["turnover"] == pytest.approx(5e7 / 1e8 * 2)
    assert found["exposure"] == pytest.approx(0.75)
    assert (found["commission_paid"], found["tax_paid"], found["slippage_paid"], found["trades"]) == (1, 2, 3, 4)


def test_sharpe_active_omits_idle_days(empyrical: Any) -> None:
    returns = np.concatenate([np.zeros(50), np.random.default_rng(3).normal(0.001, 0.01, 100)])
    found = _figures(_curve(returns, idle=50))
    assert found["sharpe_active"] == pytest.approx(empyrical.sharpe_ratio(_curve(returns).returns[50:]))
    assert found["sharpe_active"] > found["sharpe"]


def test_days_after_zero_equity_are_left_out() -> None:
    curve = EquityCurve(
        days=np.arange(19_358, 19_362, dtype=np.int32), equity=np.array([1e8, 0.0, 0.0, 0.0]),
        cash=np.zeros(4), positions=np.array([1, 0, 0, 0], np.int32),
        initial_cash=1e8, benchmark=np.zeros(4), idle_days=0, risk_free_pct=0.0,
    )  # fmt: skip
    assert np.isnan(curve.returns).tolist() == [False, False, True, True]
    found = _figures(curve)
    assert found["total_return"] == -1
    assert found["cagr"] == -1
    assert found["invested_days"] == 0.5
    assert found["beta"] is None
    assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in found.values())


def test_monthly_and_yearly_returns_chain_to_total() -> None:
    curve = _curve(np.random.default_rng(1).normal(0, 0.01, 400))
    months, years = curve.monthly_returns(), curve.yearly_returns()
    for periods in (months, years):
        chained = np.prod([1 + value for _, value in periods if value is not None])
        assert chained - 1 == pytest.approx(_figures(curve)["total_return"])
    assert [name for name, _ in years] == ["2023", "2024"]
    assert months[0][0] == "2023-01"


def _random_curve(
    seed: int, rows: int
) -> tuple[EquityCurve, np.ndarray, TradeTotals, plain_statistics.EquityCurve, float]:
    """Random curves: days without change or with noise, falls to 0 and below, calendar gaps, trips and totals."""
    rng = np.random.default_rng(seed)
    equity = 1e8 * np.cumprod(1 + rng.normal(0.0003, 0.02, rows) * (rng.random(rows) < 0.8))
    if seed % 5 == 1:
        equity[rng.integers(rows) :] *= rng.choice([0.0, -0.1])
    if seed % 5 == 2:
        equity[:] = (equity[0] if seed % 2 else 1e8) * (1 + rng.choice([0.0, 2.3e-16, -4e-13], rows))
    days = (10_000 + np.cumsum(rng.integers(1, 9, rows))).astype(np.int32)
    benchmark = None if seed % 3 == 0 else rng.normal(0, 0.01, rows) * (seed % 7 > 0)
    idle, rf = int(rng.integers(rows + 1)), float(rng.choice([0.0, 3.5]))
    parts = {
        "days": days,
        "equity": equity,
        "cash": equity * rng.random(rows),
        "positions": rng.integers(0, 3, rows).astype(np.int32),
        "initial_cash": 1e8,
        "benchmark": benchmark,
    }
    trips = np.zeros(int(rng.integers(400)) if seed % 4 else 0, TRIP)
    trips["cost"] = rng.uniform(1, 100, len(trips))
    trips["proceeds"] = trips["cost"] * rng.choice([0.0, 0.9, 1.0, 1 + 3e-13, 1.3], len(trips))
    trips["entry_row"] = rng.integers(rows, size=len(trips))
    trips["exit_row"] = rng.integers(trips["entry_row"], rows)
    participation = rng.random(int(rng.integers(5)))
    totals = TradeTotals(
        sales=float(rng.uniform(0, 1e9)), commission=1.5, tax=2.5, slippage=3.5, dividends=4.5, fills=7,
        participation=participation,
    )  # fmt: skip
    curve = EquityCurve(**parts, idle_days=idle, risk_free_pct=rf)
    return curve, trips, totals, plain_statistics.EquityCurve(**parts), rf


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 8, 9, 100, 128, 129, 250, 750, 3000])
def test_kernel_has_the_bits_of_the_reference(seed: int, rows: int) -> None:
    curve, trips, totals, plain, rf = _random_curve(seed, rows)
    assert curve.returns.tobytes() == plain.returns.tobytes()
    assert curve.drawdowns.tobytes() == plain.drawdowns.tobytes()
    months, years = (plain_statistics.period_returns(plain, unit) for unit in "MY")
    assert (curve.monthly_returns(), curve.yearly_returns()) == (months, years)
    ended = RoundTrips(trips, curve.days)
    ages = curve.days[trips["exit_row"]] - curve.days[trips["entry_row"]]
    assert ended.ages.tolist() == ages.tolist()
    expected = plain_statistics.statistics(
        plain, trips, ages, totals, idle_days=curve.idle_days, risk_free_pct=rf, months=months
    )
    assert repr(statistics(curve, ended, totals, months)) == repr(expected)


def test_curve_with_columns_of_other_length_is_refused() -> None:
    one = {
        "equity": np.ones(1), "cash": np.ones(1), "days": np.ones(1, np.int32), "positions": np.ones(1, np.int32),
        "benchmark": None,
    }  # fmt: skip
    for wrong in (
        {"equity": np.ones(0)},
        {"cash": np.ones(2)},
        {"days": np.ones(2, np.int32)},
        {"positions": np.ones(2, np.int32)},
        {"benchmark": np.ones(2)},
    ):
        with pytest.raises(ValueError, match="an equity curve needs"):
            EquityCurve(**{**one, **wrong}, initial_cash=1.0, idle_days=0, risk_free_pct=0.0)


def test_benchmark_figures_equal_their_counterparts(empyrical: Any) -> None:
    rng = np.random.default_rng(5)
    benchmark, returns = rng.normal(0.0003, 0.01, 300), rng.normal(0.0004, 0.01, 300)
    found = _figures(_curve(returns, benchmark))
    assert found["benchmark_total_return"] == pytest.approx(empyrical.cum_returns_final(benchmark))
    assert found["benchmark_cagr"] == pytest.approx(empyrical.annual_return(benchmark))
    assert found["benchmark_max_drawdown"] == pytest.approx(empyrical.max_drawdown(benchmark))
    assert found["excess_return"] == pytest.approx(found["total_return"] - found["benchmark_total_return"])


def test_equal_returns_have_no_dispersion() -> None:
    same = np.full(6, 0.001)
    found = _figures(_curve(same, same))
    assert (found["volatility"], found["tracking_error"]) == (0.0, 0.0)
    for name in ("sharpe", "sharpe_active", "sortino", "beta", "alpha", "information_ratio", "calmar"):
        assert found[name] is None, name


def test_rounding_noise_is_no_drawdown_return_or_gain() -> None:
    trips = np.zeros(1, TRIP)
    trips["cost"], trips["proceeds"] = 100.0, 100.0 + 1e-11
    returns = np.array([0.0, -1e-16, 1e-16, -3e-13, 0.0])
    found = _figures(_curve(returns), trips)
    for name in ("max_drawdown", "best_day", "worst_day", "total_return", "cagr", "volatility", "worst_month"):
        assert found[name] == 0.0, name
    for name in ("max_drawdown_start", "calmar", "sharpe", "sortino", "average_win", "profit_factor"):
        assert found[name] is None, name
    assert (found["win_rate"], found["average_loss"]) == (0.0, 0.0)


def test_growth_that_overflows_is_null() -> None:
    found = _figures(_curve(np.array([49.0])))
    assert found["total_return"] == 49.0
    assert (found["cagr"], found["calmar"], found["volatility"]) == (None, None, None)


def test_participation_is_over_purchases() -> None:
    found = _figures(_curve(np.zeros(3)), totals=_totals(participation=np.array([0.1, 0.4, 0.2, 0.3])))
    assert found["participation_median"] == pytest.approx(0.25)
    assert found["participation_max"] == 0.4
    none = _figures(_curve(np.zeros(3)))
    assert (none["participation_median"], none["participation_max"]) == (None, None)
