"""The OpenAPI document describes every route and every field."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from services.api.backtests.canonicalize import InvalidBodyError, canonicalize
from services.api.errors import invalid
from services.api.routes import ROUTES
from services.api.routes.docs import PAGE
from services.api.schemas import responses
from services.api.schemas.openapi import document, operation_id
from shared.model.conversion import convert
from shared.model.request import canonical_json

DESCRIBED: dict[str, Any] = json.loads(json.dumps(document(ROUTES)))

CONTRACT = (
    "POST /v1/backtests", "GET /v1/backtests", "GET /v1/backtests/{id}", "DELETE /v1/backtests/{id}",
    "GET /v1/backtests/{id}/events", "GET /v1/backtests/{id}/trades", "GET /v1/backtests/{id}/equity",
    "GET /v1/backtests/{id}/explain", "GET /v1/backtests/{id}/holdings",
    "POST /v1/backtests/{id}/replay", "POST /v1/backtests/{id}/audit",
    "POST /v1/backtests/{id}/robustness",
    "POST /v1/compare", "GET /v1/strategies", "GET /v1/strategies/{id}", "POST /v1/strategies",
    "PUT /v1/strategies/{id}", "DELETE /v1/strategies/{id}", "GET /v1/factors", "GET /v1/factors/{key}",
    "GET /v1/screen", "GET /v1/rankings/{kind}", "GET /v1/stocks", "GET /v1/stocks/{code}", "GET /v1/presets",
    "GET /v1/datasets", "GET /v1/datasets/{version}", "GET /v1/warm-runs", "GET /v1/warm-runs/{id}",
    "GET /v1/warm-runs/{id}/events", "POST /v1/warm-runs", "GET /v1/schedule", "GET /healthz", "GET /readyz",
    "GET /metrics", "GET /openapi.json", "GET /docs",
)  # fmt: skip


SCHEMAS: dict[str, Any] = DESCRIBED["components"]["schemas"]


def test_document_is_valid_openapi() -> None:
    validate(DESCRIBED)


def test_every_documented_route_is_served() -> None:
    served = {f"{route.method} {route.path}" for route in ROUTES}
    described = {f"{method.upper()} {path}" for path, methods in DESCRIBED["paths"].items() for method in methods}
    assert set(CONTRACT) <= served
    assert served == described
    assert len(served) == len(ROUTES)


def test_operation_ids_are_unique() -> None:
    names = [operation_id(route) for route in ROUTES]
    assert len(set(names)) == len(names)


def test_every_reference_has_a_target() -> None:
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(DESCRIBED)):
        assert name in SCHEMAS, name


def _fields() -> list[tuple[str, dict[str, Any], bool]]:
    """Return (name, schema, required) of every field of every schema."""
    return [
        (f"{name}.{field}", schema, field in shape.get("required", ()))
        for name, shape in SCHEMAS.items()
        for field, schema in shape.get("properties", {}).items()
    ]


@pytest.mark.parametrize(("name", "schema", "required"), _fields(), ids=[name for name, _, _ in _fields()])
def test_every_field_is_described(name: str, schema: dict[str, Any], *, required: bool) -> None:
    assert schema.get("description"), name
    of_selection = name.partition(".")[0].endswith("Columns") or name.startswith("Selected")  # absent, not a default
    assert required or of_selection or "default" in schema, f"{name} has no default"


def _bodies() -> set[str]:
    """Return the names of the schemas that request bodies consist of."""
    found: set[str] = set()
    pending = [
        json.dumps(operation["requestBody"])
        for methods in DESCRIBED["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    while pending:
        names = set(re.findall(r"#/components/schemas/(\w+)", pending.pop())) - found
        found |= names
        pending += [json.dumps(SCHEMAS[name]) for name in names]
    return found


def test_every_number_of_a_body_has_a_range_and_a_unit() -> None:
    numbers = 0
    for shape in _bodies():
        for name, schema in SCHEMAS[shape].get("properties", {}).items():
            for part in [schema, *schema.get("anyOf", ())]:
                if part.get("type") in ("number", "integer"):
                    numbers += 1
                    assert part.keys() & {"minimum", "exclusiveMinimum"}, f"{shape}.{name} has no minimum"
                    assert part.keys() & {"maximum", "exclusiveMaximum"}, f"{shape}.{name} has no maximum"
                    assert "x-unit" in schema or name == "seed", f"{shape}.{name} has no unit"
    assert numbers >= 25


def test_every_parameter_is_described() -> None:
    for path, methods in DESCRIBED["paths"].items():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                assert len(parameter.get("description", "")) > 5, (path, parameter["name"])


def test_described_defaults_are_those_of_an_empty_strategy() -> None:
    canonical = canonicalize({"strategy": {}, "start": "2023-01-02", "end": "2023-12-28"}, {})
    request = json.loads(canonical_json(canonical.request))
    parts = {
        "Buy": request["strategy"]["buy"], "Sell": request["strategy"]["sell"], "Costs": request["costs"],
        "Portfolio": request["strategy"]["portfolio"], "Universe": request["strategy"]["universe"],
        "Execution": request["execution"],
    }  # fmt: skip
    for shape, values in parts.items():
        described = {name: schema["default"] for name, schema in SCHEMAS[shape]["properties"].items()}
        if shape == "Buy":
            assert described.pop("rank_by") is None
            assert values.pop("rank_by") == "MARKET_CAP"
        assert described == values, shape


def test_problem_document_has_the_described_shape() -> None:
    with pytest.raises(InvalidBodyError) as found:
        canonicalize({"strategy": {"buy": {"where": "PERR > 1"}}, "start": 1}, {})
    document = invalid(found.value.problems).document
    assert convert(document, responses.ProblemDocument).problems == []


def test_page_loads_nothing_from_another_server() -> None:
    for name in ("docs.html", "docs.js", "docs.css"):
        text = PAGE.with_name(name).read_text(encoding="utf-8")
        assert not re.findall(r"https?://|//cdn|@import", text), name
