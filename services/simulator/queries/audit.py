"""Audit: repeat a backtest on truncated data to show that it does not look ahead."""

from __future__ import annotations

from typing import Any

from shared.contracts import queries
from shared.model.panels import Panels
from shared.model.request import BacktestRequest


def audit(request: BacktestRequest, query: queries.Audit, panels: Panels) -> dict[str, Any]:
    """Return the look-ahead audit of a request with the `seed` and the `cuts` of the query."""
    from shared.simulation import audit as audited  # imported at the first use: simulators start without it

    return audited(request, panels, query.seed, query.cuts)
