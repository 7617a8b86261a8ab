"""What became of an accepted backtest: its row now or at its end, and the answer that tells of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.api.backtests.results import timing_of
from services.api.backtests.serialize import backtest_document, status_of
from services.api.context import Api, Call
from services.api.http.streaming import send
from shared.contracts.http import ENDED, JSON
from shared.infra.database.sql import statements

SQL = statements("backtest")

Row = dict[str, Any]


async def answer(api: Api, call: Call, row: Row, wait: float | None) -> web.StreamResponse:
    """200 with the end, or 202 with what is known so far; waits as long as the caller wants to."""
    if wait and status_of(row) not in ENDED:
        row = await ended_within(api, row, wait)
    status = status_of(row)
    result = await api.results.get(row["computation"]) if status == "completed" else None
    headers = {"Location": f"/v1/backtests/{row['id']}"}
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:g}"
    return await send(
        call.request, backtest_document(row, result), JSON, status=200 if status in ENDED else 202, headers=headers
    )


async def ended_within(api: Api, row: Row, wait: float) -> Row:
    """The row as it is at its end, or after `wait` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while row["computation"] is None and loop.time() < deadline:
        await api.datasets.changed(min(1.0, deadline - loop.time()))
        row = await fresh_row(api, row["id"], row["owner"]) or row
    if row["computation"] is None:
        return row
    computation: uuid.UUID = row["computation"]
    name = str(computation)
    api.ends.channel(name)
    try:
        if not row.get("announced_here"):
            row = await _outcome(api, row)
            if status_of(row) in ENDED:
                return row
        end = await api.ends.end(name, max(0.0, deadline - loop.time()))
    finally:  # also when the caller hangs up
        api.ends.forget(name)
    if end is None or end.status != "completed":
        return await fresh_row(api, row["id"], row["owner"]) or row
    body = await api.results.get(computation)
    timing = timing_of(body) if body is not None else {}
    return row | {
        "status": "completed",
        "started_at": _instant(timing.get("started_at")),
        "finished_at": _instant(timing.get("finished_at")),
        "result_digest": end.result_digest,
    }


async def _outcome(api: Api, row: Row) -> Row:
    async with api.database.connection() as connection:
        found = await connection.fetchrow(SQL["select_state"], row["computation"])
    return row | dict(found or {})


def _instant(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


async def fresh_row(api: Api, identity: uuid.UUID, owner: str) -> Row | None:
    """The row as it is now, if it is the owner's."""
    async with api.database.connection() as connection:
        found: Mapping[str, Any] | None = await connection.fetchrow(SQL["select_backtest"], identity, owner)
    return None if found is None else dict(found)
