"""The statistics of a finished run in plain numpy: the slow reference for the bits of the kernel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shared.model.calendar import iso
from shared.simulation.statistics import TradeTotals

DAYS_A_YEAR = 252
NOISE = 1e-12


def without_noise(changes: np.ndarray) -> np.ndarray:
    """Changes of at most NOISE are 0."""
    return np.where(np.abs(changes) <= NOISE, 0.0, changes)


@dataclass(frozen=True, kw_only=True)
class EquityCurve:
    """A run day by day: arrays over the N rows of the window."""

    days: np.ndarray  # int32
    equity: np.ndarray
    cash: np.ndarray
    positions: np.ndarray  # int32
    initial_cash: float
    benchmark: np.ndarray | None  # returns

    @cached_property
    def returns(self) -> np.ndarray:
        """Daily returns; the first against the initial cash, NaN on days after an equity of 0."""
        before = np.append(self.initial_cash, self.equity[:-1])
        return np.where(before > 0, without_noise(self.equity / np.where(before > 0, before, 1.0) - 1), np.nan)

    @cached_property
    def drawdowns(self) -> np.ndarray:
        """Equity against its highest value so far, the initial cash being the first."""
        return without_noise(self.equity / np.maximum(np.maximum.accumulate(self.equity), self.initial_cash) - 1)


def period_returns(curve: EquityCurve, unit: str) -> list[tuple[str, float | None]]:
    """(period, return) by calendar month ("M") or year ("Y"), the first against the initial cash."""
    periods = curve.days.astype("datetime64[D]").astype(f"datetime64[{unit}]")
    last = np.flatnonzero(np.append(periods[1:] != periods[:-1], True))
    ends = curve.equity[last].tolist()
    before = [curve.initial_cash, *ends[:-1]]
    names = np.datetime_as_string(periods[last]).tolist()
    return [
        (name, float(without_noise(np.array(e / b - 1))) if b > 0 else None)
        for name, e, b in zip(names, ends, before, strict=True)
    ]


def statistics(
    curve: EquityCurve,
    trips: np.ndarray,
    trip_days: np.ndarray,
    totals: TradeTotals,
    *,
    idle_days: int,
    risk_free_pct: float,
    months: list[tuple[str, float | None]],
) -> dict[str, Any]:
    """Every statistic by name, in name order; `trips` are TRIP records, `trip_days` their ages in calendar days."""
    counted = ~np.isnan(curve.returns)
    known = curve.returns[counted]
    rows, final = len(known), float(curve.equity[-1])
    daily_rf = risk_free_pct / 100 / DAYS_A_YEAR
    growth = max(final, 0.0) / curve.initial_cash
    total_return = float(without_noise(np.array(growth - 1)))
    cagr = _cagr(growth, rows)
    figures: dict[str, Any] = {
        "total_return": total_return,
        "cagr": cagr,
        "volatility": _annual(_deviation(known)),
        "sharpe": _sharpe(known, daily_rf),
        "sortino": _sortino(known, daily_rf),
        "best_day": float(known.max()),
        "worst_day": float(known.min()),
        "idle_days": idle_days,
        "invested_days": int((curve.positions[counted] > 0).sum()) / rows,
        "sharpe_active": _sharpe(_active(curve.returns, idle_days), daily_rf),
        "trades": totals.fills,
        "commission_paid": totals.commission,
        "tax_paid": totals.tax,
        "slippage_paid": totals.slippage,
        "dividends_received": totals.dividends,
        "turnover": _ratio(totals.sales * DAYS_A_YEAR / rows, _mean(curve.equity[counted])),
        "exposure": _exposure(curve),
        "participation_median": float(np.median(totals.participation)) if len(totals.participation) else None,
        "participation_max": max(totals.participation.tolist(), default=None),
    }
    month_returns = [value for _, value in months if value is not None]
    figures["best_month"] = max(month_returns, default=None)
    figures["worst_month"] = min(month_returns, default=None)
    figures |= _drawdown(curve)
    deepest = figures["max_drawdown"]
    figures["calmar"] = cagr / abs(deepest) if deepest and cagr is not None else None
    figures |= _of_benchmark(curve, total_return) | _against(curve.returns, curve.benchmark, daily_rf)
    figures |= _round_trips(trips, trip_days)
    return {name: _finite(figures[name]) for name in sorted(figures)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def _cagr(growth: float, rows: int) -> float | None:
    if abs(growth - 1) <= NOISE:
        return 0.0
    try:
        return growth ** (DAYS_A_YEAR / rows) - 1
    except OverflowError:
        return None


def _mean(values: np.ndarray) -> float:
    return float(np.add.reduce(values)) / len(values)


def _significant(deviation: float, values: np.ndarray) -> float:
    """0 for a deviation that is rounding noise of values of this size."""
    return 0.0 if deviation <= NOISE * max(1.0, float(np.abs(values).max())) else deviation


def _deviation(values: np.ndarray) -> float | None:
    """Sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    spread = values - _mean(values)
    return _significant(math.sqrt(float(np.add.reduce(spread * spread)) / (len(values) - 1)), values)


def _annual(deviation: float | None) -> float | None:
    return None if deviation is None else deviation * math.sqrt(DAYS_A_YEAR)


def _sharpe(returns: np.ndarray, daily_rf: float) -> float | None:
    deviation = _deviation(returns)
    if not deviation:
        return None
    return _mean(returns - daily_rf) / deviation * math.sqrt(DAYS_A_YEAR)


def _active(returns: np.ndarray, idle_days: int) -> np.ndarray:
    active = returns[idle_days:]
    known: np.ndarray = active[~np.isnan(active)]
    return known


def _sortino(returns: np.ndarray, daily_rf: float) -> float | None:
    excess = returns - daily_rf
    below = _significant(math.sqrt(_mean(np.square(np.minimum(excess, 0)))), returns)
    return _mean(excess) / below * math.sqrt(DAYS_A_YEAR) if below > 0 else None


def _exposure(curve: EquityCurve) -> float | None:
    positive = curve.equity > 0
    if not positive.any():
        return None
    return _mean((curve.equity[positive] - curve.cash[positive]) / curve.equity[positive])


def _drawdown(curve: EquityCurve) -> dict[str, Any]:
    """The deepest drawdown: from the last row at the peak before it (the window's first row when that is the initial
    cash) to the first row at the bottom, and the first row at the peak again."""
    drawdowns = curve.drawdowns
    bottom = int(drawdowns.argmin())
    depth = float(drawdowns[bottom])
    names = ("max_drawdown_start", "max_drawdown_bottom", "max_drawdown_recovery")
    if depth >= 0:
        return {"max_drawdown": 0.0, **dict.fromkeys(names)}
    at_peak = np.flatnonzero(drawdowns[:bottom] >= 0)
    start = int(at_peak[-1]) if len(at_peak) else 0
    recovered = np.flatnonzero(drawdowns[bottom:] >= 0)
    rows = (start, bottom, bottom + int(recovered[0]) if len(recovered) else None)
    dates = [None if row is None else iso(int(curve.days[row])) for row in rows]
    return {"max_drawdown": depth, **dict(zip(names, dates, strict=True))}


def _of_benchmark(curve: EquityCurve, total_return: float) -> dict[str, Any]:
    names = ("benchmark_total_return", "benchmark_cagr", "benchmark_max_drawdown", "excess_return")
    if curve.benchmark is None:
        return dict.fromkeys(names)
    levels = np.cumprod(1 + curve.benchmark)
    growth = float(levels[-1])
    gained = float(without_noise(np.array(growth - 1)))
    drawdowns = without_noise(levels / np.maximum(np.maximum.accumulate(levels), 1.0) - 1)
    depth = min(float(drawdowns.min()), 0.0)
    return dict(zip(names, (gained, _cagr(max(growth, 0.0), len(levels)), depth, total_return - gained), strict=True))


def _against(returns: np.ndarray, benchmark: np.ndarray | None, daily_rf: float) -> dict[str, Any]:
    figures: dict[str, Any] = dict.fromkeys(("alpha", "beta", "tracking_error", "information_ratio"))
    if benchmark is None:
        return figures
    known = ~np.isnan(returns)
    r, b = returns[known], benchmark[known]
    if len(r) < 2:
        return figures
    spread = b - _mean(b)
    if _deviation(b):
        beta = float(np.add.reduce((r - _mean(r)) * spread)) / float(np.add.reduce(spread * spread))
        figures["beta"] = beta
        figures["alpha"] = DAYS_A_YEAR * (_mean(r - daily_rf) - beta * _mean(b - daily_rf))
    error = _annual(_deviation(r - b))
    figures["tracking_error"] = error
    if error:
        figures["information_ratio"] = _mean(r - b) * DAYS_A_YEAR / error
    return figures


def _round_trips(trips: np.ndarray, trip_days: np.ndarray) -> dict[str, Any]:
    names = ("win_rate", "profit_factor", "average_win", "average_loss", "average_holding_days")
    if not len(trips):
        return dict.fromkeys(names)
    gain = trips["proceeds"] - trips["cost"]
    gain = np.where(np.abs(gain) <= NOISE * trips["cost"], 0.0, gain)
    won = gain > 0
    wins, losses = won.nonzero()[0], (~won).nonzero()[0]
    part = gain / trips["cost"]
    lost = -float(np.add.reduce(gain[losses]))
    return {
        "win_rate": len(wins) / len(gain),
        "profit_factor": float(np.add.reduce(gain[wins])) / lost if lost > 0 else None,
        "average_win": _mean(part[wins]) if len(wins) else None,
        "average_loss": _mean(part[losses]) if len(losses) else None,
        "average_holding_days": int(np.add.reduce(trip_days, dtype=np.int64)) / len(trip_days),
    }
