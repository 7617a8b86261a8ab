"""Paper accounts, their orders and their days as JSON objects."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from services.api.accounts.computed import Row, unpack_result
from services.api.accounts.step import SQL
from services.api.backtests.serialize import instant
from services.api.context import AppContext
from shared.contracts.http import PUBLIC

EARLIER_REPORT: Final[dict[str, Any]] = {
    "causes": [], "cells": None, "cell_count": None, "other_days": [], "statements": [],
}  # fmt: skip
"""Parts that reports of the first release of accounts do not have."""


def summary(row: Row, changeable: Sequence[str]) -> dict[str, Any]:
    """Return an account as it is listed; `changeable` are the owners whose accounts the caller may change."""
    return {
        "id": str(row["id"]), "name": row["name"], "strategy_id": row["strategy_id"],
        "start": row["start_day"].isoformat(), "as_of": _date(row["as_of"]), "equity": row["equity"],
        "cash": row["cash"], "position_count": row["positions"], "dataset_version": row["dataset_version"],
        "engine_version": row["engine_version"], "result_digest": row["result_digest"], "error": row["error"],
        "created_at": instant(row["created_at"]), "stepped_at": instant(row["stepped_at"]), "paused": row["paused"],
        "changes": row["changes"], "public": row["owner"] == PUBLIC,
        "changeable": row["owner"] in changeable,
    }  # fmt: skip


async def detail(app: AppContext, row: Row, changeable: Sequence[str]) -> dict[str, Any]:
    """Return an account with its positions, the orders of its last decision and its curve."""
    async with app.database.connection() as connection:
        step = await connection.fetchrow(SQL["select_last_decision"], row["id"])
        reports = await connection.fetchval(SQL["count_drift"], row["id"])
    result = {} if row["result"] is None else await asyncio.to_thread(unpack_result, row["result"])
    equity = result.get("equity", [])
    request = orjson.loads(row["request"])
    request["end"] = _date(row["as_of"]) or request["end"]
    return {
        **summary(row, changeable),
        "request": request,
        "positions": result.get("open_positions", []),
        "orders": None if step is None else orders_document(step),
        "provisional": None if step is None or step["booked_at"] is not None else provisional(step),
        "statistics": result.get("statistics"),
        "curve": {name: [point[name] for point in equity] for name in ("date", "equity", "cash", "benchmark")},
        "drift_reports": reports,
    }


def orders_document(step: Row) -> dict[str, Any]:
    """Return the answer about the orders of a day: when they were decided, on which data, and what became of each."""
    decision = {} if step["decision"] is None else orjson.loads(step["decision"])
    orders = decision.get("orders", [])
    day = step["day"].isoformat()
    return {
        "date": day, "status": step["status"], "decided_at": instant(step["decided_at"]),
        "decided_on": _date(step["decided_on"]), "late": step["late"], "dataset_version": step["dataset_version"],
        "digest": step["digest"], "buys": decision.get("buys"),
        "items": [
            {"date": day, **order, "provisional": False, **status}
            for order, status in zip(orders, _statuses(step, len(orders)), strict=True)
        ],
    }  # fmt: skip


def _statuses(step: Row, orders: int) -> list[dict[str, Any]]:
    """Return what became of the orders; days that were booked by an earlier release say only that they were decided."""
    if step["outcomes"] is not None:
        found: list[dict[str, Any]] = orjson.loads(step["outcomes"])
        return found
    status = "working" if step["status"] == "working" else "decided"
    return [{"status": status, "status_reason": None, "filled_shares": 0, "fill_price": None}] * orders


def step_document(row: Row) -> dict[str, Any]:
    """Return a trading day of an account."""
    decision: Mapping[str, Any] = {} if row["decision"] is None else orjson.loads(row["decision"])
    return {
        "date": row["day"].isoformat(), "status": row["status"],
        "live": row["decision"] is not None and not row["late"], "decided_at": instant(row["decided_at"]),
        "decided_on": _date(row["decided_on"]), "late": row["late"], "orders": len(decision.get("orders", [])),
        "digest": row["digest"], "dataset_version": row["dataset_version"], "working_at": instant(row["working_at"]),
        "booked_at": instant(row["booked_at"]), "equity": row["equity"], "cash": row["cash"],
        "fills": [] if row["fills"] is None else orjson.loads(row["fills"]), "provisional": provisional(row),
        "reconciliation": None if row["reconciliation"] is None else orjson.loads(row["reconciliation"]),
    }  # fmt: skip


def provisional(row: Row) -> dict[str, Any] | None:
    """Return what opening quotes filled on the day of a step; None without any."""
    if row["provisional"] is None:
        return None
    found = orjson.loads(row["provisional"])
    return {
        "date": found["date"], "number": found["number"], "booked_at": instant(row["provisional_at"]),
        "cash": found["cash"], "equity": found["equity"], "position_count": found["positions"],
        "fills": found["fills"], "unquoted": found["unquoted"],
    }  # fmt: skip


def _date(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
