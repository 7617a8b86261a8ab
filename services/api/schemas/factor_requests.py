"""Query parameters and bodies of the routes of factor reports; the body of a report is in `shared.research`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from services.api.schemas.requests import CURSOR, Cursor, Limit, Query, Seed
from shared.model.request import Expression, Text, Word, about


class FactorReportsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/factor-reports`."""

    factor: Annotated[Expression | None, about("Only reports of this factor or expression, however it is spelled.")] = (
        None
    )
    query: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=200)] | None,
        about("Only reports whose factor contains this text, or is what it stands for: a factor, an own factor or an "
              "expression, however it is spelled. Case does not matter.", examples=["rank(PBR"]),
    ] = None  # fmt: skip
    dataset: Annotated[Word | None, about("Only reports on this dataset version.")] = None
    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50


class FactorAuditBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/factor-reports/{id}/audit`."""

    cuts: Annotated[Annotated[int, Meta(ge=1, le=20)], about("Number of computations on cut data.", "runs")] = 5
    seed: Annotated[Seed, about("Seed of the random days at which the data are cut.")] = 0
