"""Factor reports: what the values of a number say about the returns that follow."""

from __future__ import annotations

import asyncio

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.factor_matrix import matrix_document, matrix_requests, matrix_rows
from services.api.factor_requests import (
    CELLS_OF_A_REQUEST,
    find_report_view,
    read_controls,
    read_factor_body,
    report_request,
)
from services.api.http.answers import json_response
from services.api.localization import language_of, localized_warnings, mark_language
from services.api.schemas import factor_responses as responses
from services.api.simulator_queries import query_simulator
from shared.contracts import queries
from shared.infra.metrics import FACTOR_REPORT_SECONDS
from shared.research.factor_reports.request import FactorMatrixBody, FactorReportBody

DECAY_HORIZONS = 8
"""Horizons that every report has besides its own."""
PASSES = 3
"""What a breakdown costs at a horizon, in horizons: its groups together are the universe once."""


async def post_factor_report(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/factor-reports`."""
    body, problems = await read_factor_body(app, call, FactorReportBody)
    view = await find_report_view(app, body.dataset)
    owner = call.caller.owner
    controls, mistakes = await read_controls(app, owner, body.controls, view)
    asked = await report_request(app, owner, body, body.factor, view, problems=[*problems, *mistakes])
    breakdowns = tuple(dict.fromkeys(body.breakdowns))
    passes = len(asked.horizons) * (1 + PASSES * len(breakdowns)) + DECAY_HORIZONS
    work = asked.cells * passes
    app.authenticator.charge(call.caller, work // CELLS_OF_A_REQUEST)
    query = queries.FactorReport(
        version=view.version, request=asked.canonical.text, horizons=asked.horizons, quantiles=body.quantiles,
        neutral=body.neutral, controls=controls, cost_pct=body.cost_pct, correlations=body.correlations,
        series=body.series, breakdowns=breakdowns,
    )  # fmt: skip
    cost = asked.cost(passes)
    with FACTOR_REPORT_SECONDS.labels("report").time():
        answer = await query_simulator(app, query, call.caller.owner, cost=cost)
    language = language_of(call.request)
    response = json_response(localized_warnings(answer, language))
    mark_language(response, language)
    return response


async def post_factor_matrix(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/factor-reports/matrix`."""
    body, problems = await read_factor_body(app, call, FactorMatrixBody)
    view = await find_report_view(app, body.dataset)
    asked = await matrix_requests(app, call.caller.owner, body, view, problems)
    work = sum(one.cells * len(one.horizons) for one in asked)
    app.authenticator.charge(call.caller, work // CELLS_OF_A_REQUEST)
    with FACTOR_REPORT_SECONDS.labels("matrix").time():
        rows = await matrix_rows(app, asked, body, call.caller.owner)
    language = language_of(call.request)
    response = json_response(await asyncio.to_thread(matrix_document, rows, language))
    mark_language(response, language)
    return response


ROUTES = (
    Route(
        method="POST", path="/v1/factor-reports", handler=post_factor_report, tag="market", body=FactorReportBody,
        summary="What a factor says about the returns that follow: IC, quantiles, turnover, decay, regression",
        answers={200: responses.FactorReport}, problems=(400, 409, 413, 415),
    ),
    Route(
        method="POST", path="/v1/factor-reports/matrix", handler=post_factor_matrix, tag="market",
        body=FactorMatrixBody, summary="Rank IC of many factors at many horizons, with p-values for their number",
        answers={200: responses.FactorMatrix}, problems=(400, 409, 413, 415),
    ),
)  # fmt: skip
