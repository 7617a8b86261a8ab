"""What nobody needs any more is forgotten: once a night, old results go in bounded batches, the oldest first.

A result goes when no row points to it that is to be kept: rows of users are kept for ONDOL_USER_RESULT_DAYS (for ever,
by default), all others, and rows that their users have cancelled, for ONDOL_RESULT_DAYS. Rows go with their result.
Each batch is a transaction of its own, so a purge that is cut short goes on the next night.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.settings import Settings

log = structlog.get_logger()

BATCH: Final = 500
"""Computations that one transaction looks at."""

SQL = statements("retention")
_BEGINNING: Final = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), uuid.UUID(int=0))


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What went: computations with their results, rows of requests, and the bytes of the results."""

    computations: int = 0
    rows: int = 0
    bytes: int = 0


async def purge(database: Database, settings: Settings, now: dt.datetime, *, batch: int = BATCH) -> Purged:
    """Forget what is older at `now` than the settings keep; nothing when both keep it for ever."""
    days, user_days = settings.result_days or None, settings.user_result_days or None
    found = Purged()
    if days is None and user_days is None:
        return found
    after, place = _BEGINNING
    while True:
        try:
            async with database.connection() as connection:
                row = await connection.fetchrow(SQL["purge"], now, days, user_days, after, place, batch)
        except asyncpg.ForeignKeyViolationError:
            continue  # somebody attached to one of them this instant: it stays, and the batch is looked at again
        found = Purged(
            computations=found.computations + row["computations"], rows=found.rows + row["rows"],
            bytes=found.bytes + row["bytes"],
        )  # fmt: skip
        if row["looked"] < batch:
            break
        after, place = row["finished_at"], row["id"]
    log.info("results_purged", computations=found.computations, rows=found.rows, bytes=found.bytes)
    return found
