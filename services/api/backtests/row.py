"""A backtest of a caller as PostgreSQL has it: its own row and the state of the computation that it shares."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestRow:
    """A backtest; `computation` is None while no dataset version exists. JSON columns are text."""

    id: uuid.UUID
    request: str
    created_at: dt.datetime
    computation: uuid.UUID | None = None
    dataset_version: str | None = None
    strategy_id: str | None = None
    cached: bool = False
    cancelled_at: dt.datetime | None = None
    computation_status: str | None = None
    progress: float | None = None
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None
    error: str | None = None
    result_digest: str | None = None
    engine_version: str | None = None
    statistics: str | None = None
    origin: str = "user"
    name: str | None = None
    note: str | None = None
    starred: bool = False
    research: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Return the row of a statement's columns; columns of other names are left out."""
        return cls(**{name: value for name, value in record.items() if name in _FIELDS})

    @property
    def status(self) -> str:
        """The state that the caller sees: its own cancellation comes before the state of the shared computation."""
        if self.cancelled_at is not None:
            return "cancelled"
        if self.computation is None:
            return "preparing"
        return str(self.computation_status)


_FIELDS = frozenset(field.name for field in fields(BacktestRow))
