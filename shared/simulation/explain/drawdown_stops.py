"""Drawdown stops of a finished run, recomputed from its equity curve by the rule of docs/reference/simulation.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.model.request import BacktestRequest

REL_EPS = 1e-9


@dataclass(frozen=True, kw_only=True)
class DrawdownStop:
    """A stop on the evening of window row `row`: nothing is bought on the rows (row, resumed); the values in won.

    `resumed` is the window row on which buying resumes, or the number of rows when it does not.
    """

    row: int
    resumed: int
    equity: float
    level: float
    highest: float


def drawdown_stops(request: BacktestRequest, equity: np.ndarray, days: np.ndarray) -> list[DrawdownStop]:
    """Return the stops of a run in order; `equity` and `days` (day numbers) are over the rows of its window."""
    portfolio = request.strategy.portfolio
    if portfolio.stop_drawdown_pct is None:
        return []
    stops = []
    highest, row = request.initial_cash, 0
    while row < len(equity):
        highest = max(highest, float(equity[row]))
        level = (1 - portfolio.stop_drawdown_pct / 100) * highest
        if equity[row] <= level * (1 + REL_EPS):
            resumed = int(np.searchsorted(days, int(days[row]) + portfolio.stop_resume_days))
            resumed = max(resumed, row + 1)
            stops.append(
                DrawdownStop(row=row, resumed=resumed, equity=float(equity[row]), level=level, highest=highest)
            )
            row = resumed
            highest = float(equity[row - 1])
        else:
            row += 1
    return stops
