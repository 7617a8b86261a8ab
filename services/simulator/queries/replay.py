"""Replay: run a stored backtest again and compare the results."""

from __future__ import annotations

from typing import Any

import orjson

from services.simulator.job import Run
from shared.contracts import queries
from shared.model.panels import Panels
from shared.model.request import BacktestRequest


def replay(request: BacktestRequest, run: Run, query: queries.Replay, stored: bytes, panels: Panels) -> dict[str, Any]:
    """Run a request again and compare the result digest with the stored one."""
    outcome = run(request, panels)
    same = outcome.result_digest == query.result_digest
    before, after = orjson.loads(stored), orjson.loads(outcome.body)
    return {
        "outcome": "identical" if same else "different",
        "result_digest": outcome.result_digest,
        "stored_result_digest": query.result_digest,
        "first_difference": None if same else first_difference(before, after),
        "provenance": after.get("provenance"),
        "stored_provenance": before.get("provenance"),
    }


def first_difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
    """Return where two results first differ: in the equity, else in the trades, else in any other value."""
    for part in ("equity", "trades", "round_trips", "open_positions"):
        left, right = before.get(part) or [], after.get(part) or []
        for index in range(max(len(left), len(right))):
            one = left[index] if index < len(left) else None
            other = right[index] if index < len(right) else None
            if one != other:
                return {"part": part, "index": index, "date": (one or other or {}).get("date"),
                        "stored": one, "now": other}  # fmt: skip
    for part in sorted({*before, *after} - {"timing", "cache", "provenance"}):
        if before.get(part) != after.get(part):
            return {"part": part, "index": None, "date": None, "stored": before.get(part), "now": after.get(part)}
    return None
