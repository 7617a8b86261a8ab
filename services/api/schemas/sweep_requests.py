"""Query parameters and bodies of the routes of sweeps; the body of `POST /v1/sweeps` is in `shared.research.sweeps`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.api.schemas.requests import CURSOR, Cursor, Limit, Query, TableQuery
from shared.model.request import Expression, Word, about


class SweepQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `POST /v1/sweeps`."""

    dry_run: Annotated[bool, about("Only check and quote: answer the number of variants, the cost and the limits.")] = (
        False
    )


class SweepsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/sweeps`."""

    status: Annotated[
        Literal["queued", "running", "completed", "cancelled"] | None, about("Only sweeps of this status.")
    ] = None
    research: Annotated[Word | None, about("Only sweeps of this research line.")] = None
    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50


class SweepTableQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/sweeps/{id}/table`."""

    sort: Annotated[
        Word,
        about("Order: variant, score (by the objective, the best first), a statistic or a `$parameter`; with - before "
              "it the greatest first. Absent values come last.", examples=["score", "-sharpe"]),
    ] = "variant"  # fmt: skip
    where: Annotated[
        Expression | None,
        about("Condition on statistics, `$parameters` and variant; left out: every variant.",
              examples=["trades >= 50 and $per < 10"]),
    ] = None  # fmt: skip
    limit: Annotated[
        Annotated[int, Meta(ge=1, le=1_000_000)] | None,
        about("Number of rows; left out: 1,000 rows of JSON, all rows of CSV, XLSX and Parquet.", "rows"),
    ] = None


class HeatmapQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/sweeps/{id}/heatmap`."""

    x: Annotated[Word, about("Parameter of the columns, without `$`.", examples=["per"])]
    y: Annotated[Word, about("Parameter of the rows, without `$`.", examples=["roe"])]
    value: Annotated[Word | None, about("Statistic of the cells; left out: that of the objective.")] = None
    reduce: Annotated[
        Literal["median", "max", "min", "count"], about("What a cell shows of the variants that fall into it.")
    ] = "median"


class HoldoutBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/sweeps/{id}/holdout`."""

    variant: Annotated[
        Annotated[int, Meta(ge=0, le=2**31 - 1)],
        about("Number of the variant that is run over the holdout.", "number from 0"),
    ]
