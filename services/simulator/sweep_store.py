"""Leases and ends of the parts of sweeps in PostgreSQL; a function has the name of the SQL statement that it runs."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from services.simulator.leases import LEASE_S
from services.simulator.run_store import with_retries, with_retry
from shared.contracts.research import READ_PARTS
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.research_ledger import Connection, Entry, Recorded, Source, record_trials
from shared.market import RULES_VERSION
from shared.research.ledger.trials import Trials
from shared.simulation import ENGINE_VERSION

SQL = statements("sweep")
MAX_ATTEMPTS = 10
"""Leases of a part that may expire before all its variants fail, as in the statements. A part takes a second, so that
a simulator that is killed often interrupts the same part several times; a run that kills it always is rare."""


@dataclass(kw_only=True)
class PartJob:
    """A part that this process leases."""

    sweep: uuid.UUID
    part: int
    first: int
    count: int
    lease: int
    attempts: int
    withdrawals: int = 0
    """How often the sweep has begun anew."""
    wait_s: float | None = None
    """Seconds from the acceptance of the sweep to its first part; None: others began before, or it begins anew."""
    exhausted: bool = False
    """The part ended its simulators `MAX_ATTEMPTS` times: it is ended without a run."""
    stop: bool = False
    """Set when the lease is lost, the sweep is cancelled, or the process shuts down."""
    leaving: bool = False
    """The process shuts down: the part is released."""
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class SweepLine:
    """The research line of a sweep or walk-forward: its owner and name, and what the sweep is."""

    owner: str
    name: str
    kind: Literal["sweep", "walk_forward"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The state of a sweep after one of its parts has ended."""

    parts_done: int
    parts: int
    status: str


async def acquire_part(database: Database, worker: str) -> PartJob | None:
    """Lease the next part of any sweep: of one with the fewest running parts, then of the oldest; None without one."""
    for row in await with_retry(database, "fetch", SQL["select_open"], ENGINE_VERSION, RULES_VERSION):
        found = await with_retry(database, "fetchrow", SQL["acquire_part"], row["id"], LEASE_S, worker)
        if found is not None:
            return PartJob(**found)
    found = await with_retry(database, "fetchrow", SQL["acquire_exhausted"], worker, LEASE_S)
    return None if found is None else PartJob(**found, exhausted=True)


async def select_plan(database: Database, sweep: uuid.UUID) -> Any:
    """Return the row of a sweep with its plan, None when it was deleted."""
    return await with_retry(database, "fetchrow", SQL["select_plan"], sweep)


async def select_parts_data(database: Database, sweep: uuid.UUID, start: int, count: int) -> list[Any]:
    """Return (part, first, data) of ended parts, in order."""
    rows: list[Any] = await with_retry(database, "fetch", SQL["select_parts_data"], sweep, start, count)
    return rows


async def select_run_parts(database: Database, sweep: uuid.UUID, first: int, stop: int, after: int) -> list[Any]:
    """Return (part, first, data) of some ended parts of a walk-forward with variants from `first` to before `stop`, in
    order, after the part `after`."""
    values = (sweep, first, stop, READ_PARTS, after)
    rows: list[Any] = await with_retry(database, "fetch", SQL["select_run_parts"], *values)
    return rows


async def end_part(
    database: Database, job: PartJob, *, status: str, variants: int, failed: int, best: str, data: bytes,
    line: SweepLine | None, trials: Trials,
) -> Ended | None:  # fmt: skip
    """Store a part, fenced by its lease; None when the lease was lost or the sweep was cancelled.

    The trials of a part that is stored are in the ledger, once; those of one that is not are not.
    """
    values = (job.sweep, job.part, job.lease, status, variants, failed, best, data)
    if line is None:
        row = await with_retry(database, "fetchrow", SQL["end_part"], *values)
    else:
        row = await with_retries(database, lambda connection: _end_recorded(connection, job, values, line, trials))
    return None if row is None else Ended(parts_done=row["parts_done"], parts=row["parts"], status=row["status"])


async def _end_recorded(
    connection: Connection, job: PartJob, values: tuple[object, ...], line: SweepLine, trials: Trials
) -> Any:
    """End a part and record its trials in one transaction."""
    recorded: Recorded | None = None
    async with connection.transaction():
        row = await connection.fetchrow(SQL["end_part"], *values)
        if row is not None:
            entries = [
                Entry(digest=digest, score=score, pack=returns.pack, variant=number)
                for digest, score, returns, number in zip(
                    trials.digests, trials.scores, trials.returns, trials.numbers, strict=True
                )
            ]
            source = Source(kind=line.kind, id=job.sweep)
            recorded = await record_trials(connection, line.owner, line.name, source, entries)
    if recorded is not None:
        recorded.count()
    return row


async def release_part(database: Database, job: PartJob, *, counts_attempt: bool) -> None:
    """Queue a leased part again; `counts_attempt`: as one of its MAX_ATTEMPTS."""
    await with_retry(
        database, "fetchval", SQL["release_part"], job.sweep, job.part, job.lease, 0 if counts_attempt else 1
    )
