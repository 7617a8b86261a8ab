"""Explain: why a backtest made each trade, or why it did not buy a stock on a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.contracts import queries
from shared.model.panels import Panels
from shared.model.request import BacktestRequest


def explain(request: BacktestRequest, query: queries.Explain, panels: Panels) -> dict[str, Any]:
    """Return the explanation of a request; with `stock_code` and `date` in the query, why it was not bought."""
    from shared.simulation import explain as explained  # imported at the first use: simulators start without it
    from shared.simulation import why_not

    if query.stock_code is None or query.date is None:
        return explained(request, panels)
    return why_not(request, panels, query.stock_code, dt.date.fromisoformat(query.date))
