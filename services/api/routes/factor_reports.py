"""Factor reports: what the values of a number say about the returns that follow."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec
import orjson
from aiohttp import web

from services.api.contained_text import containing
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem
from services.api.factor_matrix import matrix_document, matrix_requests, matrix_rows
from services.api.factor_requests import (
    CELLS_OF_A_REQUEST,
    canonical_factor,
    cells_of,
    find_report_view,
    read_controls,
    read_factor_body,
    report_cost,
    report_request,
)
from services.api.http.answers import json_response, localized_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import parse_body, read_optional_body
from services.api.localization import language_of, localized_warnings
from services.api.research.factor_trials import factor_trials, record_factors, require_open_line
from services.api.schemas import factor_responses as responses
from services.api.schemas.factor_requests import FactorAuditBody, FactorReportsQuery
from services.api.simulator_queries import query_simulator
from services.api.stored_factor_reports import (
    SQL,
    Row,
    find_equal,
    find_report,
    parse_report_id,
    report_document,
    report_head,
    store_report,
)
from services.api.sweeps.row import NEWEST
from shared.contracts import queries
from shared.infra.metrics import FACTOR_REPORT_SECONDS
from shared.infra.research_ledger import Source
from shared.messages import say
from shared.model.request import request_from_json
from shared.research.factor_reports.request import FactorMatrixBody, FactorReportBody
from shared.simulation import ENGINE_VERSION

DECAY_HORIZONS = 8
"""Horizons that every report has besides its own."""
PASSES = 3
"""What a breakdown costs at a horizon, in horizons: its groups together are the universe once."""


async def post_factor_report(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/factor-reports`: the stored report of an equal request, or a new one."""
    body, problems = await read_factor_body(app, call, FactorReportBody)
    view = await find_report_view(app, body.dataset)
    owner = call.caller.owner
    controls, mistakes = await read_controls(app, owner, body.controls, view)
    asked = await report_request(app, owner, body, body.factor, view, problems=[*problems, *mistakes])
    query = queries.FactorReport(
        version=view.version, request=asked.canonical.text, horizons=asked.horizons, quantiles=body.quantiles,
        neutral=body.neutral, controls=controls, cost_pct=body.cost_pct, correlations=body.correlations,
        series=body.series, breakdowns=tuple(dict.fromkeys(body.breakdowns)),
    )  # fmt: skip
    await require_open_line(app, owner, body.research, len(asked.horizons))
    row = await find_equal(app, owner, query)
    if row is None:
        passes = passes_of(query)
        app.authenticator.charge(call.caller, asked.cells * passes // CELLS_OF_A_REQUEST)
        with FACTOR_REPORT_SECONDS.labels("report").time():
            answer = await query_simulator(app, query, owner, cost=asked.cost(passes))
        row = await store_report(app, owner, query, body, answer)
    recorded = None
    if body.research is not None:
        app.authenticator.charge(call.caller, asked.cells * len(asked.horizons) // CELLS_OF_A_REQUEST)
        trials = await factor_trials(app, asked, body.neutral, owner)
        recorded = await record_factors(app, owner, body.research, Source(kind="factor_report", id=row["id"]), trials)
    return await _answer(call, row, recorded)


def passes_of(query: queries.FactorReport) -> int:
    """Return how many horizons a report costs."""
    return len(query.horizons) * (1 + PASSES * len(query.breakdowns)) + DECAY_HORIZONS


async def _answer(call: RequestContext, row: Row, recorded: Mapping[str, Any] | None = None) -> web.Response:
    language = language_of(call.request)
    return localized_response(localized_warnings(await report_document(row, recorded), language), language)


async def list_factor_reports(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factor-reports`: the newest first."""
    query: FactorReportsQuery = call.query
    cursor = read_cursor(query.cursor, str)
    before = NEWEST if cursor is None else parse_report_id(cursor)
    factor = None if query.factor is None else await canonical_factor(app, call.caller.owner, query.factor)
    pattern = meant = None
    if query.query is not None:
        pattern = containing(query.query)
        with suppress(ApiProblem):  # a part of an expression is none
            meant = await canonical_factor(app, call.caller.owner, query.query)
    async with app.database.connection() as connection:
        rows = await connection.fetch(
            SQL["select_reports"], call.caller.owner, before, factor, query.dataset, query.limit + 1, pattern, meant
        )
    items = [report_head(row) for row in rows[: query.limit]]
    following = write_cursor(items[-1]["id"]) if len(rows) > query.limit else None
    return json_response({"items": items, "next_cursor": following})


async def get_factor_report(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factor-reports/{id}`."""
    return await _answer(call, await find_report(app, call))


async def delete_factor_report(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/factor-reports/{id}`."""
    row = await find_report(app, call)
    async with app.database.connection() as connection:
        await connection.fetchval(SQL["delete_report"], row["id"], call.caller.owner)
    return web.Response(status=204)


async def post_audit(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/factor-reports/{id}/audit`: compute the report again, and its coefficients on data that end earlier."""
    row = await find_report(app, call)
    options = parse_body(FactorAuditBody, await read_optional_body(call.request, app.settings.max_body_bytes))
    if row["engine_version"] != ENGINE_VERSION:
        raise ApiProblem(409, "conflict", say("factor_report_outdated", version=row["engine_version"]))
    view = await app.datasets.get(row["dataset_version"])
    if view is None:
        raise ApiProblem(409, "conflict", say("dataset_deleted", version=row["dataset_version"]))
    audited = {"stored_digest": row["digest"], "seed": options.seed, "cuts": options.cuts}
    asked = msgspec.convert(orjson.loads(row["query"]) | audited, queries.FactorReportAudit)
    request, passes = request_from_json(asked.request), passes_of(asked) * (1 + options.cuts)
    app.authenticator.charge(call.caller, cells_of(request, view) * passes // CELLS_OF_A_REQUEST)
    cost = report_cost(request, view, passes)
    return json_response(await query_simulator(app, asked, call.caller.owner, cost=cost, use_cache=False))


async def post_factor_matrix(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/factor-reports/matrix`."""
    body, problems = await read_factor_body(app, call, FactorMatrixBody)
    view = await find_report_view(app, body.dataset)
    asked = await matrix_requests(app, call.caller.owner, body, view, problems)
    owner, name = call.caller.owner, body.research
    await require_open_line(app, owner, name, sum(len(one.horizons) for one in asked))
    work = sum(one.cells * len(one.horizons) for one in asked) * (1 if name is None else 2)
    app.authenticator.charge(call.caller, work // CELLS_OF_A_REQUEST)
    with FACTOR_REPORT_SECONDS.labels("matrix").time():
        rows = await matrix_rows(app, asked, body, owner)
    recorded = None
    if name is not None:
        trials = [trial for row in rows for trial in row.trials]
        recorded = await record_factors(app, owner, name, Source(kind="factor_matrix", id=None), trials)
    language = language_of(call.request)
    document = await app.computed.in_thread(owner, matrix_document, rows, language)
    return localized_response({**document, "recorded": recorded}, language)


ROUTES = (
    Route(
        method="POST", path="/v1/factor-reports", handler=post_factor_report, tag="market", body=FactorReportBody,
        summary="What a factor says about the returns that follow: IC, quantiles, turnover, decay, regression",
        answers={200: responses.FactorReport}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/factor-reports", handler=list_factor_reports, tag="market", query=FactorReportsQuery,
        summary="The caller's factor reports, the newest first", answers={200: responses.FactorReportList},
        problems=(404,),
    ),
    Route(
        method="GET", path="/v1/factor-reports/{id}", handler=get_factor_report, tag="market",
        summary="A stored factor report", answers={200: responses.FactorReport}, problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/factor-reports/{id}", handler=delete_factor_report, tag="market",
        summary="Delete a stored factor report", answers={204: ""}, problems=(404,),
    ),
    Route(
        method="POST", path="/v1/factor-reports/{id}/audit", handler=post_audit, tag="market", body=FactorAuditBody,
        summary="Audit of a report: computed again, and on data that end earlier", answers={200: responses.FactorAudit},
        problems=(400, 404, 409, 413, 415),
    ),
    Route(
        method="POST", path="/v1/factor-reports/matrix", handler=post_factor_matrix, tag="market",
        body=FactorMatrixBody, summary="Rank IC of many factors at many horizons, with p-values for their number",
        answers={200: responses.FactorMatrix}, problems=(400, 409, 413, 415),
    ),
)  # fmt: skip
