"""The OpenAPI document is the routes, and the routes are the document."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from services.api.backtests.canonicalize import draft_of
from services.api.errors import ApiProblem
from services.api.routes import ROUTES
from services.api.routes.openapi import PAGE
from services.api.schemas import responses
from services.api.schemas.openapi import document, operation_id
from services.api.schemas.requests import BacktestBody

DESCRIBED: dict[str, Any] = json.loads(json.dumps(document(ROUTES)))

CONTRACT = (
    "POST /v1/backtests", "GET /v1/backtests", "GET /v1/backtests/{id}", "DELETE /v1/backtests/{id}",
    "GET /v1/backtests/{id}/events", "GET /v1/backtests/{id}/trades", "GET /v1/backtests/{id}/equity",
    "GET /v1/backtests/{id}/explain", "POST /v1/backtests/{id}/replay", "POST /v1/backtests/{id}/audit",
    "POST /v1/compare", "GET /v1/strategies", "GET /v1/strategies/{id}", "POST /v1/strategies",
    "PUT /v1/strategies/{id}", "DELETE /v1/strategies/{id}", "GET /v1/factors", "GET /v1/factors/{key}",
    "GET /v1/screen", "GET /v1/rankings/{kind}", "GET /v1/stocks", "GET /v1/stocks/{code}", "GET /v1/presets",
    "GET /v1/datasets", "GET /v1/datasets/{version}", "GET /v1/warm-runs", "GET /v1/warm-runs/{id}",
    "GET /v1/warm-runs/{id}/events", "POST /v1/warm-runs", "GET /v1/schedule", "GET /healthz", "GET /readyz",
    "GET /metrics", "GET /openapi.json", "GET /docs",
)  # fmt: skip


def test_the_document_is_valid_openapi() -> None:
    validate(DESCRIBED)


def test_every_route_of_the_contract_is_served_and_described() -> None:
    served = {f"{route.method} {route.path}" for route in ROUTES}
    described = {f"{method.upper()} {path}" for path, methods in DESCRIBED["paths"].items() for method in methods}
    assert set(CONTRACT) <= served
    assert served == described
    assert len(served) == len(ROUTES)


def test_operation_names_are_unique() -> None:
    names = [operation_id(route) for route in ROUTES]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DESCRIBED)):
        assert name in DESCRIBED["components"]["schemas"], name


def test_what_the_document_shows_as_default_is_what_an_empty_strategy_gets() -> None:
    request = draft_of({"strategy": {}, "start": "2023-01-02", "end": "2023-12-28"}, {}).request
    plain = BacktestBody.model_validate({"strategy": {}, "start": "2023-01-02", "end": "2023-12-28"})
    assert plain.initial_cash == request.initial_cash
    assert plain.benchmark == request.benchmark
    assert plain.costs.commission_pct == request.costs.commission_pct
    assert plain.costs.slippage_pct == request.costs.slippage_pct
    assert plain.execution.model_dump() == {
        name: getattr(request.execution, name) for name in plain.execution.model_dump()
    }


def test_a_problem_document_has_the_shape_that_is_described() -> None:
    with pytest.raises(ApiProblem) as found:
        draft_of({"strategy": {"buy": {"where": "PERR > 1"}}, "start": 1}, {})
    responses.ProblemDocument.model_validate(found.value.document())


def test_the_page_for_people_loads_nothing_from_elsewhere() -> None:
    for name in ("docs.html", "docs.js", "docs.css"):
        text = PAGE.with_name(name).read_text(encoding="utf-8")
        assert not re.findall(r"https?://|//cdn|@import", text), name
