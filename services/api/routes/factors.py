"""Factors: definitions, coverage and distribution."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.datasets import SQL
from services.api.errors import not_found
from services.api.http.answers import json_response
from services.api.schemas import market_responses
from shared.factors.catalogue import BY_KEY, FACTORS, Factor


async def list_factors(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors`."""
    view = await app.datasets.current()
    available = view.factors if view is not None else frozenset()
    return json_response({"items": [_document(factor) | {"available": factor.key in available} for factor in FACTORS]})


async def get_factor(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/factors/{key}`."""
    factor = BY_KEY.get(call.request.match_info["key"].upper())
    if factor is None:
        raise not_found("factor_not_found")
    view = await app.datasets.current()
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["current_about"])
    about = {} if row is None else orjson.loads(row["about"])
    coverage = about.get("coverage", {}).get(factor.key, {})
    return json_response(
        _document(factor)
        | {
            "available": view is not None and factor.key in view.factors,
            "reason": view.manifest.reasons.get(factor.key) if view is not None else None,
            "coverage": [{"year": int(year), "reason": None} | part for year, part in sorted(coverage.items())],
            "distribution": about.get("distributions", {}).get(factor.key),
        }
    )


def _document(factor: Factor) -> dict[str, Any]:
    return {
        "key": factor.key, "name_ko": factor.name_ko, "name_en": factor.name_en, "category": factor.category,
        "unit": factor.unit, "formula": factor.formula, "inputs": factor.inputs, "null_when": factor.null_when,
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
)  # fmt: skip
