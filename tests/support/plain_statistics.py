"""The figures of a finished run by plain numpy: what the kernel's bits are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shared.model.calendar import iso
from shared.simulation.statistics import Totals

DAYS_A_YEAR = 252


@dataclass(frozen=True, kw_only=True)
class Course:
    """The run day by day: arrays over the N rows of the window."""

    days: np.ndarray  # int32
    equity: np.ndarray
    cash: np.ndarray
    initial_cash: float
    benchmark: np.ndarray | None  # returns

    @cached_property
    def returns(self) -> np.ndarray:
        """Daily returns; the first against the initial cash, NaN on days after an equity of 0."""
        before = np.empty_like(self.equity)
        before[0] = self.initial_cash
        before[1:] = self.equity[:-1]
        if before.min() > 0:
            found: np.ndarray = self.equity / before - 1
            return found
        return np.where(before > 0, self.equity / np.where(before > 0, before, 1.0) - 1, np.nan)

    @cached_property
    def drawdowns(self) -> np.ndarray:
        """Equity against its highest value so far, the initial cash being the first."""
        peak = np.maximum(np.maximum.accumulate(self.equity), self.initial_cash)
        found: np.ndarray = self.equity / peak - 1
        return found


def period_returns(course: Course, unit: str) -> list[tuple[str, float | None]]:
    """(period, return) by calendar month ("M") or year ("Y"), the first against the initial cash."""
    periods = course.days.astype("datetime64[D]").astype(f"datetime64[{unit}]")
    last = np.flatnonzero(np.append(periods[1:] != periods[:-1], True))
    ends = course.equity[last].tolist()
    before = [course.initial_cash, *ends[:-1]]
    names = np.datetime_as_string(periods[last]).tolist()
    return [(name, e / b - 1 if b > 0 else None) for name, e, b in zip(names, ends, before, strict=True)]


def statistics(
    course: Course,
    trips: np.ndarray,
    trip_days: np.ndarray,
    totals: Totals,
    *,
    idle_days: int,
    risk_free_pct: float,
    months: list[tuple[str, float | None]],
) -> dict[str, Any]:
    """Every figure by name, in name order; `trips` are TRIP records, `trip_days` their ages in calendar days."""
    returns = course.returns
    known = returns if not np.isnan(returns).any() else returns[~np.isnan(returns)]
    daily_rf = risk_free_pct / 100 / DAYS_A_YEAR
    rows, final = len(course.equity), float(course.equity[-1])
    growth = max(final, 0.0) / course.initial_cash
    cagr = growth ** (DAYS_A_YEAR / rows) - 1
    found: dict[str, Any] = {
        "total_return": final / course.initial_cash - 1,
        "cagr": cagr,
        "volatility": _annual(_deviation(known)),
        "sharpe": _sharpe(known, daily_rf),
        "sortino": _sortino(known, daily_rf),
        "best_day": float(known.max()),
        "worst_day": float(known.min()),
        "idle_days": idle_days,
        "sharpe_active": _sharpe(_active(returns, idle_days), daily_rf),
        "trades": totals.fills,
        "commission_paid": totals.commission,
        "tax_paid": totals.tax,
        "slippage_paid": totals.slippage,
        "turnover": _ratio(totals.sales * DAYS_A_YEAR / rows, _mean(course.equity)),
        "exposure": _exposure(course),
    }
    month_returns = [value for _, value in months if value is not None]
    found["best_month"] = max(month_returns, default=None)
    found["worst_month"] = min(month_returns, default=None)
    found |= _drawdown(course)
    deepest = found["max_drawdown"]
    found["calmar"] = cagr / abs(deepest) if deepest else None
    found |= _against(returns, course.benchmark, daily_rf)
    found |= _round_trips(trips, trip_days)
    return {name: _finite(found[name]) for name in sorted(found)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def _mean(values: np.ndarray) -> float:
    return float(np.add.reduce(values)) / len(values)


def _deviation(values: np.ndarray) -> float | None:
    """Sample deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    spread = values - _mean(values)
    return math.sqrt(float(np.add.reduce(spread * spread)) / (len(values) - 1))


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
    below = math.sqrt(_mean(np.square(np.minimum(excess, 0))))
    return _mean(excess) * math.sqrt(DAYS_A_YEAR) / below if below > 0 else None


def _exposure(course: Course) -> float | None:
    there = course.equity > 0
    if there.all():
        return _mean((course.equity - course.cash) / course.equity)
    if not there.any():
        return None
    return _mean((course.equity[there] - course.cash[there]) / course.equity[there])


def _drawdown(course: Course) -> dict[str, Any]:
    """The deepest fall: from the last row at the peak before it (the window's first row when that is the initial cash)
    to the first row at the bottom, and the first row that regains the peak."""
    drawdowns = course.drawdowns
    bottom = int(drawdowns.argmin())
    depth = float(drawdowns[bottom])
    names = ("max_drawdown_start", "max_drawdown_bottom", "max_drawdown_recovery")
    if depth >= 0:
        return {"max_drawdown": 0.0, **dict.fromkeys(names)}
    at_peak = np.flatnonzero(drawdowns[:bottom] >= 0)
    start = int(at_peak[-1]) if len(at_peak) else 0
    recovered = np.flatnonzero(drawdowns[bottom:] >= 0)
    rows = (start, bottom, bottom + int(recovered[0]) if len(recovered) else None)
    dates = [None if row is None else iso(int(course.days[row])) for row in rows]
    return {"max_drawdown": depth, **dict(zip(names, dates, strict=True))}


def _against(returns: np.ndarray, benchmark: np.ndarray | None, daily_rf: float) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("alpha", "beta", "tracking_error", "information_ratio"))
    if benchmark is None:
        return found
    known = ~np.isnan(returns)
    r, b = (returns, benchmark) if known.all() else (returns[known], benchmark[known])
    if len(r) < 2:
        return found
    spread = b - _mean(b)
    variance = float(np.add.reduce(spread * spread))
    if variance > 0:
        beta = float(np.add.reduce((r - _mean(r)) * spread)) / variance
        found["beta"] = beta
        found["alpha"] = DAYS_A_YEAR * (_mean(r - daily_rf) - beta * _mean(b - daily_rf))
    error = _annual(_deviation(r - b))
    found["tracking_error"] = error
    if error:
        found["information_ratio"] = _mean(r - b) * DAYS_A_YEAR / error
    return found


def _round_trips(trips: np.ndarray, trip_days: np.ndarray) -> dict[str, Any]:
    names = ("win_rate", "profit_factor", "average_win", "average_loss", "average_holding_days")
    if not len(trips):
        return dict.fromkeys(names)
    gain = trips["brought"] - trips["cost"]
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
