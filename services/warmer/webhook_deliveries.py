"""Deliveries of webhooks: claimed by a lease in their rows, sent at least once, retried with growing pauses."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import orjson
import structlog

from services.warmer.phases import WarmContext
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.webhook_sender import TIMEOUT_S, WebhookSender, webhook_sender

log = structlog.get_logger()

SQL: Final = statements("webhooks")
CLAIMED: Final = 32
LEASE_S: Final = 3 * TIMEOUT_S
ATTEMPTS: Final = 10
"""Attempts after which a delivery is a dead letter: after 2 h 8 min of pauses, and up to 10 s for each attempt."""
FIRST_PAUSE_S: Final = 15.0
"""Each later pause is twice as long; the last one is 64 minutes."""


async def is_due(database: Database) -> bool:
    """Return whether some delivery is due."""
    async with database.connection() as connection:
        return bool(await connection.fetchval(SQL["has_due"]))


async def deliver_due(context: WarmContext) -> int:
    """Send the deliveries that are due until none is left; return how many were accepted."""
    accepted = 0
    async with webhook_sender(context.settings.webhook_allowed_hosts) as sender:
        while True:
            async with context.database.connection() as connection:
                rows = await connection.fetch(SQL["claim_deliveries"], CLAIMED, LEASE_S)
            if not rows:
                return accepted
            accepted += sum(await asyncio.gather(*(_deliver(context, sender, row) for row in rows)))


def pause_s(attempts: int) -> float | None:
    """Return the seconds between an attempt that failed and the next one; None after the last."""
    if attempts >= ATTEMPTS:
        return None
    return FIRST_PAUSE_S * 2.0 ** (attempts - 1)


def body_of(row: Mapping[str, Any]) -> bytes:
    """Return the body of a delivery: {event_id, type, account_id, date, created_at}."""
    return orjson.dumps(
        {
            "event_id": str(row["event_id"]), "type": row["change"], "account_id": str(row["account"]),
            "date": row["day"].isoformat(), "created_at": row["created_at"].isoformat(),
        }
    )  # fmt: skip


async def _deliver(context: WarmContext, sender: WebhookSender, row: Mapping[str, Any]) -> bool:
    status, error = None, None
    try:
        status = await sender.send(row["url"], row["secret"], str(row["event_id"]), int(time.time()), body_of(row))
    except (OSError, TimeoutError, aiohttp.ClientError) as problem:
        error = f"{type(problem).__name__}: {problem}"[:500]
    if status is not None and not 200 <= status < 300:
        error = f"the receiver answered {status}"
    async with context.database.connection() as connection:
        if error is None:
            await connection.execute(SQL["end_delivery"], row["account"], row["number"], status)
        else:
            pause = pause_s(row["attempts"])
            await connection.execute(SQL["fail_delivery"], row["account"], row["number"], status, error, pause)
            log.warning(
                "webhook.failed", account_id=str(row["account"]), delivery=row["number"], attempts=row["attempts"],
                reason=error, is_last=pause is None,
            )  # fmt: skip
    outcome = "delivered" if error is None else "dead" if row["attempts"] >= ATTEMPTS else "failed"
    context.metrics.webhook(outcome)
    return error is None
