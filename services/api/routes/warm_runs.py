"""Warm runs and the timetable: what the warmer did, and when each job runs next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.serialize import instant
from services.api.context import Api, Call, Route
from services.api.errors import ApiProblem, not_found
from services.api.http.request import parse_object, read_body, read_cursor, write_cursor
from services.api.schemas import responses
from services.api.schemas.requests import PageQuery, WarmRunBody
from shared.contracts.http import JSON
from shared.contracts.schedule import timetable
from shared.infra.database.sql import statements

SQL = statements("warm")
ORDER = ("prices", "factors", "rankings", "popular", "strategies")


async def start(api: Api, call: Call) -> web.Response:
    """`POST /v1/warm-runs`."""
    raw = await read_body(call.request, api.settings.body_bytes) if call.request.body_exists else b""
    body = WarmRunBody.model_validate(parse_object(raw) if raw.strip() else {})
    phases = [phase for phase in ORDER if phase in body.phases]
    async with api.database.connection() as connection:
        made = await connection.fetchrow(SQL["start_by_hand"], phases)
        if made is None:
            running = await connection.fetchrow(SQL["open_run"])
            which = "" if running is None else f" {running['id']}"
            raise ApiProblem(
                409, "conflict", f"The warm run{which} is not finished yet; see /v1/warm-runs{which.replace(' ', '/')}."
            )
        row = await connection.fetchrow(SQL["run"], made["id"])
    headers = {"Location": f"/v1/warm-runs/{made['id']}"}
    return web.Response(status=202, body=orjson.dumps(_run(row)), content_type=JSON, headers=headers)


async def listing(api: Api, call: Call) -> web.Response:
    """`GET /v1/warm-runs`: the newest first."""
    query: PageQuery = call.query
    async with api.database.connection() as connection:
        rows = await connection.fetch(SQL["runs"], read_cursor(query.cursor, int), query.limit + 1)
    more = len(rows) > query.limit
    items = [_run(row) for row in rows[: query.limit]]
    cursor = write_cursor(items[-1]["id"]) if more else None
    return web.Response(body=orjson.dumps({"items": items, "next_cursor": cursor}), content_type=JSON)


async def show(api: Api, call: Call) -> web.Response:
    """`GET /v1/warm-runs/{id}`."""
    return web.Response(body=orjson.dumps(await run_document(api, run_id(call))), content_type=JSON)


def run_id(call: Call) -> int:
    """The number in the path; 404 for what is none."""
    text = call.request.match_info["id"]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise not_found("warm run with this id")
    return int(text)


async def run_document(api: Api, run: int) -> dict[str, Any]:
    """A run with its phases and failures; 404 when there is none."""
    async with api.database.connection() as connection:
        row = await connection.fetchrow(SQL["run"], run)
        if row is None:
            raise not_found("warm run with this id")
        phases = await connection.fetch(SQL["phases"], run)
        failures = await connection.fetch(SQL["failures"], run)
    return _run(row) | {
        "progress": [_plain(phase) for phase in phases],
        "failures": [_plain(failure) for failure in failures],
    }


def _run(row: Mapping[str, Any]) -> dict[str, Any]:
    found = _plain(row)
    for name in ("plan", "summary"):
        found[name] = orjson.loads(found[name]) if found[name] else None
    return found


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: instant(value) if isinstance(value, dt.datetime) else value for name, value in row.items()}


async def schedule(api: Api, call: Call) -> web.Response:
    """`GET /v1/schedule`."""
    now = dt.datetime.now(dt.UTC)
    settings = api.settings
    switched = {"warm": settings.warm_enabled, "purge": bool(settings.result_days or settings.user_result_days)}
    items = [
        {
            "name": job.name, "title": job.title, "rule": job.describe(), "next_run": instant(job.next_run(now)),
            "enabled": switched.get(job.name, True),
        }
        for job in timetable(api.settings.warm_at)
    ]  # fmt: skip
    return web.Response(body=orjson.dumps({"now": instant(now), "items": items}), content_type=JSON)


ROUTES = (
    Route(
        method="GET", path="/v1/warm-runs", handler=listing, summary="Warm runs, the newest first", tag="warming",
        query=PageQuery, answers={200: responses.WarmRunList},
    ),
    Route(
        method="POST", path="/v1/warm-runs", handler=start, summary="Start a warm run", tag="warming", body=WarmRunBody,
        answers={202: responses.WarmRun}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/warm-runs/{id}", handler=show, summary="A warm run with its phases", tag="warming",
        answers={200: responses.WarmRunDetail}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/schedule", handler=schedule, summary="Each job with its next run", tag="warming",
        answers={200: responses.Schedule},
    ),
)  # fmt: skip
