"""Reading what a caller sends: bodies with limits, query parameters, cursors, `Prefer`; every mistake is a problem."""

from __future__ import annotations

import asyncio
import base64
import binascii
import uuid
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ValidationError

from services.api.errors import ApiProblem, invalid, not_found, problems_of
from services.api.schemas.requests import Query
from shared.contracts.http import MAX_WAIT_S
from shared.errors import Problem

M = TypeVar("M", bound=BaseModel)
Q = TypeVar("Q", bound=Query)

DEEPEST = 20
MOST_FIELDS = 200
MOST_PARTS = 1000
"""Values in a body, apart from texts in lists."""
BODY_S = 10.0
"""A body that takes longer is not waited for."""


async def read_body(request: web.Request, limit: int, within_s: float = BODY_S) -> bytes:
    """The whole body, at most `limit` bytes; 413 and 415 are answered before it is read, 408 when it does not come."""
    kind = request.content_type
    if kind not in ("application/json", "application/octet-stream") and not kind.endswith("+json"):
        raise ApiProblem(415, "unsupported-media-type", "Send the body as application/json in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem(415, "unsupported-media-type", "Send the body without a content encoding.")
    if (request.content_length or 0) > limit:
        raise ApiProblem(413, "body-too-large", f"The body may have {limit} bytes.", headers={"Connection": "close"})
    if request.content.is_eof():  # it is here already
        return await _pieces(request, limit)
    try:
        async with asyncio.timeout(within_s):
            return await _pieces(request, limit)
    except TimeoutError:
        raise ApiProblem(
            408, "body-too-slow", f"The body did not come within {within_s:g} seconds.", headers={"Connection": "close"}
        ) from None


async def _pieces(request: web.Request, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await request.content.readany():
        size += len(piece)
        if size > limit:
            raise ApiProblem(
                413, "body-too-large", f"The body may have {limit} bytes.", headers={"Connection": "close"}
            )
        pieces.append(piece)
    return b"".join(pieces)


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text in UTF-8; 400 says what is wrong."""
    if not raw.strip():
        raise ApiProblem(400, "malformed-body", "The body is empty; send a JSON object.")
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        mistake = Problem(path="", message=error.msg, line=error.lineno, column=error.colno)
        raise ApiProblem(400, "malformed-body", f"The body is not JSON: {error.msg} ({where}).", [mistake]) from None


def parse_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body; one that no request can look like is refused before each mistake in it is told."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise invalid([Problem(path="", message="the body must be a JSON object")])
    if not _is_plain(raw):
        _refuse_sprawl(value)
    return value


def _is_plain(raw: bytes) -> bool:
    """Whether brackets and commas are too few for a sprawling value; those inside of texts count, too."""
    opened = raw.count(b"{") + raw.count(b"[")
    return opened <= DEEPEST and opened + raw.count(b",") < MOST_FIELDS


def _refuse_sprawl(body: dict[str, Any]) -> None:
    open_parts: list[tuple[Any, int]] = [(body, 1)]
    seen = 0
    while open_parts:
        part, depth = open_parts.pop()
        if depth > DEEPEST:
            raise invalid([Problem(path="", message=f"the body is nested deeper than {DEEPEST} levels")])
        inner = part.values() if isinstance(part, dict) else (item for item in part if not isinstance(item, str))
        if isinstance(part, dict) and len(part) > MOST_FIELDS:
            raise invalid([Problem(path="", message=f"an object has {len(part)} fields; none may have so many")])
        for item in inner:
            seen += 1
            if seen > MOST_PARTS:
                raise invalid([Problem(path="", message=f"the body has more than {MOST_PARTS} parts")])
            if isinstance(item, dict | list):
                open_parts.append((item, depth + 1))


def parse_model(model: type[M], raw: bytes) -> M:
    """A body as a model; every mistake at once."""
    try:
        return model.model_validate(parse_object(raw))
    except ValidationError as error:
        raise invalid(problems_of(error)) from None


def parse_query(model: type[Q], request: web.Request) -> Q:
    """The query parameters as a model; a parameter given twice is a mistake."""
    values: dict[str, str] = {}
    problems = []
    for name, value in request.query.items():
        if name in values:
            problems.append(Problem(path=name, message="this parameter is given twice"))
        values[name] = value
    try:
        found = model.model_validate(values)
    except ValidationError as error:
        problems += problems_of(error)
        found = None
    if problems or found is None:
        seen = {problem.path for problem in problems}
        raise invalid(problems + [more for more in model.also(values) if more.path not in seen])
    return found


def uuid_of(text: str, what: str = "backtest") -> uuid.UUID:
    """An id in a path; what is no id names nothing."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        raise not_found(f"{what} with this id") from None
    return found


def wait_seconds(request: web.Request) -> float | None:
    """`Prefer: wait=N`, clamped; None without it or when it cannot be understood (a preference is no demand)."""
    for header in request.headers.getall("Prefer", []):
        for part in header.replace(";", ",").split(","):
            name, _, value = part.strip().partition("=")
            if name.strip().lower() == "wait":
                digits = value.strip().strip('"')
                if digits.isascii() and digits.isdigit():
                    return float(min(int(digits[:9]), MAX_WAIT_S))
    return None


def no_store(request: web.Request) -> bool:
    """`Cache-Control: no-store`: compute anew, share nothing."""
    return "no-store" in request.headers.get("Cache-Control", "").lower()


def write_cursor(position: object) -> str:
    """An opaque position in a list."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def read_cursor(text: str | None, kind: type[M] | type[int] | type[str]) -> Any:
    """The position in a cursor of ours; 422 for anything else."""
    if text is None:
        return None
    try:
        value = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        value = None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise invalid([Problem(path="cursor", message="this is no cursor of this list; use next_cursor of an answer")])
    return value
