"""A sweep of a caller as PostgreSQL has it, and the ids that paths name."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from services.api.context import AppContext, RequestContext
from services.api.errors import not_found
from shared.contracts.http import LATEST
from shared.infra.database.sql import statements

SQL = statements("sweep")
Content = tuple[uuid.UUID, int]
"""A sweep, and how often its parts were withdrawn."""
Kind = Literal["sweep", "walk_forward"]
_NOT_FOUND: dict[Kind, str] = {"sweep": "sweep_not_found", "walk_forward": "walk_forward_not_found"}
NEWEST = uuid.UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepRow:
    """A sweep, or the runs of a walk-forward."""

    id: uuid.UUID
    owner: str
    kind: Kind
    research: str | None
    plan: str
    method: str
    digest: str
    dataset_version: str
    engine_version: str
    rules_version: str
    status: str
    sequential: bool
    variants: int
    parts: int
    parts_done: int
    done: int
    failed: int
    cost: int
    created_at: dt.datetime
    started_at: dt.datetime | None
    finished_at: dt.datetime | None
    holdout_opened_at: dt.datetime | None
    holdout_variant: int | None
    holdout_backtest: uuid.UUID | None
    withdrawals: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the row of a statement's columns; columns of other names are left out."""
        return cls(**{name: value for name, value in record.items() if name in _FIELDS})

    @property
    def content(self) -> Content:
        """Return what names the stored parts: a sweep whose parts were withdrawn gets others."""
        return self.id, self.withdrawals

    @property
    def has_ended(self) -> bool:
        """Return whether no further part will end."""
        return self.status in ("completed", "failed", "cancelled")


_FIELDS = frozenset(field.name for field in fields(SweepRow))


async def find_sweep(app: AppContext, call: RequestContext, kind: Kind = "sweep") -> SweepRow:
    """Return the caller's sweep or walk-forward that the path names (`latest`: the newest); raise a 404 without one."""
    text, owner = call.request.match_info["id"], call.caller.owner
    async with app.database.connection() as connection:
        if text == LATEST:
            row = await connection.fetchrow(SQL["select_sweeps"], owner, NEWEST, None, None, 1, kind)
        else:
            row = await connection.fetchrow(SQL["select_sweep"], parse_sweep_id(text, kind), owner, kind)
    if row is None:
        raise not_found(_NOT_FOUND[kind])
    return SweepRow.of(row)


async def select_sweep(app: AppContext, row: SweepRow) -> SweepRow:
    """Return the row as it is now; raise a 404 when it was deleted."""
    async with app.database.connection() as connection:
        found = await connection.fetchrow(SQL["select_sweep"], row.id, row.owner, row.kind)
    if found is None:
        raise not_found(_NOT_FOUND[row.kind])
    return SweepRow.of(found)


def parse_sweep_id(text: str, kind: Kind = "sweep") -> uuid.UUID:
    """Return the id of a path; raise a 404 for a text that is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found(_NOT_FOUND[kind]) from None
