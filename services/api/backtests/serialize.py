"""From rows to answers: a backtest's document is written once and its result is spliced in as stored bytes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from shared.contracts.http import ENDED

ZERO = dt.timedelta(0)


def instant(value: dt.datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if value is None:
        return None
    return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def status_of(row: Mapping[str, Any]) -> str:
    """The state of a user's row: its own cancellation wins over the shared work."""
    if row["cancelled_at"] is not None:
        return "cancelled"
    if row["computation"] is None:
        return "preparing"
    return str(row["status"])


def head(row: Mapping[str, Any]) -> dict[str, Any]:
    """What every answer about a backtest begins with."""
    status = status_of(row)
    created: dt.datetime = row["created_at"]
    started, finished = row["started_at"], row["finished_at"]
    if status == "cancelled":
        finished = row["cancelled_at"] or finished
    if status not in ENDED:
        finished = None
    return {
        "id": str(row["id"]),
        "status": status,
        "progress": 1.0 if status == "completed" else round(float(row["progress"] or 0.0), 4),
        "cached": bool(row["cached"]),
        "strategy_id": row["strategy_id"],
        "dataset": row["dataset_version"],
        "created_at": instant(created),
        # work that was shared may have begun before this request came
        "started_at": instant(max(started, created)) if started else None,
        "finished_at": instant(max(finished, created)) if finished else None,
    }


def pieces_of(front: dict[str, Any], **raw: bytes | str | None) -> list[bytes]:
    """`front` as JSON with members whose JSON text is already there; None becomes null."""
    pieces = [orjson.dumps(front)[:-1]]
    for name, text in raw.items():
        body = b"null" if text is None else text.encode() if isinstance(text, str) else text
        pieces += [b',"', name.encode(), b'":', body]
    pieces.append(b"}")
    return pieces


def splice(front: dict[str, Any], **raw: bytes | str | None) -> bytes:
    """`pieces_of`, joined."""
    return b"".join(pieces_of(front, **raw))


def backtest_document(row: Mapping[str, Any], result: bytes | None) -> list[bytes]:
    """The answer of `GET /v1/backtests/{id}` in pieces; `result` is the stored JSON of a completed one."""
    front = head(row)
    links = f"/v1/backtests/{front['id']}"
    front["links"] = {
        "self": links, "events": f"{links}/events", "trades": f"{links}/trades", "equity": f"{links}/equity",
    }  # fmt: skip
    raw: dict[str, bytes | str | None] = {"request": row["request"]}
    if front["status"] == "completed" and result is not None:
        raw["result"] = result
    elif front["status"] == "failed":
        raw["error"] = row["error"]
    return pieces_of(front, **raw)


class Recent:
    """A memory of the last results (JSON bytes) within a budget, by computation."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held = 0
        self._bodies: OrderedDict[uuid.UUID, bytes] = OrderedDict()

    def get(self, computation: uuid.UUID) -> bytes | None:
        """The bytes, if they are still there."""
        body = self._bodies.get(computation)
        if body is not None:
            self._bodies.move_to_end(computation)
        return body

    def put(self, computation: uuid.UUID, body: bytes) -> None:
        """Keep bytes; the longest unread ones go."""
        if len(body) > self._budget // 4:
            return
        old = self._bodies.pop(computation, None)
        self._held += len(body) - (len(old) if old is not None else 0)
        self._bodies[computation] = body
        while self._held > self._budget:
            _, gone = self._bodies.popitem(last=False)
            self._held -= len(gone)
