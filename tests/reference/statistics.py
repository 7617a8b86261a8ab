"""The statistics of a backtest by their definitions, over plain lists (section 4)."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from statistics import median
from typing import Any

from tests.reference.book import Book

YEAR = 252
NOTHING = 1e-12
"""A deviation, return, drawdown or gain of at most this part counts as 0."""

AGAINST = ("beta", "alpha", "tracking_error", "information_ratio")
OF_BENCHMARK = ("benchmark_total_return", "benchmark_cagr", "benchmark_max_drawdown", "excess_return")


def mean(values: list[float]) -> float | None:
    """Return the mean; None without values."""
    return math.fsum(values) / len(values) if values else None


def quiet(value: float) -> float:
    """Return a fraction, 0 when it is nothing but rounding."""
    return 0.0 if abs(value) <= NOTHING else value


def no_dispersion(deviation: float, values: list[float]) -> float:
    """Return a deviation of values, 0 when it is nothing but rounding."""
    return 0.0 if deviation <= NOTHING * max(1.0, *(abs(v) for v in values)) else deviation


def spread(values: list[float]) -> float | None:
    """Return the sample standard deviation; None for fewer than two."""
    if len(values) < 2:
        return None
    middle = math.fsum(values) / len(values)
    return no_dispersion(math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1)), values)


def over(top: float | None, bottom: float | None) -> float | None:
    """Return the quotient; None when undefined."""
    return None if top is None or not bottom else top / bottom


def annual_growth(factor: float, rows: int) -> float | None:
    """Return the yearly growth of a factor over so many rows; None when it overflows."""
    try:
        return float(factor ** (YEAR / rows) - 1)
    except OverflowError:
        return None


def sharpe(returns: list[float], rf: float) -> float | None:
    """Return the yearly Sharpe ratio."""
    ratio = over(mean([r - rf / YEAR for r in returns]), spread(returns))
    return None if ratio is None else ratio * math.sqrt(YEAR)


def sortino(returns: list[float], rf: float) -> float | None:
    """Return the yearly Sortino ratio."""
    excess = [r - rf / YEAR for r in returns]
    typical = mean(excess)
    if typical is None:
        return None
    downside = math.sqrt(math.fsum(min(x, 0.0) ** 2 for x in excess) / len(excess))
    return over(typical * math.sqrt(YEAR), no_dispersion(downside, excess))


def by_period(equity: list[dict[str, Any]], initial: float, letters: int, name: str) -> list[dict[str, Any]]:
    """Return the returns of months (7 letters of the date) or years (4)."""
    ends: dict[str, float] = {}
    for point in equity:
        ends[point["date"][:letters]] = point["equity"]
    found, before = [], initial
    for period, value in ends.items():
        found.append({name: period, "return": value / before - 1 if before > 0 else None})
        before = value
    return found


def falls_below_peak(levels: list[float], first: float) -> list[float]:
    """Return each level against the highest so far, `first` included."""
    peak, found = first, []
    for level in levels:
        peak = max(peak, level)
        found.append(quiet(level / peak - 1))
    return found


def drawdowns(equity: list[dict[str, Any]], initial: float) -> dict[str, Any]:
    """Return the largest drawdown with its dates; add the drawdown of each day to the curve."""
    falls = falls_below_peak([point["equity"] for point in equity], initial)
    for point, fall in zip(equity, falls, strict=True):
        point["drawdown"] = fall
    worst = min(falls)
    dates: list[str | None] = [None, None, None]
    if worst < 0:
        bottom = falls.index(worst)
        start = max((i for i in range(bottom) if falls[i] == 0), default=0)
        recovery = next((i for i in range(bottom, len(falls)) if falls[i] == 0), None)
        dates = [None if i is None else equity[i]["date"] for i in (start, bottom, recovery)]
    names = ("max_drawdown_start", "max_drawdown_bottom", "max_drawdown_recovery")
    return {"max_drawdown": worst, **dict(zip(names, dates, strict=True))}


def against(returns: list[float], index: list[float], rf: float) -> dict[str, float | None]:
    """Return the figures against the benchmark."""
    n = len(returns)
    found: dict[str, float | None] = dict.fromkeys(AGAINST)
    if n < 2:
        return found
    mean_r, mean_b = math.fsum(returns) / n, math.fsum(index) / n
    if spread(index):
        shared = math.fsum((r - mean_r) * (b - mean_b) for r, b in zip(returns, index, strict=True))
        found["beta"] = beta = shared / math.fsum((b - mean_b) ** 2 for b in index)
        found["alpha"] = YEAR * (mean_r - rf / YEAR - beta * (mean_b - rf / YEAR))
    away = [r - b for r, b in zip(returns, index, strict=True)]
    error = spread(away)
    if error is not None:
        found["tracking_error"] = error * math.sqrt(YEAR)
        found["information_ratio"] = over(math.fsum(away) / n * YEAR, found["tracking_error"])
    return found


def of_benchmark(index: list[float], total_return: float) -> dict[str, float | None]:
    """Return the benchmark's own figures and what the strategy returned beyond it."""
    levels = list(accumulate(index, lambda level, r: level * (1 + r), initial=1.0))
    total = levels[-1] - 1
    return {
        "benchmark_total_return": total,
        "benchmark_cagr": annual_growth(levels[-1], len(index)),
        "benchmark_max_drawdown": min(falls_below_peak(levels[1:], 1.0)),
        "excess_return": total_return - total,
    }


def of_round_trips(trips: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return the figures of closed round trips; a gain of exactly 0 is a loss."""
    wins = [t for t in trips if t["gain"] > 0]
    losses = [t for t in trips if t["gain"] <= 0]
    return {
        "win_rate": over(float(len(wins)), len(trips)),
        "profit_factor": over(math.fsum(t["gain"] for t in wins), abs(math.fsum(t["gain"] for t in losses))),
        "average_win": mean([t["return"] for t in wins]),
        "average_loss": mean([t["return"] for t in losses]),
        "average_holding_days": mean([float(t["days"]) for t in trips]),
    }


def counted_days(equity: list[dict[str, Any]]) -> int:
    """Return how many days count: up to the first with an equity of 0."""
    return next((i + 1 for i, point in enumerate(equity) if point["equity"] <= 0), len(equity))


def statistics(run: Book, result: dict[str, Any], index: list[float] | None, rf: float) -> dict[str, Any]:
    """Return `statistics`, `monthly_returns`, `yearly_returns`; complete the points of the equity curve."""
    equity, trades, initial = result["equity"], result["trades"], run.initial
    values = [initial] + [p["equity"] for p in equity]
    daily = [quiet(b / a - 1) if a > 0 else None for a, b in pairwise(values)]
    curve = list(accumulate(index or [], lambda v, r: v * (1 + r), initial=initial))[1:]
    for i, point in enumerate(equity):
        point["daily_return"] = daily[i]
        point["benchmark"] = curve[i] if index is not None else None
    falls = drawdowns(equity, initial)
    n = counted_days(equity)
    days = equity[:n]
    returns = [r for r in daily[:n] if r is not None]
    total_return = values[n] / initial - 1
    volatility = spread(returns)
    cagr = annual_growth(max(values[n], 0.0) / initial, n)
    idle = next((i for i, p in enumerate(days) if trades and p["date"] == trades[0]["date"]), n)
    months, years = by_period(equity, initial, 7, "month"), by_period(equity, initial, 4, "year")
    monthly = [m["return"] for m in months if m["return"] is not None]
    sales = math.fsum(t["shares"] * t["price"] for t in trades if t["side"] == "sell")
    figures: dict[str, Any] = {
        "total_return": total_return,
        "cagr": cagr,
        "volatility": None if volatility is None else volatility * math.sqrt(YEAR),
        "sharpe": sharpe(returns, rf),
        "sortino": sortino(returns, rf),
        **falls,
        "calmar": over(cagr, abs(falls["max_drawdown"])),
        **(dict.fromkeys(AGAINST) if index is None else against(returns, index[:n], rf)),
        **(dict.fromkeys(OF_BENCHMARK) if index is None else of_benchmark(index[:n], total_return)),
        **of_round_trips(result["round_trips"]),
        "turnover": over(sales * YEAR / n, mean([p["equity"] for p in days])),
        "exposure": mean([(p["equity"] - p["cash"]) / p["equity"] for p in days if p["equity"] > 0]),
        "invested_days": sum(p["positions"] > 0 for p in days) / n,
        "trades": sum(t["shares"] > 0 for t in trades),
        "commission_paid": run.paid["commission"],
        "tax_paid": run.paid["tax"],
        "slippage_paid": run.paid["slippage"],
        "dividends_received": run.paid["dividends"],
        "participation_median": median(run.participations) if run.participations else None,
        "participation_max": max(run.participations, default=None),
        "best_day": max(returns, default=None),
        "worst_day": min(returns, default=None),
        "best_month": max(monthly, default=None),
        "worst_month": min(monthly, default=None),
        "idle_days": idle,
        "sharpe_active": sharpe(returns[idle:], rf),
    }
    return {"statistics": figures, "monthly_returns": months, "yearly_returns": years}
