"""Paper accounts on schedule: late data, orders from 07:00 on, working at the open, bookings after each version.

Opening quotes that an operator posts are booked provisionally by the same steps.

PostgreSQL's clock decides, and accounts are claimed by a lease in their rows, so that several warmers step each account
once. The step itself is a request to the API, which guards it by the account's fence.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from services.warmer import dataset
from services.warmer.phases import WarmContext
from shared.accounts.days import data_due_day, opens_at, scheduled_day
from shared.contracts.events import AccountChanged
from shared.infra.api_client.errors import ApiError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.streams import append
from shared.market.opening_hours import previous_trading_day
from shared.model.calendar import to_day

log = structlog.get_logger()

SQL: Final = statements("paper")
QUOTES: Final = statements("opening_quotes")
WEBHOOKS: Final = statements("webhooks")
CLAIMED: Final = 32
CONCURRENCY: Final = 4
LEASE_S: Final = 60.0


async def mark_day(context: WarmContext, now: dt.datetime) -> None:
    """Note that a day without the last row, although due, has no decision; from the open on, orders are working."""
    due = context.settings.data_due
    day = data_due_day(now, due)
    if day is None:
        return
    if not await _has_last_row(context.database, day):
        async with context.database.transaction() as connection:
            marked = await connection.fetch(SQL["mark_late"], day)
            accounts = [row["account"] for row in marked]
            await connection.execute(WEBHOOKS["add_deliveries"], accounts, "data.late", day)
        if marked:
            log.warning(
                "paper_data.late", day=day.isoformat(), accounts=len(marked), due=f"{due:%H:%M} Asia/Seoul",
                effect="no orders are decided",
                remedy="load the row of the last trading day earlier, or set ONDOL_PAPER_DATA_DUE",
            )  # fmt: skip
            context.metrics.late_data()
            await _announce(context, "data.late", day)
    if now >= opens_at(day):
        async with context.database.transaction() as connection:
            working = await connection.fetch(SQL["mark_working"], day)
            accounts = [row["account"] for row in working]
            await connection.execute(WEBHOOKS["add_deliveries"], accounts, "orders.working", day)
        if working:
            log.info("paper_orders.working", day=day.isoformat(), accounts=len(working))
            await _announce(context, "orders.working", day)


async def _announce(context: WarmContext, change: str, day: dt.date) -> None:
    event = AccountChanged(account_id="", change=change, day=day.isoformat())
    await asyncio.shield(append(context.broker, event))


async def _has_last_row(database: Database, day: dt.date) -> bool:
    """Return whether the current version has the row of the trading day before `day`."""
    if not await dataset.is_prepared(database):
        return False
    async with database.connection() as connection:
        last = await connection.fetchval(SQL["select_last_day"])
    return last is not None and last >= to_day(previous_trading_day(day))


@dataclass(frozen=True, kw_only=True)
class _Due:
    """The current version, the day whose orders are due, and the last day with opening quotes and their number."""

    version: str
    day: dt.date | None
    quoted_day: dt.date | None
    quotes: int | None


async def _due(database: Database, now: dt.datetime) -> _Due | None:
    """Return what accounts are stepped for; None without a version."""
    current = await dataset.current_version(database)
    if current is None:
        return None
    day = scheduled_day(now)
    if day is not None and not await _has_last_row(database, day):
        day = None
    async with database.connection() as connection:
        quotes = await connection.fetchrow(QUOTES["select_last_number"])
    found = (None, None) if quotes is None else (quotes["day"], quotes["number"])
    return _Due(version=current[0], day=day, quoted_day=found[0], quotes=found[1])


async def is_due(database: Database, now: dt.datetime) -> bool:
    """Return whether some account has to be stepped."""
    due = await _due(database, now)
    if due is None:
        return False
    async with database.connection() as connection:
        return bool(
            await connection.fetchval(SQL["count_due"], due.version, due.day, due.quoted_day, due.quotes)
        )  # fmt: skip


async def step_due(context: WarmContext, now: dt.datetime) -> int:
    """Claim and step the accounts that are due, until none is left; return how many succeeded."""
    due = await _due(context.database, now)
    succeeded = 0
    while due is not None:
        async with context.database.connection() as connection:
            rows = await connection.fetch(
                SQL["claim_accounts"], due.version, due.day, CLAIMED, LEASE_S, due.quoted_day, due.quotes
            )
        if not rows:
            break
        accounts = iter([row["id"] for row in rows])
        succeeded += sum(await asyncio.gather(*(_step_all(context, accounts) for _ in range(CONCURRENCY))))
    if succeeded:
        log.info("paper_accounts.stepped", accounts=succeeded)
    return succeeded


async def _step_all(context: WarmContext, accounts: Iterator[UUID]) -> int:
    return sum([await _step(context, identity) for identity in accounts])


async def _step(context: WarmContext, identity: UUID) -> bool:
    """Step an account; a failure is stored with it by the API, and it is tried again when its lease ends."""
    try:
        await context.client.call("POST", f"/v1/accounts/{identity}/steps", query={"scheduled": "true"})
    except ApiError as error:
        log.warning("paper_account.failed", account_id=str(identity), reason=error.reason)
        context.metrics.paper_step("failed")
        return False
    context.metrics.paper_step("done")
    return True
