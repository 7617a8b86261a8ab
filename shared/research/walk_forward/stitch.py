"""The account of a walk-forward over its test days, and what its returns say.

`positions`: one account, whose strategy changes at each window (`simulate_schedule`). `cash`: an account for each
window, which begins with the initial cash; the curve is the product of their returns, and amounts of won are those of
an account that begins with what the windows before have left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.statistics.bootstrap import intervals
from shared.research.walk_forward.shapes import Significance
from shared.simulation.engine import Run, result_of, simulate
from shared.simulation.plan import window_of
from shared.simulation.result.encoding import render
from shared.simulation.result.tables import equity_rows
from shared.simulation.schedule import Segment, simulate_schedule
from shared.simulation.statistics import DAYS_A_YEAR, EquityCurve, RoundTrips, TradeTotals, statistics
from shared.simulation.structures import TRIP
from shared.simulation.variants import week_ends

CONFIDENCE = 0.9
DRAWS = 1_000


@dataclass(frozen=True, kw_only=True)
class Stitched:
    """The result in the shape of a backtest's, its daily returns (NaN after an equity of 0) and its ISO weeks."""

    result: dict[str, Any]
    returns: np.ndarray
    daily_rf: float
    weekly: np.ndarray
    """float64 [weeks]."""
    week_ends: np.ndarray
    """int32 [weeks], day numbers."""


def stitched_positions(
    requests: Sequence[BacktestRequest], starts: Sequence[int], panels: Panels, cancelled: Callable[[], bool]
) -> Stitched:
    """Simulate one account; `requests` are over all test days, `starts` the first dataset row of each window's test."""
    stop = window_of(requests[0], panels.days).stop
    segments = [
        Segment(start=start, stop=following, request=request)
        for request, start, following in zip(requests, starts, [*starts[1:], stop], strict=True)
    ]
    run = simulate_schedule(segments, panels, cancelled=cancelled)
    return _stitched(result_of(run), run.curve(), panels)


def _stitched(result: dict[str, Any], curve: EquityCurve, panels: Panels) -> Stitched:
    rows = panels.days.searchsorted(curve.days)
    window = slice(int(rows[0]), int(rows[-1]) + 1)
    ends = np.intersect1d(week_ends(panels.days, window), rows)
    if not len(ends) or ends[-1] != rows[-1]:
        ends = np.append(ends, rows[-1])
    equity = curve.equity[np.searchsorted(rows, ends)]
    before = np.concatenate([[curve.initial_cash], equity[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        weekly = np.where(before > 0, equity / before - 1, np.nan)
    return Stitched(
        result=result, returns=curve.returns, daily_rf=curve.daily_rf, weekly=weekly, week_ends=panels.days[ends]
    )  # fmt: skip


def stitched_cash(requests: Sequence[BacktestRequest], panels: Panels, cancelled: Callable[[], bool]) -> Stitched:
    """Simulate an account for each request, over the test of its window, and chain them."""
    runs = [simulate(request, panels, cancelled=cancelled) for request in requests]
    cash = requests[0].initial_cash
    scales, scale = [], 1.0
    for run in runs:
        scales.append(scale)
        scale *= max(float(run.ledger.equity[-1]), 0.0) / cash
    curve = _chained(runs, scales)
    trips = np.concatenate([_scaled(run.ledger.trips, factor) for run, factor in zip(runs, scales, strict=True)])
    # the ages of round trips are differences of days, so that rows of any window may stand beside each other
    found = RoundTrips(np.ascontiguousarray(trips, TRIP), panels.days)
    figures = statistics(curve, found, _totals(runs, scales), curve.monthly_returns())
    return _stitched(_joined(runs, curve, figures), curve, panels)


def _chained(runs: Sequence[Run], scales: Sequence[float]) -> EquityCurve:
    curves = [run.curve() for run in runs]
    first = curves[0]

    def column(values: Callable[[EquityCurve], np.ndarray]) -> np.ndarray:
        return np.concatenate([values(curve) * scale for curve, scale in zip(curves, scales, strict=True)])

    benchmarks = [curve.benchmark for curve in curves]
    idle = next((sum(len(c.days) for c in curves[:i]) + c.idle_days for i, c in enumerate(curves)
                 if c.idle_days < len(c.days)), sum(len(c.days) for c in curves))  # fmt: skip
    return EquityCurve(
        days=np.concatenate([curve.days for curve in curves]), equity=column(lambda curve: curve.equity),
        cash=column(lambda curve: curve.cash), positions=np.concatenate([curve.positions for curve in curves]),
        initial_cash=first.initial_cash,
        benchmark=None if first.benchmark is None else np.concatenate([b for b in benchmarks if b is not None]),
        idle_days=idle, risk_free_pct=runs[0].request.risk_free_pct,
    )  # fmt: skip


def _scaled(trips: np.ndarray, factor: float) -> np.ndarray:
    found = trips.copy()
    for name in ("cost", "proceeds"):
        found[name] *= factor
    return found


def _totals(runs: Sequence[Run], scales: Sequence[float]) -> TradeTotals:
    totals = [run.totals(run.purchases()) for run in runs]

    def total(name: str) -> float:
        return math.fsum(getattr(one, name) * scale for one, scale in zip(totals, scales, strict=True))

    return TradeTotals(
        sales=total("sales"), commission=total("commission"), tax=total("tax"), slippage=total("slippage"),
        dividends=total("dividends"), fills=sum(one.fills for one in totals),
        participation=np.concatenate([one.participation for one in totals]),
    )  # fmt: skip


def _joined(runs: Sequence[Run], curve: EquityCurve, figures: dict[str, Any]) -> dict[str, Any]:
    """Return the results of the accounts as one: tables one after another, the curve and its returns chained."""
    results = [result_of(run) for run in runs]
    unfilled: dict[str, int] = {}
    for one in results:
        for name, count in one["unfilled"].items():
            unfilled[name] = unfilled.get(name, 0) + count
    warnings = [warning for one in results for warning in one["warnings"]]
    table = equity_rows(curve)
    tables = ("corporate_actions", "round_trips", "trades")
    return {
        **{name: [row for one in results for row in one[name]] for name in tables},
        "equity": orjson.loads(render(table.packed, table.json_limit)),
        "monthly_returns": [{"month": name, "return": value} for name, value in curve.monthly_returns()],
        "open_positions": results[-1]["open_positions"],
        "statistics": figures,
        "unfilled": unfilled,
        "warnings": [warning for i, warning in enumerate(warnings) if warning not in warnings[:i]],
        "window": {
            **results[0]["window"], "last": results[-1]["window"]["last"], "rows": len(curve.days),
        },
        "yearly_returns": [{"return": value, "year": name} for name, value in curve.yearly_returns()],
    }  # fmt: skip


def significance(stitched: Stitched) -> Significance:
    """Return the t-statistic of the daily returns above the risk-free rate, and bootstrap intervals of yearly figures.

    Null where the returns do not vary, and (intervals) where an equity of 0 ends them.
    """
    excess = stitched.returns - stitched.daily_rf
    known = excess[~np.isnan(excess)]
    deviation = float(known.std(ddof=1)) if len(known) > 1 else 0.0
    found: Significance = {"rows": len(stitched.returns), "t": None, "intervals": None}
    if not deviation > 1e-12:
        return found
    found["t"] = float(known.mean()) / deviation * math.sqrt(len(known))
    if len(known) < len(excess) or float(stitched.returns.min()) <= -1:
        return found
    drawn = intervals(excess, confidence=CONFIDENCE, draws=DRAWS)
    plain = intervals(stitched.returns, confidence=CONFIDENCE, draws=DRAWS, block=drawn.block)
    year = math.sqrt(DAYS_A_YEAR)
    found["intervals"] = {
        "confidence": CONFIDENCE,
        "block_rows": float(drawn.block),
        "sharpe": [drawn.sharpe.low * year, drawn.sharpe.high * year],
        "sharpe_studentised": [drawn.sharpe_studentised.low * year, drawn.sharpe_studentised.high * year],
        "cagr": [math.expm1(plain.growth.low * DAYS_A_YEAR), math.expm1(plain.growth.high * DAYS_A_YEAR)],
        "max_drawdown": [plain.max_drawdown.low, plain.max_drawdown.high],
    }
    return found
