"""Explain: why a backtest made each trade, or why it did not buy a stock on a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

from shared.model.panels import Panels
from shared.model.request import BacktestRequest


def explain(request: BacktestRequest, payload: dict[str, Any], panels: Panels) -> dict[str, Any]:
    """Return the explanation of a request; with `stock_code` and `date` (ISO) in the payload, why it was not bought."""
    from shared.simulation import explain as explained  # imported at the first use: simulators start without it
    from shared.simulation import why_not

    if payload.get("stock_code") is None:
        return explained(request, panels)
    return why_not(request, panels, payload["stock_code"], dt.date.fromisoformat(payload["date"]))
