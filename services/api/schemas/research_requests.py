"""Query parameters and bodies of the routes of research lines."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from services.api.schemas.requests import CURSOR, Cursor, Limit, Query
from shared.model.request import about


class LinesQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/research`."""

    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50


class LineBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PATCH /v1/research/{line}`; what is left out stays."""

    extra_trials: Annotated[
        Annotated[int, Meta(ge=0, le=1_000_000_000)] | None,
        about("Trials that were made elsewhere, counted as independent ones; the number can only be raised.", "trials",
              examples=[200]),
    ] = None  # fmt: skip
    closed: Annotated[
        bool | None, about("true: no further trials are accepted. A closed line stays, and cannot be opened again.")
    ] = None
