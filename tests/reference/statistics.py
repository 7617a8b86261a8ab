"""The statistics of a backtest by their definitions, over plain lists."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import Any

YEAR = 252
NOISE = 1e-12


def calm(change: float) -> float:
    """A change; 0 when it is rounding noise."""
    return 0.0 if abs(change) <= NOISE else change


def significant(deviation: float, values: list[float]) -> float:
    """A deviation; 0 when it is rounding noise of values of this size."""
    return 0.0 if deviation <= NOISE * max([1.0, *map(abs, values)]) else deviation


def yearly(growth: float, rows: int) -> float | None:
    """Growth a year; None when it overflows."""
    try:
        return calm(growth - 1) and growth ** (YEAR / rows) - 1
    except OverflowError:
        return None


def median(values: list[float]) -> float | None:
    """Median; None without values."""
    ordered, half = sorted(values), len(values) // 2
    if not values:
        return None
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def mean(values: list[float]) -> float | None:
    """Mean; None without values."""
    return math.fsum(values) / len(values) if values else None


def spread(values: list[float]) -> float | None:
    """Sample standard deviation; None for fewer than two."""
    if len(values) < 2:
        return None
    middle = math.fsum(values) / len(values)
    return significant(math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1)), values)


def over(top: float | None, bottom: float | None) -> float | None:
    """Quotient; None when undefined."""
    return None if top is None or not bottom else top / bottom


def sharpe(returns: list[float], rf: float) -> float | None:
    """Yearly Sharpe ratio."""
    found = over(mean([r - rf / YEAR for r in returns]), spread(returns))
    return None if found is None else found * math.sqrt(YEAR)


def by_period(equity: list[dict[str, Any]], initial: float, letters: int, name: str) -> list[dict[str, Any]]:
    """Returns of months (7 letters of the date) or years (4)."""
    ends: dict[str, float] = {}
    for point in equity:
        ends[point["date"][:letters]] = point["equity"]
    found, before = [], initial
    for period, value in ends.items():
        found.append({name: period, "return": calm(value / before - 1) if before > 0 else None})
        before = value
    return found


def drawdowns(equity: list[dict[str, Any]], initial: float) -> dict[str, Any]:
    """The largest drawdown with its dates; adds the drawdown of each day to the curve."""
    peak, peak_date = initial, equity[0]["date"]
    worst, start, bottom, at = 0.0, None, None, -1
    top = initial
    for i, point in enumerate(equity):
        peak = max(peak, point["equity"])
        point["drawdown"] = calm(point["equity"] / peak - 1)
        if point["drawdown"] == 0:
            peak_date = point["date"]
        if point["drawdown"] < worst:
            worst, start, bottom, at, top = point["drawdown"], peak_date, point["date"], i, peak
    recovery = (
        next((p["date"] for p in equity[at + 1 :] if calm(p["equity"] / top - 1) >= 0), None) if at >= 0 else None
    )
    return {
        "max_drawdown": worst,
        "max_drawdown_start": start,
        "max_drawdown_bottom": bottom,
        "max_drawdown_recovery": recovery,
    }


def against(returns: list[float], index: list[float], rf: float) -> dict[str, float | None]:
    """Statistics against the benchmark."""
    n = len(returns)
    found: dict[str, float | None] = dict.fromkeys(("beta", "alpha", "tracking_error", "information_ratio"))
    if n < 2:
        return found
    mean_r, mean_b = math.fsum(returns) / n, math.fsum(index) / n
    variance = spread(index)
    if variance:
        shared = math.fsum((r - mean_r) * (b - mean_b) for r, b in zip(returns, index, strict=True)) / (n - 1)
        found["beta"] = beta = shared / variance**2
        found["alpha"] = YEAR * (mean_r - rf / YEAR - beta * (mean_b - rf / YEAR))
    away = [r - b for r, b in zip(returns, index, strict=True)]
    error = spread(away)
    if error is not None:
        found["tracking_error"] = error * math.sqrt(YEAR)
        found["information_ratio"] = over(math.fsum(away) / n * YEAR, found["tracking_error"])
    return found


def statistics(
    result: dict[str, Any],
    paid: dict[str, float],
    initial: float,
    index: list[float] | None,
    rf: float,
    *,
    participation: list[float],
) -> dict[str, Any]:
    """`statistics`, `monthly_returns`, `yearly_returns`; completes the points of the equity curve.

    `participation` has the shares of each purchase as a part of the volume of its day.
    """
    equity, trades, trips = result["equity"], result["trades"], result["round_trips"]
    values = [initial] + [p["equity"] for p in equity]
    daily = [calm(b / a - 1) if a > 0 else None for a, b in pairwise(values)]
    curve = list(accumulate(index or [], lambda v, r: v * (1 + r), initial=initial))[1:]
    for i, point in enumerate(equity):
        point["daily_return"] = daily[i]
        point["benchmark"] = curve[i] if index is not None else None
    n = sum(r is not None for r in daily)
    returns = [r for r in daily if r is not None]
    growth = values[-1] / initial
    excess = [r - rf / YEAR for r in returns]
    downside = significant(math.sqrt(math.fsum(min(x, 0.0) ** 2 for x in excess) / len(excess)), returns)
    volatility = spread(returns)
    cagr = yearly(growth, n)
    falls = drawdowns(equity, initial)
    idle = next((i for i, p in enumerate(equity) if trades and p["date"] == trades[0]["date"]), len(equity))
    counted = [p for p, r in zip(equity, daily, strict=True) if r is not None]
    levels = [v / initial for v in curve]
    peaks = list(accumulate(levels, max, initial=1.0))[1:]
    months, years = by_period(equity, initial, 7, "month"), by_period(equity, initial, 4, "year")
    monthly = [m["return"] for m in months if m["return"] is not None]
    wins = [t for t in trips if t["gain"] > 0]
    losses = [t for t in trips if t["gain"] <= 0]
    sales = math.fsum(t["shares"] * t["price"] for t in trades if t["side"] == "sell")
    typical = mean(excess)
    paired = [(r, b) for r, b in zip(daily, index or [], strict=False) if r is not None]
    found: dict[str, Any] = {
        "total_return": calm(growth - 1),
        "cagr": cagr,
        "volatility": None if volatility is None else volatility * math.sqrt(YEAR),
        "sharpe": sharpe(returns, rf),
        "sortino": over(None if typical is None else typical * math.sqrt(YEAR), downside),
        **falls,
        "calmar": over(cagr, abs(falls["max_drawdown"])),
        **(
            against([r for r, _ in paired], [b for _, b in paired], rf)
            if index is not None
            else dict.fromkeys(("beta", "alpha", "tracking_error", "information_ratio"))
        ),
        "win_rate": over(float(len(wins)), len(trips)),
        "profit_factor": over(math.fsum(t["gain"] for t in wins), abs(math.fsum(t["gain"] for t in losses))),
        "average_win": mean([t["return"] for t in wins]),
        "average_loss": mean([t["return"] for t in losses]),
        "average_holding_days": mean([float(t["days"]) for t in trips]),
        "turnover": over(sales * YEAR / n, mean([p["equity"] for p in counted])),
        "exposure": mean([(p["equity"] - p["cash"]) / p["equity"] for p in equity if p["equity"] > 0]),
        "invested_days": sum(p["positions"] > 0 for p in counted) / n,
        "participation_median": median(participation),
        "participation_max": max(participation, default=None),
        "dividends_received": paid["dividends"],
        "benchmark_total_return": calm(levels[-1] - 1) if levels else None,
        "benchmark_cagr": yearly(levels[-1], len(equity)) if levels else None,
        "benchmark_max_drawdown": min(calm(v / p - 1) for v, p in zip(levels, peaks, strict=True)) if levels else None,
        "excess_return": calm(growth - 1) - calm(levels[-1] - 1) if levels else None,
        "trades": sum(t["shares"] > 0 for t in trades),
        "commission_paid": paid["commission"],
        "tax_paid": paid["tax"],
        "slippage_paid": paid["slippage"],
        "best_day": max(returns, default=None),
        "worst_day": min(returns, default=None),
        "best_month": max(monthly, default=None),
        "worst_month": min(monthly, default=None),
        "idle_days": idle,
        "sharpe_active": sharpe([r for r in daily[idle:] if r is not None], rf),
    }
    return {"statistics": found, "monthly_returns": months, "yearly_returns": years}
