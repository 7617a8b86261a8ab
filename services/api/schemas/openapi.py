"""The OpenAPI 3.1 document, written from the routes and the models that validate."""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import models_json_schema

from services.api.context import Route
from services.api.schemas import responses
from shared.contracts.http import JSON, ORIGINS, PROBLEM
from shared.contracts.rankings import RANKINGS

TITLE = "Ondol"
VERSION = "1.0.0"
ABOUT = (
    "Backtesting for the Korean stock market. Dates are YYYY-MM-DD, money is in won; percentages are percent numbers "
    "in requests (`*_pct`) and in factors, and plain fractions in statistics. Mistakes are reported all at once."
)
ALWAYS = (401, 422, 429, 500, 503)
STATUS = {
    200: "Done", 201: "Made", 202: "Accepted", 204: "Nothing is left", 400: "The body is not JSON",
    401: "A valid key is needed", 404: "There is nothing here", 408: "The body did not come in time",
    409: "The state does not allow this",
    413: "The body is too large", 415: "The body is not JSON by its media type", 422: "The request has mistakes",
    429: "Too many requests", 500: "A mistake of the service", 503: "A dependency does not answer",
}  # fmt: skip
HEADERS: dict[str, dict[str, Any]] = {
    "Prefer": {"schema": {"type": "string"}, "description": "`wait=N`: wait up to N (at most 30) seconds for the end",
               "example": "wait=10"},
    "Idempotency-Key": {"schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
                        "description": "the same key and body within 24 hours: the same backtest"},
    "Cache-Control": {"schema": {"type": "string"}, "description": "`no-store`: compute anew and share nothing"},
    "Ondol-Origin": {"schema": {"type": "string", "enum": list(ORIGINS)}, "description": "who asks, for the metrics"},
    "Last-Event-ID": {"schema": {"type": "string"}, "description": "the id of the last event that was seen"},
}  # fmt: skip
PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "id": {"type": "string", "minLength": 1}, "key": {"type": "string", "minLength": 1},
    "code": {"type": "string", "minLength": 1}, "version": {"type": "string", "minLength": 1},
    "kind": {"type": "string", "enum": list(RANKINGS)},
}  # fmt: skip

Shapes = dict[Any, Any]
"""Model -> its schema."""

_REF = "#/components/schemas/{model}"


def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The whole document; every route is in it, and nothing else."""
    bodies = sorted({route.body for route in routes if route.body is not None}, key=lambda m: m.__name__)
    shown = sorted(
        {model for route in routes for model in route.answers.values() if isinstance(model, type)}
        | {responses.ProblemDocument},
        key=lambda m: m.__name__,
    )
    inputs, input_definitions = models_json_schema([(m, "validation") for m in bodies], ref_template=_REF)
    outputs, output_definitions = models_json_schema([(m, "serialization") for m in shown], ref_template=_REF)
    names = _apart(input_definitions.get("$defs", {}), output_definitions.get("$defs", {}))
    schemas = input_definitions.get("$defs", {}) | {
        names.get(name, name): _renamed(schema, names) for name, schema in output_definitions.get("$defs", {}).items()
    }
    reference: Shapes = {model: found for (model, _), found in inputs.items()}
    reference |= {model: _renamed(found, names) for (model, _), found in outputs.items()}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, reference)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": ABOUT, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "not needed on loopback"},
            },
        },
        "security": [{"key": []}, {}],
    }


def _apart(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, str]:
    """New names for answers that are called like a body."""
    return {name: f"{name}Answer" for name in outputs if name in inputs}


def _renamed(schema: Any, names: dict[str, str]) -> Any:
    if isinstance(schema, dict):
        found = {key: _renamed(value, names) for key, value in schema.items()}
        reference = found.get("$ref")
        if isinstance(reference, str):
            head, _, name = reference.rpartition("/")
            found["$ref"] = f"{head}/{names.get(name, name)}"
        return found
    if isinstance(schema, list):
        return [_renamed(value, names) for value in schema]
    return schema


def _operation(route: Route, reference: Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation_id(route), "summary": route.summary, "tags": [route.tag],
        "parameters": [*_path_parameters(route.path), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route, reference),
    }  # fmt: skip
    if route.body is not None:
        needed = any(field.is_required() for field in route.body.model_fields.values())
        found["requestBody"] = {"required": needed, "content": {JSON: {"schema": reference[route.body]}}}
    if route.public:
        found["security"] = []
    return found


def operation_id(route: Route) -> str:
    """A stable name for generated clients: `get_v1_backtests_id`."""
    return re.sub(r"[^a-z0-9]+", "_", f"{route.method} {route.path}".lower()).strip("_")


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS[name]}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    schema = route.query.model_json_schema(ref_template=_REF)
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(part)}
        for name, part in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter is absent or a text; JSON's null has no place in a query."""
    options = [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    if len(options) == 1:
        rest |= options[0]
    if schema.get("default") is not None:
        rest["default"] = schema["default"]
    return rest


def _headers(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "required": False} | HEADERS[name] for name in route.headers]


def _responses(route: Route, reference: Shapes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, model in route.answers.items():
        content: dict[str, Any] = {}
        if isinstance(model, str):
            if model:
                # an event stream is told in words: its events are no text that a schema could describe
                content[model] = {} if model == "text/event-stream" else {"schema": {"type": "string"}}
        else:
            content[JSON] = {"schema": reference[model]}
        if status == 200:
            content |= {kind: {"schema": {"type": "string"}} for kind in route.also}
        found[str(status)] = {"description": STATUS[status]} | ({"content": content} if content else {})
    always = (500,) if route.public else ALWAYS
    problem = {PROBLEM: {"schema": reference[responses.ProblemDocument]}}
    slow = () if route.body is None else (408,)
    for status in sorted({*always, *route.problems, *slow, *((422,) if route.public else ())}):
        found.setdefault(str(status), {"description": STATUS[status], "content": problem})
    return dict(sorted(found.items()))
