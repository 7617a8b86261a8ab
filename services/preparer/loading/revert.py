"""Taking back the last data revisions: loads, deletions and earlier reverts (`ondol revisions`)."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from services.preparer.loading import earlier_rows, revision
from services.preparer.loading.earlier_rows import KEPT_REVISIONS
from services.preparer.loading.quality import make_report
from services.preparer.loading.revision import Revision, RevisionKind, Scope, rows_by_kind
from shared.errors import LoadError
from shared.infra.database.sql import statements

_SQL = statements("revisions")
_ALL = 2**31


@dataclass(frozen=True, kw_only=True)
class StoredRevision:
    """A data revision as it is listed."""

    id: int
    created_at: dt.datetime
    kind: RevisionKind
    source: str
    rows: int
    changed: dict[str, int | None]
    """Kind of row -> how many rows; None in revisions of an earlier release."""
    same_as: int | None
    """The earlier revision with equal data, of a revert; 0 when nothing was loaded then."""
    revertible: bool
    dataset_version: str | None
    """The current dataset version, on the revision that it represents."""


@dataclass(kw_only=True)
class RevertReport:
    """The result of a revert. `revision` is None for a dry run and when the data are those of the target already."""

    reverted: list[int] = field(default_factory=list)
    """Revisions that were reverted, the newest first."""
    target: int
    """The revision whose data are loaded now; 0: no data."""
    differing: dict[str, int] = field(default_factory=dict)
    revision: int | None = None
    seconds: float = 0.0


async def read_revisions(connection: asyncpg.Connection, limit: int = _ALL) -> list[StoredRevision]:
    """Return the data revisions, the newest first."""
    rows = await connection.fetch(_SQL["revisions"], limit)
    return [StoredRevision(**{**row, "changed": json.loads(row["changed"])}) for row in map(dict, rows)]


async def revert_revisions(
    database_url: str, *, count: int = 1, target: int | None = None, dry_run: bool = False
) -> RevertReport:
    """Take back the last `count` revisions, or all after `target`, in one transaction, which is a new revision.

    LoadError when one of them is too old, or does not exist. A dry run changes nothing.
    """
    started = time.monotonic()
    async with revision.writer_connection(database_url) as connection:
        stored = await read_revisions(connection)
        gone, target = _chosen(stored, count, target)
        report = RevertReport(reverted=[r.id for r in gone], target=target)
        same_as = await connection.fetchval(_SQL["data_of"], target) if target else 0
        if same_as == await connection.fetchval(_SQL["data_of"], stored[0].id):
            report.seconds = time.monotonic() - started
            return report
        async with connection.transaction():
            scope = [Scope(**dict(row)) for row in await connection.fetch(_SQL["scope_of_many"], target)]
            report.differing = rows_by_kind(scope)
            if not dry_run:
                report.revision = await revision.begin(connection)
                await earlier_rows.put_back(connection, report.revision, target)
                source = f"ondol revisions revert --to {target}"
                made = Revision(id=report.revision, kind="revert", source=source, scope=scope, same_as=same_as)
                await revision.record(connection, made)
                await connection.execute(_SQL["copy_report"], report.revision, same_as)
        if report.revision is not None and not await connection.fetchval(_SQL["has_report"], report.revision):
            await make_report(connection, report.revision)
    report.seconds = time.monotonic() - started
    return report


def _chosen(stored: Sequence[StoredRevision], count: int, target: int | None) -> tuple[Sequence[StoredRevision], int]:
    """Return the revisions to revert, the newest first, and the one whose data return."""
    if not stored:
        raise LoadError("No data are loaded, so there is no revision to revert.")
    if target is not None:
        if target and target not in {r.id for r in stored}:
            raise LoadError(f"There is no data revision {target}; `ondol revisions` lists them. Nothing was changed.")
        count = sum(r.id > target for r in stored)
    if count > len(stored):
        raise LoadError(f"There are only {len(stored)} data revisions. Nothing was changed.")
    gone = stored[:count]
    lost = [r.id for r in gone if not r.revertible]
    if lost:
        raise LoadError(
            f"Data revision {lost[0]} can no longer be reverted: previous rows are kept for the last {KEPT_REVISIONS} "
            "revisions, and for none of an earlier release. Delete rows with `ondol delete`, or load the right files "
            "again. Nothing was changed."
        )
    return gone, stored[count].id if count < len(stored) else 0
