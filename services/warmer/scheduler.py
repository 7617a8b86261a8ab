"""Which night's run is due, whoever asks and however often: the decision is a row, and the clock is the record's.

Every warmer looks every few seconds. The first that finds 03:00 in Seoul passed on the clock of PostgreSQL makes the
night's row; the others find it there. A warmer whose own clock is wrong, a missed night and a restart need no code of
their own: looking again is all that is done.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from shared.contracts.schedule import SEOUL, Job
from shared.contracts.warm import PHASES
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements

log = structlog.get_logger()


LATE: Final = dt.timedelta(minutes=5)
"""A night's run that begins later than this after its time is called a catch-up."""

Clock = Callable[[], Awaitable[dt.datetime]]


def record_clock(database: Database) -> Clock:
    """PostgreSQL's clock, the same for all warmers."""

    async def now() -> dt.datetime:
        async with database.connection() as connection:
            found: dt.datetime = await connection.fetchval(statements("warm")["clock"])
            return found

    return now


def due_night(job: Job, now: dt.datetime) -> tuple[dt.date, str]:
    """The night (date in Seoul) whose time has come last, and whether its run is `nightly` or a `catch_up`."""
    night = job.last_due(now)
    if night is None:
        raise ValueError("the warm run has a time of day")
    return night, "nightly" if now - due_instant(job, night) <= LATE else "catch_up"


def due_instant(job: Job, night: dt.date) -> dt.datetime:
    """The instant at which a night's run is due."""
    return dt.datetime.combine(night, job.at or dt.time(0), SEOUL)


async def start_night(database: Database, job: Job, now: dt.datetime) -> int | None:
    """Make the row of the night that is due; None when it has one already, or when another run is going on.

    Without market data no night is due. A record without any night, in which a run was made since this one was due (the
    start-up run of a new installation), has missed nothing either.
    """
    night, trigger = due_night(job, now)
    sql = statements("warm")
    async with database.connection() as connection:
        known = await connection.fetchrow(sql["nights"])
        if not known["has_data"] or (known["last"] is not None and known["last"] >= night):
            return None
        if known["last"] is None and known["latest"] is not None and known["latest"] >= due_instant(job, night):
            return None
        run: int | None = await connection.fetchval(sql["start_night"], night, trigger, list(PHASES))
    if run is not None:
        log.info("warm_night_due", run=run, night=night.isoformat(), trigger=trigger)
    return run


async def start_up(database: Database, version: str | None) -> int | None:
    """Make a run for a current version that was never warmed; None when there is no need or another run is going on."""
    if version is None:
        return None
    async with database.connection() as connection:
        run: int | None = await connection.fetchval(statements("warm")["start_up"], list(PHASES), version)
    if run is not None:
        log.info("warm_at_start_up", run=run, dataset=version)
    return run


async def to_do(database: Database) -> Sequence[tuple[int, int]]:
    """(run, attempts so far) of runs that wait and of runs whose warmer fell silent."""
    async with database.connection() as connection:
        rows: list[Any] = await connection.fetch(statements("warm")["to_do"])
    return [(row["id"], row["attempts"]) for row in rows]
