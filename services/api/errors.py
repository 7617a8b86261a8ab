"""Every way a request can go wrong, as an RFC 9457 problem document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import asyncpg
import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import ValidationError

from services.api.http.retry_after import Refusals
from shared.contracts.http import PROBLEM, problem_document
from shared.errors import ChunkMissingError, OndolError, Problem, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.client import LOST as REDIS_LOST

log = structlog.get_logger()

REFUSALS = web.AppKey("refusals", Refusals)
TAGS = frozenset({"strategy", "id"})


class ApiProblem(OndolError):  # noqa: N818  it is the answer, not a failure of ours
    """Another answer than was asked for: status, word (of PROBLEM_TYPES), detail and all its mistakes."""

    def __init__(
        self,
        status: int,
        word: str,
        detail: str,
        errors: Sequence[Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.word = word
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.ready: dict[str, Any] | None = None
        """The document, when somebody else wrote it."""

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        return self.ready or problem_document(self.status, self.word, self.detail, self.errors)


def not_found(what: str) -> ApiProblem:
    """Nothing of the caller's has this name."""
    return ApiProblem(404, "not-found", f"There is no {what}.")


def invalid(problems: Sequence[Problem]) -> ApiProblem:
    """422 with every mistake."""
    count = len(problems)
    detail = problems[0].message if count == 1 else f"{count} mistakes; each is listed under errors."
    return ApiProblem(422, "invalid-request", detail, problems)


def problems_of(error: ValidationError, prefix: str = "") -> list[Problem]:
    """The mistakes that a model found, with paths as a caller writes them (`strategy.universe.markets[1]`)."""
    found = []
    for item in error.errors(include_url=False, include_context=True, include_input=False):
        message = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] in _WORDS:
            message = _WORDS[item["type"]].format_map(item.get("ctx") or {})
        at = 1 if item["loc"] and item["loc"][-1] in EXPRESSIONS else None
        path = path_of(item["loc"], prefix)
        found.append(Problem(path=path, message=message, line=at, column=at))
    return found


EXPRESSIONS: dict[str, Literal["condition", "number"]] = {"where": "condition", "rank_by": "number"}
"""Fields and parameters that hold an expression, and what it has to be."""
_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "this field is required",
    "too_short": "must not be shorter than {min_length}; it has {actual_length}",
    "too_long": "must not be longer than {max_length}; it has {actual_length}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "model_type": "must be an object; leave it out for its defaults",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "bool_type": "must be true or false",
    "literal_error": "must be {expected}",
}
"""What a model says of a type of mistake, in the words of this interface; other types speak for themselves."""


def path_of(location: tuple[int | str, ...], prefix: str = "") -> str:
    """A dotted path; the tag that says which kind of strategy was meant is left out."""
    parts = list(location)
    if len(parts) > 1 and parts[0] == "strategy" and parts[1] in TAGS:
        del parts[1]
    text = prefix
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def problem_response(problem: ApiProblem) -> web.Response:
    """The answer of a problem."""
    response = web.Response(
        status=problem.status,
        body=orjson.dumps(problem.document()),
        content_type=PROBLEM,
        headers=problem.headers,
    )
    if problem.headers.get("Connection") == "close":
        response.force_close()
    return response


def as_problem(error: BaseException) -> ApiProblem:
    """The problem that stands for an error; an unexpected one says nothing about the inside."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, RequestError):
        return invalid(error.problems)
    if isinstance(error, ValidationError):
        return invalid(problems_of(error))
    if isinstance(error, UnavailableError):
        return ApiProblem(503, "unavailable", str(error))
    if isinstance(error, (*DATABASE_LOST, *REDIS_LOST, ChunkMissingError)):
        return ApiProblem(503, "unavailable", "A server behind the api does not answer; try again in a moment.")
    if isinstance(error, asyncpg.UntranslatableCharacterError | asyncpg.CharacterNotInRepertoireError):
        return invalid([Problem(path="", message="the text holds a character that cannot be stored")])
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        return ApiProblem(400, "malformed-request", "The chunks of the body, or its length, are wrong; send it again.",
                          headers={"Connection": "close"})  # fmt: skip
    if isinstance(error, RunError):
        return ApiProblem(422, "run-failed", error.detail, error.problems)
    return ApiProblem(500, "internal", "The mistake is ours and is logged; the request may be repeated.")


@web.middleware
async def problem_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns every error of a route into its problem document; the outermost edge of the api.

    A 503 that does not say when to come back says what `REFUSALS` of the application says.
    """
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return problem_response(ApiProblem(404, "not-found", f"There is no route {request.path}; see /docs."))
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return problem_response(
            ApiProblem(405, "method-not-allowed", f"This route offers {allowed}.", headers={"Allow": allowed})
        )
    except web.HTTPRequestEntityTooLarge:
        return problem_response(ApiProblem(413, "body-too-large", "The body is larger than the limit."))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return problem_response(ApiProblem(error.status, "malformed-body", error.reason))
    except ConnectionResetError:
        raise
    except Exception as error:  # the outermost edge
        problem = as_problem(error)
        if problem.status >= 500 and problem.status != 503:
            log.error("request.failed", route=request.path, exc_info=error)
        if problem.status == 503 and "Retry-After" not in problem.headers:
            problem.headers["Retry-After"] = str(request.app[REFUSALS].retry_after())
        return problem_response(problem)
