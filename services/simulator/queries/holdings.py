"""Holdings: the positions of a completed backtest on the evening of a row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from shared.contracts import queries
from shared.model.panels import Panels


def holdings(query: queries.Holdings, stored: bytes, panels: Panels) -> dict[str, Any]:
    """Return the holdings of a stored result on the `date` of the query."""
    from shared.simulation.holdings import holdings_on  # imported at the first use: simulators start without it

    return holdings_on(orjson.loads(stored), panels, dt.date.fromisoformat(query.date)).document()
