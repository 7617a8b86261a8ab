"""Daily selection: from 07:00 on trading days, store which stocks each strategy would buy.

A dataset version that is published before the exchange opens replaces the selections of the day: the exchange publishes
the prices of a day at 08:00 of the next one.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import orjson
import structlog

from services.warmer import dataset
from services.warmer.phases import WarmContext
from shared.accounts.days import opens_at
from shared.contracts.schedule import Job
from shared.infra.api_client import outcome
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.model.calendar import SEOUL
from shared.strategies.catalogue import FAMOUS, PRESETS, Entry

log = structlog.get_logger()

SQL = statements("warm")
MAX_STOCKS: Final = 100


def due_day(job: Job, now: dt.datetime) -> dt.date | None:
    """Return today in Seoul if it is a trading day and the job's time has passed, else None."""
    day = job.last_due(now)
    return day if day == now.astimezone(SEOUL).date() else None


async def _stored(database: Database, day: dt.date, version: str, now: dt.datetime) -> set[str]:
    """Return the strategies with a selection for a day; before its open only those that the version was used for."""
    async with database.connection() as connection:
        rows = await connection.fetch(SQL["select_selected"], day, version if now < opens_at(day) else None)
    return {row["strategy"] for row in rows}


async def is_due(database: Database, day: dt.date, now: dt.datetime) -> bool:
    """Return whether a dataset exists and some strategy has no selection for this day."""
    current = await dataset.current_version(database)
    return current is not None and len(await _stored(database, day, current[0], now)) < len(FAMOUS) + len(PRESETS)


async def store_selections(context: WarmContext, day: dt.date, now: dt.datetime) -> int:
    """Request and store the selection of every strategy that has none for this day; return how many succeeded."""
    current = await dataset.current_version(context.database)
    if current is None:
        return 0
    stored = await _stored(context.database, day, current[0], now)
    succeeded = 0
    for entry in (*FAMOUS, *PRESETS):
        if entry.id in stored:
            continue
        response = await outcome.get(context.client, "/v1/screen", strategy=entry.id, limit=_count(entry))
        selection = None if response.error else orjson.dumps(_selection(response.document)).decode()
        async with context.database.connection() as connection:
            await connection.execute(SQL["upsert_selection"], day, entry.id, current[0], selection, response.error)
        succeeded += response.error is None
        if response.error:
            log.warning("selection.failed", strategy=entry.id, day=day.isoformat(), reason=response.error)
    log.info("selections.stored", day=day.isoformat(), strategies=succeeded, dataset=current[0])
    return succeeded


def _count(entry: Entry) -> int:
    positions = entry.strategy.get("portfolio", {}).get("max_positions")
    return min(positions, MAX_STOCKS) if isinstance(positions, int) else MAX_STOCKS


def _selection(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in ("date", "total", "items")}
