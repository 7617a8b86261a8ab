"""The table and the heat map of a sweep, also while it runs and after it was cancelled."""

from __future__ import annotations

import numpy as np
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import invalid
from services.api.http.answers import json_response
from services.api.localization import language_of
from services.api.schemas import sweep_responses
from services.api.schemas.sweep_requests import HeatmapQuery, SweepTableQuery
from services.api.sweeps.document import table_blocks, table_columns, variant_row
from services.api.sweeps.row import find_sweep
from services.api.tables.download import MEDIA_TYPES, check_format, send_table
from services.api.tables.table import Table
from shared.errors import Problem
from shared.messages import Language, say
from shared.model.suggestions import nearest
from shared.research.sweeps.columns import SweepTable, heatmap
from shared.research.sweeps.formula import read_formula
from shared.research.sweeps.plan import FIGURES, SweepPlan

JSON_ROWS = 1000
MAX_CELLS = 40_000
CELLS_OF_A_REQUEST = 100_000
"""A downloaded table counts as one more request of the key for each so many cells."""


async def get_table(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/sweeps/{id}/table`."""
    query: SweepTableQuery = call.query
    check_format(query)
    row = await find_sweep(app, call)
    return await send_variants(app, call, await app.sweeps.table(row), row.variants, f"sweep-{row.id}")


async def send_variants(
    app: AppContext, call: RequestContext, table: SweepTable, variants: int, name: str
) -> web.StreamResponse:  # fmt: skip
    """Answer the rows of a table, of `variants` that there will be, as the query of the call asks for them."""
    query: SweepTableQuery = call.query
    rows = await app.computed.in_thread(call.caller.owner, _selected, table, query)
    language = language_of(call.request)
    if query.format == "json":
        shown = rows[: query.limit or JSON_ROWS]
        items = await app.computed.in_thread(call.caller.owner, _items, table, shown, language)
        seen = len(table.variants)
        return json_response({"partial": seen < variants, "seen": seen, "total": len(rows), "items": items})
    rows = rows[: query.limit]
    columns = table_columns(table)
    app.authenticator.charge(call.caller, len(rows) * len(columns) // CELLS_OF_A_REQUEST)
    partial = {"Ondol-Partial": "true"} if len(table.variants) < variants else {}
    found = Table(name=name, columns=columns, blocks=table_blocks(table, rows))
    return await send_table(app, call, found, headers=partial)


def _items(table: SweepTable, rows: np.ndarray, language: Language) -> list[dict[str, object]]:
    return [variant_row(table, row, language) for row in rows.tolist()]


def _selected(table: SweepTable, query: SweepTableQuery) -> np.ndarray:
    """Return the rows that meet `where`, in the order of `sort`; raise a 422 with the mistakes of both."""
    columns = table.columns
    names = ("score", *columns)
    name = query.sort.removeprefix("-")
    problems: list[Problem] = []
    if name not in names:
        problems.append(_unknown("sort", name, names))
    formula = None
    if query.where is not None:
        formula = read_formula(query.where, frozenset(columns), "where")
    if problems:
        raise invalid(problems)
    rows = np.arange(len(table.variants))
    if formula is not None:
        rows = rows[formula.holds(columns)]
    if name == "score":
        values, greatest_first = table.scores[rows], not query.sort.startswith("-")
    else:
        values, greatest_first = columns[name][rows], query.sort.startswith("-")
    keys = np.where(np.isnan(values), np.inf, -values if greatest_first else values)
    found: np.ndarray = rows[np.argsort(keys, kind="stable")]
    return found


async def get_heatmap(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/sweeps/{id}/heatmap`."""
    query: HeatmapQuery = call.query
    row = await find_sweep(app, call)
    plan = await app.sweeps.plan(row)
    value = query.value or plan.objective.statistic
    _check_axes(plan, query, value)
    table = await app.sweeps.table(row)
    cells = await app.computed.in_thread(call.caller.owner, heatmap, table, query.x, query.y, value, query.reduce)
    axes = {
        axis: {"parameter": name, "values": list(plan.space.lattices[name].values)}
        for axis, name in (("x", query.x), ("y", query.y))
    }
    seen = len(table.variants)
    return json_response(
        {**axes, "value": value, "reduce": query.reduce, "partial": seen < row.variants, "seen": seen, "cells": cells}
    )


def _check_axes(plan: SweepPlan, query: HeatmapQuery, value: str) -> None:
    problems = [
        _unknown(axis, name, tuple(plan.space.lattices))
        for axis, name in (("x", query.x), ("y", query.y))
        if name not in plan.space.lattices
    ]
    if value not in FIGURES:
        problems.append(_unknown("value", value, FIGURES))
    if query.x == query.y:
        problems.append(Problem(path="y", message=say("sweep_axes_equal")))
    if not problems:
        count = len(plan.space.lattices[query.x]) * len(plan.space.lattices[query.y])
        if count > MAX_CELLS:
            problems.append(Problem(path="x", message=say("sweep_too_many_cells", count=count, limit=MAX_CELLS)))
    if problems:
        raise invalid(problems)


def _unknown(path: str, name: str, known: tuple[str, ...]) -> Problem:
    near = nearest(name, sorted(known))
    message = say("unknown_name", name=name, suggestions=near, known=[] if near else sorted(known))
    return Problem(path=path, message=message, suggestions=near)


ROUTES = (
    Route(
        method="GET", path="/v1/sweeps/{id}/table", handler=get_table, tag="sweeps", query=SweepTableQuery,
        summary="Variants of a sweep as JSON, CSV, XLSX or Parquet", also=MEDIA_TYPES,
        answers={200: sweep_responses.SweepTablePage}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/sweeps/{id}/heatmap", handler=get_heatmap, tag="sweeps", query=HeatmapQuery,
        summary="A statistic over two parameters of a sweep", answers={200: sweep_responses.Heatmap}, problems=(404,),
    ),
)  # fmt: skip
