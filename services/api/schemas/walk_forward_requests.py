"""Query parameters of the routes of walk-forwards; the body is in `shared.research.walk_forward`."""

from __future__ import annotations

from typing import Annotated, Literal

from services.api.schemas.requests import CURSOR, Cursor, Limit, Query
from services.api.schemas.sweep_requests import SweepTableQuery
from shared.model.request import Word, about


class WalkForwardsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/walk-forwards`."""

    status: Annotated[
        Literal["queued", "running", "completed", "failed", "cancelled"] | None,
        about("Only walk-forwards of this status."),
    ] = None
    research: Annotated[Word | None, about("Only walk-forwards of this research line.")] = None
    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50


class WindowTableQuery(SweepTableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/walk-forwards/{id}/windows/{window}/table`."""

    of: Annotated[
        Literal["train", "test"], about("Days of the table: those that chose, or those that traded.")
    ] = "train"  # fmt: skip
