"""Drift reports of a step: what differs from the stored ledger and from the decisions, and what each cause made."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from services.api.accounts.computed import Computed, Row, unpack_result
from services.api.context import AppContext
from services.api.errors import ApiProblem
from services.api.simulator_queries import query_simulator
from shared.accounts.drift import affected_stocks, ledger_difference, unordered_fills
from shared.accounts.reconciliation import COUNTED
from shared.accounts.restated_statements import MAX_STATEMENTS, late_codes, statement_changes
from shared.accounts.shapes import LedgerDifference
from shared.contracts.queries import AccountDrift
from shared.errors import UnavailableError
from shared.infra.database.sql import statements
from shared.model.calendar import to_day
from shared.model.request import request_from_json
from shared.simulation.computing_cost import cost_of_request

log = structlog.get_logger()

SQL: Final = statements("paper")
Document = dict[str, Any]
RUNS = 4
"""About the runs that tell the causes of a difference apart."""


@dataclass(frozen=True, kw_only=True)
class _Before:
    """The inputs of what is stored: dataset version and revision, engine, and the changes that the account had."""

    version: str | None
    revision: int | None
    engine: str | None
    changes: int

    @classmethod
    def of_account(cls, row: Row) -> _Before:
        return cls(
            version=row["dataset_version"], revision=row["revision"], engine=row["engine_version"],
            changes=row["stepped_changes"],
        )  # fmt: skip

    @classmethod
    def of_step(cls, row: Row) -> _Before:
        return cls(
            version=row["dataset_version"], revision=row["revision"], engine=row["engine_version"],
            changes=row["changes"],
        )  # fmt: skip


async def drift_reports(app: AppContext, computed: Computed) -> list[Document]:
    """Return the reports of a step, the ledger's first; see docs/how-to/run-a-paper-account.md."""
    account, found = computed.account, computed.found
    reports = []
    if account["result"] is not None and found["result"] is not None:
        stored = await asyncio.to_thread(unpack_result, account["result"])
        ledger = await asyncio.to_thread(ledger_difference, stored, found["result"])
        if ledger is not None:
            reports.append(await _ledger_report(app, computed, ledger, stored["equity"][-1]))
    steps = {row["day"].isoformat(): row for row in computed.unbooked}
    for day in computed.days:
        report = await _day_report(app, computed, day, steps.get(day))
        if report is not None:
            reports.append(report)
        quoted = _quotes_report(computed, day, steps.get(day))
        if quoted is not None:
            reports.append(quoted)
    return reports


def _quotes_report(computed: Computed, day: str, step: Row | None) -> Document | None:
    """Return what the opening quotes of a day made: the differences of the fills that were booked from them."""
    fills = computed.fills(day)
    items = computed.reconciliation(day, fills) or []
    counted = [item for item in items if item["cause"] in COUNTED]
    if step is None or not counted:
        return None
    by_stock: dict[str, float] = {}
    for item in counted:
        by_stock[item["stock_code"]] = round(by_stock.get(item["stock_code"], 0.0) + item["won"], 2)
    won = round(sum(item["won"] for item in counted), 2)
    stocks = [{"stock_code": code, "won": made} for code, made in sorted(by_stock.items())]
    return _document(
        computed, day=day, before=_Before.of_step(step), orders={"decided": [], "now": []}, ledger=None,
        fills=[fill for fill in fills if fill["stock_code"] in by_stock], won=won, cells=[], cell_count=0,
        causes=[{"cause": "quoted_opens", "won": won, "stocks": stocks}], other_days=[], statements=[],
    )  # fmt: skip


async def _ledger_report(
    app: AppContext, computed: Computed, ledger: LedgerDifference, last: Mapping[str, Any]
) -> Document:
    before = _Before.of_account(computed.account)
    parts: Document = {"causes": _alone("restated_data", ledger["won"]), **_NO_CELLS}
    if ledger["won"] is not None:
        asked = _Difference(until=last["date"], won=ledger["won"], stored_equity=last["equity"])
        parts = await _attributed(app, computed, before, asked)
    return _document(
        computed, day=ledger["date"], before=before, orders={"decided": [], "now": []}, ledger=ledger, fills=[],
        won=ledger["won"], **parts,
    )  # fmt: skip


async def _day_report(app: AppContext, computed: Computed, day: str, step: Row | None) -> Document | None:
    decision, orders = computed.decision(day), computed.order_difference(day)
    fills = [dict(fill) for fill in unordered_fills(decision, computed.fills(day))] if decision is None else []
    if not fills and not any(orders.values()):
        return None
    if decision is None or step is None:
        cause = _UNDECIDED.get("" if step is None else step["status"], "no_decision")
        before = _Before.of_account(computed.account)
        won = round(sum(fill["won"] for fill in fills), 2)
        parts: Document = {"causes": _alone(cause, won), "cells": [], "cell_count": 0, "other_days": [],
                           "statements": []}  # fmt: skip
    else:
        before = _Before.of_step(step)
        affected = affected_stocks(orders)
        fills = [fill for fill in computed.fills(day) if fill["stock_code"] in affected]
        won = round(sum(fill["won"] for fill in fills), 2)
        asked = _Difference(
            until=decision["decided_on"], won=won, day=day, orders=tuple(decision["orders"]), fills=tuple(fills)
        )
        parts = await _attributed(app, computed, before, asked)
    return _document(computed, day=day, before=before, orders=orders, ledger=None, fills=fills, won=won, **parts)


_UNDECIDED: Final = {"data_late": "late_data", "paused": "user_change"}
"""Causes of fills without a decision, by the status of the day."""
_NO_CELLS: Final[Document] = {"cells": None, "cell_count": None, "other_days": [], "statements": []}


def _alone(cause: str, won: float | None) -> list[Document]:
    return [{"cause": cause, "won": won, "stocks": []}]


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """A difference of the equity on `until`, or of the orders of `day`, whose rows end on `until`."""

    until: str
    won: float
    stored_equity: float | None = None
    day: str | None = None
    orders: tuple[Document, ...] = ()
    fills: tuple[Document, ...] = ()


async def _attributed(app: AppContext, computed: Computed, before: _Before, asked: _Difference) -> Document:
    """Return {causes, cells, cell_count, other_days, statements} of a difference.

    A step does not fail for its report: without an answer of a simulator the cause has no cells.
    """
    until = dt.date.fromisoformat(asked.until)
    images: Sequence[Row] = []
    async with app.database.connection() as connection:
        request = await connection.fetchval(SQL["select_request_of_changes"], computed.account["id"], before.changes)
        if before.revision is not None:
            images = await connection.fetch(
                SQL["select_statement_images"], before.revision, computed.current["revision"], until, MAX_STATEMENTS
            )
    changes = statement_changes(images)
    query = AccountDrift(
        version=computed.current["version"], request=computed.account["request"], before=before.version or "",
        request_before=request, engine_before=before.engine or "", until=to_day(until),
        stored_equity=asked.stored_equity, day=None if asked.day is None else to_day(dt.date.fromisoformat(asked.day)),
        orders=asked.orders, fills=asked.fills, late_stocks=late_codes(changes),
    )  # fmt: skip
    view = await app.datasets.get(query.version)
    request = request_from_json(query.request)
    cost = 0 if view is None else RUNS * cost_of_request(request, view.days, len(view.instruments))
    try:
        answer = await query_simulator(app, query, computed.account["owner"], cost=cost)
        found: Document = orjson.loads(answer)
    except (ApiProblem, UnavailableError) as problem:
        log.warning("account_drift.unexplained", account_id=str(computed.account["id"]), reason=str(problem))
        same = before.engine == computed.found["engine_version"] and request == computed.account["request"]
        return {"causes": _alone("restated_data" if same else "not_separable", asked.won), **_NO_CELLS}
    named = {cell["stock_code"] for cell in found["cells"] or ()}
    found["statements"] = [change for change in changes if found["cells"] is None or change["stock_code"] in named]
    if not found["causes"]:
        found["causes"] = _alone("restated_data", asked.won)
    return found


def _document(
    computed: Computed, *, day: str, before: _Before, causes: list[Document], won: float | None, **parts: Any
) -> Document:
    return {
        "day": day, "cause": causes[0]["cause"], "won": won, "causes": causes, **parts,
        "dataset_before": before.version, "dataset_now": computed.current["version"],
        "revision_before": before.revision, "revision_now": computed.current["revision"],
        "engine_before": before.engine, "engine_now": computed.found["engine_version"],
    }  # fmt: skip
