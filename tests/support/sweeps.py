"""Sweep requests over the small market, and what tests read of their tables."""

from __future__ import annotations

from typing import Any

from tests.support.api_with_market import FIRST, LAST
from tests.support.system import Client


def sweep(**changes: Any) -> dict[str, Any]:
    """Return a grid of 24 variants; further fields replace its own."""
    template = {
        "strategy": {
            "buy": {"where": "PER < $per and close > ts_mean(close, $n)", "rank_by": "$rank"},
            "sell": {"stop_loss_pct": "$stop", "max_hold_days": 60},
            "portfolio": {"max_positions": 5},
        },
        "start": FIRST,
        "end": LAST,
    }
    parameters = {
        "per": {"from": 10, "to": 30, "step": 10},
        "n": {"values": [5, 20]},
        "rank": {"values": ["MOMENTUM_1M", "MARKET_CAP"]},
        "stop": {"values": [None, 10]},
    }
    return {"template": template, "parameters": parameters} | changes


async def run_sweep(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Submit a sweep and return its document at its end."""
    status, found, headers = await client.call("POST", "/v1/sweeps", body, Prefer="wait=30")
    assert status == 200, found
    assert headers["Location"] == f"/v1/sweeps/{found['id']}"
    return dict(found)


async def table_of(client: Client, identity: str, query: str = "") -> list[dict[str, Any]]:
    """Return the rows of a sweep's table."""
    status, found, _ = await client.call("GET", f"/v1/sweeps/{identity}/table{query}")
    assert status == 200, found
    return list(found["items"])
