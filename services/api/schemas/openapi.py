"""The OpenAPI 3.1 document, generated from the routes and the shapes that validate and answer."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from services.api.context import Route
from services.api.schemas import responses
from shared.contracts.http import JSON, MAX_WAIT_S, ORIGINS, PROBLEM
from shared.contracts.rankings import RANKINGS

TITLE = "Ondol"
VERSION = "2.0.0"
ABOUT = (
    "Backtesting for the Korean stock market. Dates are YYYY-MM-DD, money is in won; percentages are percent numbers "
    "in requests (`*_pct`) and in factors, and plain fractions in statistics. All problems of a request are reported "
    "at once."
)
ALWAYS = (401, 403, 406, 414, 421, 422, 429, 500, 503)
PUBLIC = (403, 406, 414, 421, 422, 500)
STATUS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "Deleted", 400: "Body is not JSON", 401: "Missing or unknown key",
    403: "Page of another site, or role of another key needed", 404: "Not found", 406: "No acceptable content coding",
    408: "Body did not arrive in time", 409: "Conflict with the current state", 413: "Body too large",
    414: "Request line too long", 415: "Unsupported media type", 421: "Host not served here", 422: "Invalid request",
    429: "Too many requests", 500: "Internal error", 503: "A dependency is unavailable",
}  # fmt: skip
OPEN = ("ResultWarning", "ResultWarningColumns")
"""Shapes with further fields by their code."""
HEADERS: dict[str, dict[str, Any]] = {
    "Prefer": {"schema": {"type": "string"}, "example": "wait=10",
               "description": f"`wait=N`: wait for the end of the backtest, at most N (up to {MAX_WAIT_S}) seconds."},
    "Idempotency-Key": {"schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
                        "description": "The same key and body within 24 hours give the same backtest."},
    "Cache-Control": {"schema": {"type": "string"}, "description": "`no-store`: compute anew and share nothing."},
    "Ondol-Origin": {"schema": {"type": "string", "enum": list(ORIGINS)},
                     "description": "Kind of client, for the metrics."},
    "Last-Event-ID": {"schema": {"type": "string"}, "description": "Id of the last event that was received."},
}  # fmt: skip
PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "id": {"schema": {"type": "string", "minLength": 1}, "description": "Id of the resource."},
    "key": {"schema": {"type": "string", "minLength": 1}, "description": "Key of the factor."},
    "build": {"schema": {"type": "string", "minLength": 1}, "description": "Name of the build, as the page names it."},
    "name": {"schema": {"type": "string", "minLength": 1}, "description": "Name of the file."},
    "line": {"schema": {"type": "string", "minLength": 1}, "description": "Name of a research line."},
    "code": {"schema": {"type": "string", "minLength": 1}, "description": "Stock code."},
    "version": {"schema": {"type": "string", "minLength": 1},
                "description": "Name of the dataset version, or `current`."},
    "variant": {"schema": {"type": "integer", "minimum": 0}, "description": "Number of the variant, from 0."},
    "number": {"schema": {"type": "integer", "minimum": 0}, "description": "Number of the delivery."},
    "window": {"schema": {"type": "string", "pattern": "^([0-9]{1,4}|next)$"},
               "description": "Number of the window, from 0; or `next`, of which there is a train only."},
    "kind": {"schema": {"type": "string", "enum": list(RANKINGS)}, "description": "What is ranked."},
}  # fmt: skip
BACKTEST_ID = (
    "Id of the backtest; the first four or more digits of it when no other begins so; or `latest`, the newest one that "
    "a user requested."
)

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"


def document(routes: tuple[Route, ...]) -> Schema:
    """Return the OpenAPI 3.1 document: a path for each route, and a component for each shape that they use."""
    shapes = _shapes(routes)
    schemas, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    for component in components.values():
        _tidy(component)
    for name in OPEN:
        components[name]["additionalProperties"] = True
    # a request may say null for the default ranking; in canonical form the field is always an expression
    rank_by = components["Buy"]["properties"]["rank_by"]
    rank_by |= {"type": ["string", "null"], "default": None}
    reference = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, Schema] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, reference, components)
    for route in routes:
        components.pop(route.query.__name__, None)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Not needed on a loopback address, unless ONDOL_REQUIRE_KEY is true.",
                },
            },
        },
        "security": [{"key": []}, {}],
    }


def _shapes(routes: tuple[Route, ...]) -> list[type]:
    found: set[type] = {responses.ProblemDocument}
    for route in routes:
        for shape in route.answers.values():
            found |= set(shape) if isinstance(shape, tuple) else {shape} if isinstance(shape, type) else set()
        found |= {route.query} | ({route.body} if route.body is not None else set())
    return sorted(found, key=lambda shape: shape.__name__)


def _tidy(component: Schema) -> None:
    """Join the lines of descriptions, and say what an object that may be left out has as its default."""
    component["description"] = " ".join(component.get("description", "").split())
    required = component.get("required", [])
    for name, field in component.get("properties", {}).items():
        if "$ref" in field and name not in required:
            field.setdefault("default", {})


def _operation(route: Route, reference: dict[type, Schema], components: dict[str, Schema]) -> Schema:
    operation: Schema = {
        "operationId": operation_id(route), "summary": route.summary, "tags": [route.tag],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route, components), *_headers(route)],
        "responses": _responses(route, reference),
    }  # fmt: skip
    if route.body is not None:
        needed = bool(components[route.body.__name__].get("required"))
        operation["requestBody"] = {"required": needed, "content": {JSON: {"schema": reference[route.body]}}}
    if route.public:
        operation["security"] = []
    return operation


def operation_id(route: Route) -> str:
    """Return a stable name for generated clients: `get_v1_backtests_id`."""
    return re.sub(r"[^a-z0-9]+", "_", f"{route.method} {route.path}".lower()).strip("_")


def _path_parameters(path: str) -> list[Schema]:
    found = [
        {"name": name, "in": "path", "required": True} | PATH_PARAMETERS[name] for name in re.findall(r"{(\w+)}", path)
    ]
    if path.startswith("/v1/backtests/{id}"):
        found[0]["description"] = BACKTEST_ID
    if path.startswith("/v1/sweeps/{id}"):
        found[0]["description"] = "Id of the sweep, or `latest`, the newest one."
    return found


def _query_parameters(route: Route, components: dict[str, Schema]) -> list[Schema]:
    shape = components[route.query.__name__]
    required = shape.get("required", ())
    return [_query_parameter(name, field, name in required) for name, field in shape.get("properties", {}).items()]


def _query_parameter(name: str, field: Schema, required: bool) -> Schema:
    """Return a parameter: it is absent or a text, so JSON's null has no place in it, and a list is joined by commas."""
    options = [part for part in field.get("anyOf", ()) if part.get("type") != "null"]
    schema = {key: value for key, value in field.items() if key not in ("anyOf", "description", "default")}
    if len(options) == 1:
        schema |= options[0]
    if isinstance(schema.get("enum"), list):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    if field.get("default") is not None:
        schema["default"] = field["default"]
    parameter = {"name": name, "in": "query", "required": required, "schema": schema}
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter | {"description": field.get("description", "")}


def _headers(route: Route) -> list[Schema]:
    return [{"name": name, "in": "header", "required": False} | HEADERS[name] for name in route.headers]


def _responses(route: Route, reference: dict[type, Schema]) -> Schema:
    found: Schema = {}
    for status, shape in route.answers.items():
        content: Schema = {}
        if isinstance(shape, str):
            if shape:
                # no schema can describe the text of an event stream
                content[shape] = {} if shape == "text/event-stream" else {"schema": {"type": "string"}}
        elif isinstance(shape, tuple):
            content[JSON] = {"schema": {"anyOf": [reference[one] for one in shape]}}
        else:
            content[JSON] = {"schema": reference[shape]}
        if status == 200:
            content |= {kind: {"schema": {"type": "string"}} for kind in route.also}
        found[str(status)] = {"description": STATUS[status]} | ({"content": content} if content else {})
    always = PUBLIC if route.public else ALWAYS
    problem = {PROBLEM: {"schema": reference[responses.ProblemDocument]}}
    slow = () if route.body is None else (408,)
    for status in sorted({*always, *route.problems, *slow}):
        found.setdefault(str(status), {"description": STATUS[status], "content": problem})
    return dict(sorted(found.items()))
