"""The work that is next by the shares of owners and origins (see `queue.sql`), and the leases of analyses."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import orjson

from services.simulator.job import Context, Job
from services.simulator.leases import LEASE_S
from services.simulator.run_store import with_retry
from shared.contracts.events import QueryRequested
from shared.infra.database.sql import statements
from shared.market import RULES_VERSION
from shared.model.request import request_from_json
from shared.simulation import ENGINE_VERSION

SQL = statements("queue")


@dataclass(kw_only=True)
class Analysis:
    """A long query that this process leases."""

    id: uuid.UUID
    query: QueryRequested
    lease: int
    entry: str
    stop: bool = False
    """Set when the lease is lost, its client has stopped waiting, or the process shuts down."""
    began: float = field(default_factory=time.monotonic)

    def is_stopped(self) -> bool:
        """Whether no client waits for the answer any more, or another process computes it."""
        return self.stop or time.time() > self.query.deadline


async def acquire_next(
    context: Context, entry: str, *, long: bool, preferred: uuid.UUID | None = None,
    running: Collection[uuid.UUID] = (),
) -> Job | Analysis | None:  # fmt: skip
    """Lease the work that is next among what is queued; None when nothing is.

    `preferred` is taken first when its queue is next; `running` are started here without a lease.
    """
    values = (long, preferred, list(running), LEASE_S, context.worker, ENGINE_VERSION, RULES_VERSION)
    row = await with_retry(context.database, "fetchrow", SQL["acquire_next"], *values)
    if row is None:
        return None
    if row["analysis"] is None:
        return job_of(row, entry, long=long)
    query = QueryRequested(
        query_id=row["query"], kind=row["kind"], payload=orjson.loads(row["payload"]), deadline=row["deadline"]
    )
    return Analysis(id=row["analysis"], query=query, lease=row["analysis_lease"], entry=entry)


def job_of(row: Any, entry: str, *, long: bool) -> Job:
    """Return the job of a row that was leased."""
    return Job(
        id=row["id"], lease=row["lease"], entry=entry, version=row["dataset_version"],
        request=request_from_json(row["request"]), origin=row["origin"], attempts=row["attempts"],
        queue_ms=float(row["queue_ms"]), started_at=row["started_at"], long=long,
    )  # fmt: skip


async def delete_analysis(context: Context, analysis: Analysis) -> None:
    """Delete an analysis that is answered."""
    await with_retry(context.database, "execute", SQL["delete_analysis"], analysis.id)


async def release_analysis(context: Context, analysis: Analysis) -> None:
    """Return an analysis to its queue."""
    await with_retry(context.database, "execute", SQL["release_analysis"], analysis.id, analysis.lease)
