"""Walk-forward requests over the small market."""

from __future__ import annotations

from typing import Any

from tests.support.sweeps import sweep
from tests.support.system import Client


def walk_forward(**changes: Any) -> dict[str, Any]:
    """Return a walk-forward of 24 variants and four windows; further fields replace its own."""
    body = sweep()
    body["template"] |= {"start": "2024-06-03", "end": "2025-11-28"}
    body["windows"] = {"train": "6M", "test": "2M"}
    body["objective"] = {"maximize": "total_return"}
    return body | changes


async def run_walk_forward(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Submit a walk-forward and return its document at its end."""
    status, found, headers = await client.call("POST", "/v1/walk-forwards", body, Prefer="wait=60")
    assert status == 200, found
    assert headers["Location"] == f"/v1/walk-forwards/{found['id']}"
    return dict(found)
