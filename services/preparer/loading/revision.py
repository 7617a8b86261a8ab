"""A data revision: the lock that its writer holds, its number, its scope, and what is kept to take it back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import asyncpg

from services.preparer.loading import earlier_rows
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.infra.database.sql import statements
from shared.infra.market_tables import read_days
from shared.model.calendar import from_day

_LOAD = statements("load")
_SQL = statements("revisions")

RevisionKind = Literal["load", "delete", "revert"]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One entry of `revision_scope`, and how many rows it stands for."""

    kind: str
    part: int
    from_year: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision to be recorded; `same_as` names the earlier one with equal data, where there is one."""

    id: int
    kind: RevisionKind
    source: str
    scope: Sequence[Scope]
    same_as: int | None = None


@asynccontextmanager
async def writer_connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection that alone may change market tables; LoadError while another one may."""
    async with lone_connection(
        database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
    ) as connection:
        if not await connection.fetchval(_LOAD["lock"]):
            raise LoadError("Another load, deletion or revert is running; start this one when it has ended.")
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.fetchval(_LOAD["unlock"])


async def begin(connection: asyncpg.Connection) -> int:
    """Return the number of the revision that a transaction may make."""
    revision: int = await connection.fetchval(_SQL["next_revision"])
    await earlier_rows.delete_previous(connection, 0, revision - 1)
    return revision


async def record(connection: asyncpg.Connection, revision: Revision) -> None:
    """Insert a revision with its scope, and forget the rows that are no longer kept."""
    rows = sum(entry.rows for entry in revision.scope)
    await connection.execute(
        _SQL["add_revision"], revision.id, revision.source, rows, revision.kind, revision.same_as
    )  # fmt: skip
    entries = [(revision.id, s.kind, s.part, s.from_year, s.rows) for s in revision.scope]
    await connection.executemany(_SQL["add_scope"], entries)
    await earlier_rows.delete_previous(connection, revision.id - earlier_rows.KEPT_REVISIONS, revision.id)


async def trading_days(connection: asyncpg.Connection) -> set[int]:
    """Return the trading days of the stored prices."""
    return set((await read_days(connection)).tolist())


def day_scope(before: set[int], now: set[int]) -> list[Scope]:
    """Return the entry of the trading days that differ, none without."""
    changed = before ^ now
    if not changed:
        return []
    return [Scope(kind="day", part=-1, from_year=from_day(min(changed)).year, rows=len(changed))]


def rows_by_kind(scope: Sequence[Scope]) -> dict[str, int]:
    """Return how many rows of each kind differ."""
    found: dict[str, int] = {}
    for entry in scope:
        found[entry.kind] = found.get(entry.kind, 0) + entry.rows
    return found
