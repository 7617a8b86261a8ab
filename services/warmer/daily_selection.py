"""The picks of the morning: at 07:00 on trading days, what each strategy would buy, noted once a day."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import orjson
import structlog

from services.warmer import dataset
from services.warmer.phases import Tools
from shared.contracts.schedule import SEOUL, Job
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.strategies.catalogue import FAMOUS, PRESETS, Entry

log = structlog.get_logger()

SQL = statements("warm")
MOST: Final = 100


def due_picks(job: Job, now: dt.datetime) -> dt.date | None:
    """The day whose picks are due: today in Seoul, from the job's time on, on a trading day."""
    day = job.last_due(now)
    return day if day == now.astimezone(SEOUL).date() else None


async def are_due(database: Database, day: dt.date) -> bool:
    """Whether some strategy has no picks for this day yet, and there is a dataset to take them from."""
    if await dataset.current_version(database) is None:
        return False
    async with database.connection() as connection:
        noted = await connection.fetch(SQL["picked"], day)
    return len(noted) < len(FAMOUS) + len(PRESETS)


async def make_picks(tools: Tools, day: dt.date) -> int:
    """Ask for the picks of every strategy that has none for this day yet; returns how many were noted."""
    current = await dataset.current_version(tools.database)
    if current is None:
        return 0
    async with tools.database.connection() as connection:
        noted = {row["strategy"] for row in await connection.fetch(SQL["picked"], day)}
    made = 0
    for entry in (*FAMOUS, *PRESETS):
        if entry.id in noted:
            continue
        answer = await tools.user.get("/v1/screen", strategy=entry.id, limit=_count(entry))
        picks = None if answer.error else orjson.dumps(_picks(answer.document)).decode()
        async with tools.database.connection() as connection:
            await connection.execute(SQL["note_pick"], day, entry.id, current[0], picks, answer.error)
        made += answer.error is None
        if answer.error:
            log.warning("pick_failed", strategy=entry.id, day=day.isoformat(), reason=answer.error)
    log.info("picks_made", day=day.isoformat(), strategies=made, dataset=current[0])
    return made


def _count(entry: Entry) -> int:
    most = entry.strategy.get("portfolio", {}).get("max_positions")
    return min(most, MOST) if isinstance(most, int) else MOST


def _picks(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in ("date", "total", "items")}
