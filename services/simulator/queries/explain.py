"""Explain: what a backtest reads and computes, step by step."""

from __future__ import annotations

from typing import Any

from shared.model.panels import Panels
from shared.model.request import BacktestRequest


def explain(request: BacktestRequest, panels: Panels) -> dict[str, Any]:
    """Return the explanation of a request on these panels."""
    from shared.simulation import explain as explained  # imported at the first use: simulators start without it

    return explained(request, panels)
