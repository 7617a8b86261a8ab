"""Factors: definitions, coverage and distribution."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import SQL
from services.api.errors import ApiProblem, invalid, not_found
from services.api.http.answers import json_response, localized_response
from services.api.localization import language_of
from services.api.schemas import market_responses
from services.api.schemas.requests import DistributionQuery
from services.api.simulator_queries import query_simulator
from services.api.universe_requests import universe_request
from services.api.views import last_day, require_view, row_day
from shared.contracts import queries
from shared.errors import Problem, RequestError
from shared.factors import korean
from shared.factors.catalogue import BY_KEY, FACTORS, Factor
from shared.messages import Language, say
from shared.messages.absences import reason_in_korean
from shared.model.calendar import to_day


async def list_factors(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors`."""
    view, language = await app.datasets.current(), language_of(call.request)
    available = view.factors if view is not None else frozenset()
    items = [_document(factor, language) | {"available": factor.key in available} for factor in FACTORS]
    return localized_response({"items": items}, language)


async def get_factor(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors/{key}`."""
    factor = BY_KEY.get(call.request.match_info["key"].upper())
    if factor is None:
        raise not_found("factor_not_found")
    view, language = await app.datasets.current(), language_of(call.request)
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["current_about"])
    about = {} if row is None else orjson.loads(row["about"])
    coverage = about.get("coverage", {}).get(factor.key, {})

    def reason(text: str | None) -> str | None:
        return reason_in_korean(text) if text and language == "ko" else text

    years = [{"year": int(year), "reason": None} | part for year, part in sorted(coverage.items())]
    document = _document(factor, language) | {
        "available": view is not None and factor.key in view.factors,
        "reason": reason(view.manifest.reasons.get(factor.key)) if view is not None else None,
        "coverage": [year | {"reason": reason(year["reason"])} for year in years],
        "distribution": about.get("distributions", {}).get(factor.key),
    }
    return localized_response(document, language)


async def get_distribution(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors/{key}/distribution`: quantiles and bins over a universe on one row."""
    query: DistributionQuery = call.query or DistributionQuery()
    factor = BY_KEY.get(call.request.match_info["key"].upper())
    if factor is None:
        raise not_found("factor_not_found")
    view = await require_view(app)
    if factor.key not in view.factors:
        reason = view.manifest.reasons.get(factor.key) or ""
        raise ApiProblem(409, "conflict", say("factor_not_built", factor=factor.key, reason=reason))
    problems: list[Problem] = []
    day = last_day(view)
    try:
        day = row_day(view, query.date)
    except ApiProblem as error:
        problems += error.errors
    universe = {name: list(value) for name in ("markets", "kinds", "sectors") if (value := getattr(query, name))}
    try:
        canonical = await universe_request(app, universe, view, day)
    except RequestError as error:
        raise invalid([*problems, *error.problems]) from None
    if problems:
        raise invalid(problems)
    row = int(view.days.searchsorted(to_day(day)))
    asked = queries.Distribution(
        version=view.version, request=canonical.text, key=factor.key, unit=factor.unit, row=row, bins=query.bins
    )
    return json_response(await query_simulator(app, asked, call.caller.owner))


def _document(factor: Factor, language: Language) -> dict[str, Any]:
    definition: dict[str, Any] = {"formula": factor.formula, "null_when": factor.null_when}
    if language == "ko":
        definition = {"formula": korean.formula(factor), "null_when": korean.null_when(factor)}
    return definition | {
        "key": factor.key, "name_ko": factor.name_ko, "name_en": factor.name_en, "category": factor.category,
        "unit": factor.unit, "inputs": factor.inputs,
        "kind": factor.kind, "lookback_rows": factor.lookback_rows if factor.lookback_rows >= 0 else None,
        "version": factor.version,
    }  # fmt: skip


ROUTES = (
    Route(
        method="GET", path="/v1/factors", handler=list_factors, summary="All factors", tag="market",
        answers={200: market_responses.FactorList},
    ),
    Route(
        method="GET", path="/v1/factors/{key}", handler=get_factor, tag="market", problems=(404,),
        summary="A factor: definition, coverage by year, distribution", answers={200: market_responses.FactorDetail},
    ),
    Route(
        method="GET", path="/v1/factors/{key}/distribution", handler=get_distribution, tag="market",
        query=DistributionQuery, summary="Quantiles and histogram of a factor over a universe on one row",
        answers={200: market_responses.FactorDistribution}, problems=(404, 409),
    ),
)  # fmt: skip
