"""Research lines: list, show, change."""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import invalid, not_found
from services.api.http.answers import json_response, localized_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_body, parse_object, read_body
from services.api.localization import language_of
from services.api.research.document import line_document, line_head
from services.api.research.lines import Row
from services.api.research.record import record_line
from services.api.schemas import research_responses
from services.api.schemas.research_requests import LineBody, LinesQuery
from shared.errors import Problem
from shared.infra.research_ledger import SQL
from shared.messages import say

NEWEST = (1 << 63) - 1
MAX_HOLDOUTS = 100
"""Openings of holdouts that an answer lists, the first ones."""


async def list_lines(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/research`: the newest first."""
    query: LinesQuery = call.query
    before = read_cursor(query.cursor, int)
    async with app.database.connection() as connection:
        rows = await connection.fetch(
            SQL["select_lines"], call.caller.owner, NEWEST if before is None else before, query.limit + 1
        )
    following = write_cursor(rows[query.limit - 1]["id"]) if len(rows) > query.limit else None
    items = await asyncio.to_thread(lambda: [line_head(row) for row in rows[: query.limit]])
    return json_response({"items": items, "next_cursor": following})


async def get_line(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/research/{line}`."""
    name = call.request.match_info["line"]
    await record_line(app, call.caller.owner, name)
    row = await app.lines.row(call.caller.owner, name)
    if row is None:
        raise not_found("research_not_found")
    return await _answer(app, call, row)


async def patch_line(app: AppContext, call: RequestContext) -> web.Response:
    """`PATCH /v1/research/{line}`: raise the number of extra trials, close it."""
    body = parse_body(LineBody, parse_object(await read_body(call.request, app.settings.max_body_bytes)))
    if body.extra_trials is None and body.closed is None:
        raise invalid([Problem(path="", message=say("research_change_empty"))])
    if body.closed is False:
        raise invalid([Problem(path="closed", message=say("research_not_reopened"))])
    owner, name = call.caller.owner, call.request.match_info["line"]
    await record_line(app, owner, name)
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["change_line"], owner, name, body.extra_trials, body.closed)
        if row is None:
            known = await connection.fetchrow(SQL["select_line"], owner, name)
            if known is None:
                raise not_found("research_not_found")
            message = say("research_extra_fewer", extra=known["extra_trials"])
            raise invalid([Problem(path="extra_trials", message=message)])
    return await _answer(app, call, row)


async def _answer(app: AppContext, call: RequestContext, row: Row) -> web.Response:
    report = await app.lines.report(row)
    async with app.database.connection() as connection:
        holdouts = await connection.fetch(SQL["select_holdouts"], row["owner"], row["name"], MAX_HOLDOUTS)
    language = language_of(call.request)
    return localized_response(line_document(row, report, holdouts, language), language)


ROUTES = (
    Route(
        method="GET", path="/v1/research", handler=list_lines, tag="research", query=LinesQuery,
        summary="The caller's research lines with their trials, the newest first",
        answers={200: research_responses.ResearchLineList},
    ),
    Route(
        method="GET", path="/v1/research/{line}", handler=get_line, tag="research",
        summary="How much of a line's best trial may be luck",
        answers={200: research_responses.ResearchLine}, problems=(404,),
    ),
    Route(
        method="PATCH", path="/v1/research/{line}", handler=patch_line, tag="research", body=LineBody,
        summary="Add trials that were made elsewhere, or close a line", answers={200: research_responses.ResearchLine},
        problems=(400, 404, 413, 415),
    ),
)  # fmt: skip
