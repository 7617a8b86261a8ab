"""Quality of the loaded data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import not_found
from services.api.http.answers import localized_response
from services.api.localization import language_of
from services.api.schemas import market_responses
from services.api.schemas.requests import QualityQuery
from shared.infra.quality_reports import read_report
from shared.messages import Language, render
from shared.quality.report import CHECKS, Finding

_CHECKS = {check.name: check for check in CHECKS}


async def get_quality(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/quality`."""
    query: QualityQuery = call.query
    async with app.database.connection() as connection:
        report = await read_report(connection, query.revision)
    if report is None:
        raise not_found("quality_report_not_found")
    language = language_of(call.request)
    findings = [_document(found, language) for found in report.worst(query.examples).findings]
    return localized_response({"revision": report.revision, "counts": report.counts(), "findings": findings}, language)


def _document(finding: Finding, language: Language) -> dict[str, Any]:
    """Return a finding with the texts of its check and its examples in a language."""
    check = _CHECKS.get(finding.check)
    texts = {"counts": "", "follows": ""}
    if check is not None:
        texts = {"counts": check.counts, "follows": check.follows}
        if language == "ko":
            texts = {"counts": check.counts_ko, "follows": check.follows_ko}
    examples = [asdict(example) for example in finding.examples]
    for example in examples:
        example["detail"] = render(example["code"], example["params"], language) or example["detail"]
    return asdict(finding) | texts | {"examples": examples}


ROUTES = (
    Route(
        method="GET", path="/v1/quality", handler=get_quality, tag="market", query=QualityQuery, problems=(404,),
        summary="The quality report of the loaded data: what each check found",
        answers={200: market_responses.Quality},
    ),
)  # fmt: skip
