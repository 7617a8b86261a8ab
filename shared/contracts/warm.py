"""Warm runs as the API tells them and as the command line reads them: the phases and the shape of the document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

PHASES: Final = ("prices", "factors", "rankings", "popular", "strategies")
"""All phases, in the order in which they run."""

OPEN: Final = ("queued", "running")
"""States of a run that still moves; the others are completed, partial and failed."""


def warm_run_document(
    row: Mapping[str, Any], phases: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The document of a run from the rows of `warm.sql` (`run` or `runs`, `phases`, `failures`).

    `progress` is the share of the items of all phases asked for that ended, 1 at the end.
    """
    told = [{name: _plain(value) for name, value in phase.items()} for phase in phases]
    shares = [(p["done"] + p["failed"]) / p["items"] if p["items"] else 1.0 for p in told]
    moving = row["status"] in OPEN
    return {
        "id": row["id"],
        "status": row["status"],
        "trigger": row["trigger"],
        "night": _plain(row["night"]),
        "requested_phases": [name for name in PHASES if name in row["phases"]],
        "progress": min(sum(shares) / max(len(row["phases"]), 1), 0.99) if moving else 1.0,
        "phases": told,
        "failures": [{"phase": f["phase"], "item": f["item"], "reason": f["error"]} for f in failures],
        "dataset_version": row["dataset_version"],
        "attempts": row["attempts"],
        "plan": orjson.loads(row["plan"]) if row["plan"] else None,
        "summary": orjson.loads(row["summary"]) if row["summary"] else None,
        "error": row["error"],
        "created_at": _plain(row["created_at"]),
        "started_at": _plain(row["started_at"]),
        "finished_at": _plain(row["finished_at"]),
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
