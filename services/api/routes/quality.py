"""Quality of the loaded data."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import not_found
from services.api.http.answers import json_response
from services.api.schemas import market_responses
from services.api.schemas.requests import QualityQuery
from shared.infra.quality_reports import read_report
from shared.quality.report import CHECKS


async def get_quality(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/quality`."""
    query: QualityQuery = call.query
    async with app.database.connection() as connection:
        report = await read_report(connection, query.revision)
    if report is None:
        raise not_found("quality_report_not_found")
    texts = {check.name: {"counts": check.counts, "follows": check.follows} for check in CHECKS}
    absent = {"counts": "", "follows": ""}
    findings = [asdict(found) | texts.get(found.check, absent) for found in report.worst(query.examples).findings]
    return json_response({"revision": report.revision, "counts": report.counts(), "findings": findings})


ROUTES = (
    Route(
        method="GET", path="/v1/quality", handler=get_quality, tag="market", query=QualityQuery, problems=(404,),
        summary="The quality report of the loaded data: what each check found",
        answers={200: market_responses.Quality},
    ),
)  # fmt: skip
