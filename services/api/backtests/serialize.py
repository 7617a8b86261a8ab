"""JSON of backtests: the head is encoded, the stored request and result are inserted as they are."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from services.api.backtests.row import BacktestRow
from services.api.localization import localized_error
from shared.contracts.http import ENDED
from shared.messages import Language
from shared.simulation import ENGINE_VERSION


def instant(value: dt.datetime | None) -> str | None:
    """Return RFC 3339 in UTC with milliseconds."""
    if value is None:
        return None
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def head(row: BacktestRow) -> dict[str, Any]:
    """Return the fields that every answer about a backtest has.

    `outdated`: the result is of an older engine version; it stays readable and is never served for a new request.
    """
    status, created = row.status, row.created_at
    started, finished = row.started_at, row.finished_at
    if status == "cancelled":
        finished = row.cancelled_at or finished
    if status not in ENDED:
        finished = None
    return {
        "id": str(row.id),
        "status": status,
        "progress": 1.0 if status == "completed" else round(row.progress or 0.0, 4),
        "cached": row.cached,
        "strategy_id": row.strategy_id,
        "origin": row.origin,
        "name": row.name,
        "note": row.note,
        "starred": row.starred,
        "research": row.research,
        "dataset": row.dataset_version,
        "engine_version": row.engine_version,
        "outdated": is_outdated(row),
        "created_at": instant(created),
        # a shared computation may have begun before this request was accepted
        "started_at": instant(max(started, created)) if started else None,
        "finished_at": instant(max(finished, created)) if finished else None,
    }


def is_outdated(row: BacktestRow) -> bool:
    """Whether another version of the engine computed the backtest than the one that runs now."""
    return row.engine_version is not None and row.engine_version != ENGINE_VERSION


FIGURES = (
    "total_return", "cagr", "max_drawdown", "sharpe", "sortino", "volatility", "win_rate", "trades",
    "benchmark_total_return",
)  # fmt: skip
"""Statistics that an item of a list has beside its `statistics`."""


def list_item(row: BacktestRow, language: Language = "en") -> list[bytes]:
    """Return the JSON of a backtest in a list, in pieces: its head, window, figures, request and statistics."""
    front = head(row)
    request = orjson.loads(row.request)
    front |= {"start": request["start"], "end": request["end"]}
    statistics = row.statistics if row.status == "completed" else None
    found = {} if statistics is None else orjson.loads(statistics)
    front |= {name: found.get(name) for name in FIGURES}
    members: dict[str, bytes | str | None] = {"request": row.request, "statistics": statistics}
    if row.status == "failed":
        members["error"] = localized_error(row.error, language)
    return join(front, **members)


def join(front: dict[str, Any], **members: bytes | str | None) -> list[bytes]:
    """Return the JSON object of `front` and further members that are JSON texts already (None: null), in pieces."""
    pieces = [orjson.dumps(front)[:-1]]
    for name, text in members.items():
        body = b"null" if text is None else text.encode() if isinstance(text, str) else text
        pieces += [b',"', name.encode(), b'":', body]
    pieces.append(b"}")
    return pieces


def backtest_document(
    row: BacktestRow, result: bytes | None, language: Language = "en", deflated: dict[str, Any] | None = None
) -> list[bytes]:
    """Return the JSON of `GET /v1/backtests/{id}` in pieces; `result` is the JSON of a completed one's result.

    `deflated`: statistics corrected for the trials of its research line; None without a line.
    """
    front = head(row)
    path = f"/v1/backtests/{front['id']}"
    front["links"] = {
        "self": path, "events": f"{path}/events", "trades": f"{path}/trades", "equity": f"{path}/equity",
    }  # fmt: skip
    front["deflated"] = deflated
    members: dict[str, bytes | str | None] = {"request": row.request}
    if front["status"] == "completed" and result is not None:
        members["result"] = result
    elif front["status"] == "failed":
        members["error"] = localized_error(row.error, language)
    return join(front, **members)
