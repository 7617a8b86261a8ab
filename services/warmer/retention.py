"""Nightly deletion of expired results, oldest first, in bounded batches.

A result expires when all its backtests have: those of users after ONDOL_USER_RESULT_RETENTION_DAYS (never, by
default), all others, and cancelled ones, after ONDOL_RESULT_RETENTION_DAYS. Backtests are deleted with their result.
Replaced dataset versions are deleted by the preparer (`services.preparer.dataset_store.delete_unretained`).
Ended sweeps expire after ONDOL_SWEEP_RETENTION_DAYS; backtests that were opened from them stay.
Factor reports expire with the sweeps. Opening quotes expire with the results that no user has, once the accounts that
they concern are booked.
Each batch is a transaction, so an interrupted purge continues the next night.
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
"""Computations that one transaction examines."""

SQL = statements("retention")
SWEEP_SQL = statements("sweep")
QUOTES_SQL = statements("opening_quotes")
REPORT_SQL = statements("factor_report")
SWEEP_BATCH: Final = 20
"""Sweeps that one transaction deletes, each with up to some hundred parts."""
_BEGINNING: Final = (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), uuid.UUID(int=0))


@dataclass(frozen=True, kw_only=True)
class Purged:
    """Counts of a purge: deleted computations, deleted backtests, and the bytes of the deleted results."""

    computations: int = 0
    rows: int = 0
    bytes: int = 0


async def purge(database: Database, settings: Settings, now: dt.datetime, *, batch: int = BATCH) -> Purged:
    """Delete what has expired at `now` by the retention settings; nothing when both are 0 (unlimited)."""
    days, user_days = settings.result_retention_days or None, settings.user_result_retention_days or None
    found = Purged()
    if days is None and user_days is None:
        return found
    finished_after, id_after = _BEGINNING
    while True:
        try:
            async with database.connection() as connection:
                row = await connection.fetchrow(SQL["purge"], now, days, user_days, finished_after, id_after, batch)
        except asyncpg.ForeignKeyViolationError:
            continue  # a new backtest refers to one of them: it stays, and the batch is repeated
        found = Purged(
            computations=found.computations + row["computations"], rows=found.rows + row["rows"],
            bytes=found.bytes + row["bytes"],
        )  # fmt: skip
        if row["examined"] < batch:
            break
        finished_after, id_after = row["finished_at"], row["id"]
    log.info("results.purged", computations=found.computations, rows=found.rows, bytes=found.bytes)
    return found


async def purge_sweeps(database: Database, settings: Settings, now: dt.datetime) -> int:
    """Delete the sweeps that have expired at `now`; return how many."""
    deleted = await _purge(database, SWEEP_SQL["purge_sweeps"], now, settings.sweep_retention_days, SWEEP_BATCH)
    if deleted is not None:
        log.info("sweeps.purged", sweeps=deleted)
    return deleted or 0


async def purge_factor_reports(database: Database, settings: Settings, now: dt.datetime) -> int:
    """Delete the factor reports that have expired at `now`; return how many."""
    deleted = await _purge(database, REPORT_SQL["purge_reports"], now, settings.sweep_retention_days, BATCH)
    if deleted is not None:
        log.info("factor_reports.purged", reports=deleted)
    return deleted or 0


async def _purge(database: Database, statement: str, now: dt.datetime, days: int, batch: int) -> int | None:
    """Delete what has expired `days` days ago, `batch` rows at a time; return how many, None when 0 days keep all."""
    if not days:
        return None
    deleted = 0
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(statement, now, days, batch)
        deleted += len(rows)
        if len(rows) < batch:
            return deleted


async def purge_quotes(database: Database, settings: Settings, now: dt.datetime) -> int:
    """Delete the opening quotes of days that have expired at `now`; return of how many days."""
    days = settings.result_retention_days
    if not days:
        return 0
    async with database.connection() as connection:
        deleted: int = await connection.fetchval(QUOTES_SQL["purge_quotes"], now, days)
    log.info("quotes.purged", days=deleted)
    return deleted


async def purge_stored_bytes(database: Database) -> None:
    """Delete the daily sums of stored bytes that are older than a month."""
    async with database.connection() as connection:
        await connection.execute(SQL["purge_stored_bytes"])
