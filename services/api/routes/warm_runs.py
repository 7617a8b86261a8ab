"""Warm runs: start, list, show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from services.api.auth import may_use
from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, not_found
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_body, read_optional_body
from services.api.schemas import operation_responses
from services.api.schemas.requests import PageQuery, WarmRunBody
from shared.contracts.warm import PHASES
from shared.infra.database.sql import statements
from shared.messages import say

STARTED_BY = "admin"
"""Role of the keys that start warm runs."""
SQL = statements("warm")
NOT_FOUND = "warm_run_not_found"


async def post_warm_run(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/warm-runs`."""
    body = parse_body(WarmRunBody, await read_optional_body(call.request, app.settings.max_body_bytes))
    phases = [phase for phase in PHASES if phase in body.phases]
    async with app.database.connection() as connection:
        made = await connection.fetchrow(SQL["insert_manual_run"], phases)
        if made is None:
            running = await connection.fetchrow(SQL["select_open_run"])
            if running is None:
                raise ApiProblem(409, "conflict", say("another_warm_run_unfinished"))
            raise ApiProblem(409, "conflict", say("warm_run_unfinished", id=running["id"]))
        row = await connection.fetchrow(SQL["select_run"], made["id"])
    return json_response(_document(row), status=202, headers={"Location": f"/v1/warm-runs/{made['id']}"})


async def list_warm_runs(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/warm-runs`: the newest first."""
    query: PageQuery = call.query
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_runs"], read_cursor(query.cursor, int), query.limit + 1)
    items = [_document(row) for row in rows[: query.limit]]
    following = write_cursor(items[-1]["id"]) if len(rows) > query.limit else None
    startable = may_use(call.caller, STARTED_BY)
    return json_response({"items": items, "next_cursor": following, "startable": startable})


async def get_warm_run(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/warm-runs/{id}`."""
    return json_response(await find_warm_run(app, parse_run_id(call)))


def parse_run_id(call: RequestContext) -> int:
    """Return the run id of the path; raise a 404 for a text that is none."""
    text = call.request.match_info["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise not_found(NOT_FOUND)
    return int(text)


async def find_warm_run(app: AppContext, run: int) -> dict[str, Any]:
    """Return the document of a run with its phases and failures; raise a 404 when there is none."""
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["select_run"], run)
        if row is None:
            raise not_found(NOT_FOUND)
        phases = await connection.fetch(SQL["select_phases"], run)
        failures = await connection.fetch(SQL["select_failures"], run)
    return _document(row) | {
        "progress": [_with_instants(phase) for phase in phases],
        "failures": [_with_instants(failure) for failure in failures],
    }


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    document = _with_instants(row)
    for name in ("plan", "summary"):
        document[name] = orjson.loads(document[name]) if document[name] else None
    return document


def _with_instants(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: instant(value) if isinstance(value, dt.datetime) else value for name, value in row.items()}


ROUTES = (
    Route(
        method="GET", path="/v1/warm-runs", handler=list_warm_runs, summary="Warm runs, the newest first",
        tag="warming", query=PageQuery, answers={200: operation_responses.WarmRunList},
    ),
    Route(
        method="POST", path="/v1/warm-runs", handler=post_warm_run, summary="Start a warm run", tag="warming",
        stores_work=True,
        body=WarmRunBody, answers={202: operation_responses.WarmRun}, problems=(400, 409, 413, 415), role=STARTED_BY,
    ),
    Route(
        method="GET", path="/v1/warm-runs/{id}", handler=get_warm_run, summary="A warm run with its phases",
        tag="warming", answers={200: operation_responses.WarmRunDetail}, problems=(404,),
    ),
)  # fmt: skip
