"""Reading of requests: bodies with limits, query parameters, ids in paths, `Prefer`; errors are problem documents."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import web

from services.api.errors import ApiProblem, invalid, not_found
from services.api.schemas.requests import Query
from shared.contracts.http import MAX_WAIT_S
from shared.errors import Problem, RequestError
from shared.language import compile_expression
from shared.messages import say
from shared.model.conversion import convert
from shared.simulation.validation import STANDARD_INDICES

S = TypeVar("S", bound=msgspec.Struct)
Q = TypeVar("Q", bound=Query)

MAX_LEVELS = 20
MAX_FIELDS = 200
MAX_VALUES = 1000
"""Maximum number of values in a body, texts in lists apart; bodies with longer lists state a limit of their own."""
BODY_TIMEOUT_S = 10.0
EXPRESSIONS: dict[str, Any] = {"where": "condition", "rank_by": "number"}
"""Query parameters that hold an expression, and its role."""
_SUSPECT = re.compile(rb"\\[bfu]|\x7f|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
"""Bytes without which a JSON text has no string with a character of `_CONTROL`."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that control a terminal or the order of letters."""
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


async def read_body(request: web.Request, limit: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return the whole body, at most `limit` bytes.

    Raises problems: 415 and 413 before the body is read, 408 when it does not arrive within `timeout_s`. The media
    type was checked before the route (`request_source`).
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "unsupported-media-type", say("body_encoded"))
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    if request.content.is_eof():  # the body has arrived already
        return await _chunks(request, limit)
    try:
        async with asyncio.timeout(timeout_s):
            return await _chunks(request, limit)
    except TimeoutError:
        raise ApiProblem(
            408, "body-too-slow", say("body_too_slow", seconds=timeout_s),
            headers={"Connection": "close"},
        ) from None  # fmt: skip


async def read_optional_body(request: web.Request, limit: int) -> dict[str, Any]:
    """Return the JSON object of a body that may be left out; an absent or blank one is an empty object."""
    raw = await read_body(request, limit) if request.body_exists else b""
    return parse_object(raw) if raw.strip() else {}


async def _chunks(request: web.Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := await request.content.readany():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large(limit: int) -> ApiProblem:
    return ApiProblem(413, "body-too-large", say("body_too_large", limit=limit), headers={"Connection": "close"})


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON text in UTF-8; raise a 400 that names the place of the error."""
    if not raw.strip():
        raise ApiProblem(400, "malformed-body", say("body_empty"))
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        message = say("not_json_here", reason=error.msg)
        problem = Problem(path="", message=message, line=error.lineno, column=error.colno)
        detail = say("body_not_json", reason=error.msg, line=error.lineno, column=error.colno)
        raise ApiProblem(400, "malformed-body", detail, [problem]) from None


def parse_object(raw: bytes, max_values: int = MAX_VALUES, max_levels: int = MAX_LEVELS) -> dict[str, Any]:
    """Return the JSON object of a body of at most so many values and levels; raise a 422 for one that is too deep or
    too large, and for one that has a field twice (parsers differ in which value they keep) or a control character in
    a text."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise invalid([Problem(path="", message=say("body_not_an_object"))])
    if not _is_small(raw):
        _check_size(value, max_values, max_levels)
    if repeated := _repeated_fields(raw):
        message = say("field_repeated")
        raise invalid([Problem(path=path, message=message) for path in repeated])
    if _SUSPECT.search(raw) and (found := _control_characters(value)):
        raise invalid(found)
    return value


def _control_characters(body: dict[str, Any]) -> list[Problem]:
    """Return a problem for each text of a body with a character that controls a terminal; tab and line break do not."""
    problems: list[Problem] = []
    pending: list[tuple[str, Any]] = [("", body)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, dict):
            pending += [(f"{path}.{name}" if path else name, value) for name, value in part.items()]
            pending += [(path, name) for name in part]
        elif isinstance(part, list):
            pending += [(f"{path}[{at}]", value) for at, value in enumerate(part)]
        elif isinstance(part, str) and (found := _CONTROL.search(part)):
            place = _CONTROL.sub("?", path)
            problems.append(Problem(path=place, message=say("control_character", code=f"U+{ord(found[0]):04X}")))
    return problems


def _repeated_fields(raw: bytes) -> list[str]:
    """Return the paths of the fields that an object of a valid JSON text has more than once."""
    repeated: list[tuple[dict[str, Any], str]] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            repeated.extend((value, name) for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return value

    body = json.loads(raw, object_pairs_hook=collect)
    if not repeated:
        return []
    places = _places(body)
    return [places.get(id(value), "") + name for value, name in repeated]


def _places(body: dict[str, Any]) -> dict[int, str]:
    """Return id of each object in a body -> the path of its fields, with the point before the field's name."""
    places: dict[int, str] = {}
    pending: list[tuple[str, Any]] = [("", body)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, dict):
            places[id(part)] = f"{path}." if path else ""
            pending += [(f"{path}.{name}" if path else name, value) for name, value in part.items()]
        elif isinstance(part, list):
            pending += [(f"{path}[{at}]", value) for at, value in enumerate(part)]
    return places


def _is_small(raw: bytes) -> bool:
    """Whether there are too few brackets and commas (those in texts count) for a value beyond the limits."""
    opened = raw.count(b"{") + raw.count(b"[")
    return opened <= MAX_LEVELS and opened + raw.count(b",") < MAX_FIELDS


def _check_size(body: dict[str, Any], max_values: int, max_levels: int) -> None:
    pending: list[tuple[Any, int]] = [(body, 1)]
    values = 0
    while pending:
        part, depth = pending.pop()
        if depth > max_levels:
            raise invalid([Problem(path="", message=say("body_too_deep", limit=max_levels))])
        inner = part.values() if isinstance(part, dict) else (item for item in part if not isinstance(item, str))
        if isinstance(part, dict) and len(part) > MAX_FIELDS:
            raise invalid([Problem(path="", message=say("too_many_fields", count=len(part), limit=MAX_FIELDS))])
        for item in inner:
            values += 1
            if values > max_values:
                raise invalid([Problem(path="", message=say("too_many_values", limit=max_values))])
            if isinstance(item, dict | list):
                pending.append((item, depth + 1))


def parse_body(shape: type[S], body: Mapping[str, Any]) -> S:
    """Return a body as its declared shape; raise a 422 with every problem."""
    found = convert(body, shape)
    if found.problems or found.value is None:
        raise invalid(found.problems)
    return found.value


def parse_query(shape: type[Q], request: web.Request) -> Q:
    """Return the query parameters as their declared shape; raise a 422 with every problem."""
    values: dict[str, str] = {}
    problems = []
    for name, value in request.query.items():
        if name in values:
            problems.append(Problem(path=name, message=say("parameter_repeated")))
        values[name] = value
    kinds = _parameter_kinds(shape)
    found = convert({name: _parameter_value(value, kinds.get(name)) for name, value in values.items()}, shape)
    problems += found.problems
    if problems or found.value is None:
        seen = {problem.path for problem in problems}
        raise invalid(problems + [more for more in _expression_problems(shape, values) if more.path not in seen])
    return found.value


@cache
def _parameter_kinds(shape: type[Query]) -> dict[str, str]:
    """Return parameter -> `number`, `boolean` or `list`, for those that are no text."""
    kinds = {}
    for field in msgspec.structs.fields(shape):
        schema = msgspec.json.schema(field.type)
        types = {schema.get("type"), *(part.get("type") for part in schema.get("anyOf", ()))}
        if types & {"integer", "number"}:
            kinds[field.name] = "number"
        elif "boolean" in types:
            kinds[field.name] = "boolean"
        elif "array" in types:
            kinds[field.name] = "list"
    return kinds


def _parameter_value(text: str, kind: str | None) -> Any:
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text.split(",") if kind == "list" else text


def _expression_problems(shape: type[Query], values: Mapping[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    for name, role in EXPRESSIONS.items():
        if name in shape.__struct_fields__ and values.get(name):
            try:
                compile_expression(values[name], role=role, path=name, indices=STANDARD_INDICES)
            except RequestError as error:
                problems += error.problems
    return problems


def parse_uuid(text: str, what: str = "backtest") -> uuid.UUID:
    """Return the id of a path; raise a 404 for a text that is no id."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found(f"{what}_not_found") from None


def wait_seconds(request: web.Request) -> float | None:
    """Return N of `Prefer: wait=N`, clamped; None without it or when it is malformed (a preference may be ignored)."""
    for header in request.headers.getall("Prefer", []):
        for part in header.replace(";", ",").split(","):
            name, _, value = part.strip().partition("=")
            if name.strip().lower() == "wait":
                digits = value.strip().strip('"')
                if digits.isascii() and digits.isdigit():
                    return float(min(int(digits[:9]), MAX_WAIT_S))
    return None


def is_no_store(request: web.Request) -> bool:
    """Whether `Cache-Control: no-store` asks to compute anew and to share nothing."""
    return "no-store" in request.headers.get("Cache-Control", "").lower()
