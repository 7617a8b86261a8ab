"""Withdrawal of the steps of paper accounts that read damaged panels: the accounts get back what they had before.

Their next step books and decides the same days again, so that an account equals its backtest. What was withdrawn is in
drift reports with the cause `damaged_panels`.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import orjson
import structlog

from shared.contracts.events import AccountChanged, Event
from shared.errors import UnavailableError
from shared.infra import metrics
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append_many
from shared.infra.research_ledger import Connection
from shared.messages import say

log = structlog.get_logger()

SQL: Final = statements("paper")
BACKTEST_SQL: Final = statements("backtest")
WEBHOOKS: Final = statements("webhooks")
POLL_S: Final = 0.5
CHANGE: Final = "account.drift"
CAUSE: Final = "damaged_panels"

Row = Mapping[str, Any]
T = TypeVar("T")


async def withdraw_steps(database: Database, broker: BrokerClient, since: float) -> int:
    """Withdraw the steps since a time (seconds since the epoch); repeat it until PostgreSQL has done so.

    Return the number of accounts. A step that is being computed meanwhile writes nothing.
    """
    accounts, reports = await until_done(database, lambda connection: _withdraw(connection, since))
    metrics.RESULTS_WITHDRAWN.inc(len(accounts))
    log.error("account_steps.withdrawn", accounts=len(accounts), reports=len(reports), first=accounts[:5])
    try:
        events: list[Event] = [
            AccountChanged(account_id=str(one.account), change=CHANGE, day=one.day.isoformat()) for one in reports
        ]
        if events:
            await append_many(broker, events)
    except REDIS_LOST as error:
        log.warning("broker.disconnected", error=type(error).__name__)
    return len(accounts)


async def until_done(database: Database, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Return what `work` does in a transaction; repeat it until PostgreSQL has done so."""
    while True:
        try:
            async with database.transaction() as connection:
                return await work(connection)
        except (*LOST, UnavailableError, asyncpg.OperatorInterventionError, asyncpg.DeadlockDetectedError) as error:
            log.warning("database.unavailable", error=type(error).__name__)
            await asyncio.sleep(POLL_S)


async def _withdraw(connection: Connection, since: float) -> tuple[list[str], list[Report]]:
    """Return the ids of the accounts, and the reports."""
    await connection.execute(BACKTEST_SQL["lock_withdrawal"])
    await connection.execute(SQL["supersede_steps"])
    accounts = await connection.fetch(SQL["select_damaged_accounts"], since)
    steps = await connection.fetch(SQL["select_damaged_steps"], since)
    restored = await connection.fetch(SQL["restore_accounts"], since, str(say("damaged_step")))
    await connection.execute(SQL["delete_damaged_states"], since)
    await connection.execute(SQL["delete_damaged_decisions"], since)
    await connection.execute(SQL["undo_damaged_bookings"], since)
    await connection.execute(SQL["delete_damaged_drift"], since)
    reports = [
        *map(_ledger_report, accounts),
        *[_step_report(step) for step in steps if step["is_decision"] or step["is_booking"]],
    ]
    for report in reports:
        text = orjson.dumps(report.document()).decode()
        await connection.execute(SQL["insert_drift"], report.account, report.day, None, text)
        await connection.execute(WEBHOOKS["add_deliveries"], [report.account], CHANGE, report.day)
    return [str(row["id"]) for row in restored], reports


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was withdrawn of a day of an account: its ledger, its decision or its fills."""

    account: UUID
    day: dt.date
    inputs: Row
    """Dataset version, revision and engine with which it was computed."""
    ledger: dict[str, Any] | None = None
    orders: list[dict[str, Any]] = field(default_factory=list)
    fills: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the drift report, of the shape of `services.api.schemas.account_responses.DriftReport`."""
        version, revision, engine = (self.inputs[name] for name in ("dataset_version", "revision", "engine_version"))
        return {
            "day": self.day.isoformat(), "cause": CAUSE, "won": None,
            "causes": [{"cause": CAUSE, "won": None, "stocks": []}],
            "cells": [], "cell_count": 0, "other_days": [], "statements": [],
            "orders": {"decided": self.orders, "now": []}, "ledger": self.ledger, "fills": self.fills,
            "dataset_before": version, "dataset_now": version, "revision_before": revision, "revision_now": revision,
            "engine_before": engine, "engine_now": engine,
        }  # fmt: skip


def _ledger_report(account: Row) -> Report:
    stored = {name: account[name] for name in ("equity", "cash", "positions")}
    ledger = {"date": account["as_of"].isoformat(), "part": "equity", "stored": stored, "now": None, "won": None}
    return Report(account=account["id"], day=account["as_of"], inputs=account, ledger=ledger)


def _step_report(step: Row) -> Report:
    """Return what is withdrawn of a step: its decision and what became of it, or only the booking."""
    decision = orjson.loads(step["decision"]) if step["is_decision"] and step["decision"] is not None else {}
    fills = orjson.loads(step["fills"]) if step["is_booking"] and step["fills"] is not None else []
    return Report(account=step["account"], day=step["day"], inputs=step, orders=decision.get("orders", []), fills=fills)
