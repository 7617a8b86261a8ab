"""Errors of requests as RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from services.api.http.cors import options_response
from services.api.http.retry_after import RetryAfterEstimator
from services.api.localization import language_of, localized_problem, mark_language
from shared.contracts.http import PROBLEM, problem_document, run_problem
from shared.errors import ChunkMissingError, OndolError, Problem, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.messages import say

log = structlog.get_logger()

RETRY_AFTER = web.AppKey("retry_after", RetryAfterEstimator)
CORS_ORIGINS = web.AppKey("cors_origins", tuple[str, ...])
INTERNAL = say("internal")


class ApiProblem(OndolError):  # noqa: N818  an answer, not a failure of the service
    """A problem document: status, word (of PROBLEM_TYPES), detail, and every problem of the request.

    `document` replaces the document when another service wrote it.
    """

    def __init__(
        self,
        status: int,
        word: str,
        detail: str,
        errors: Sequence[Problem] = (),
        *,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.document = problem_document(status, word, detail, errors) if document is None else document


def not_found(code: str, **params: Any) -> ApiProblem:
    """Return a 404 with the message of a code (`backtest_not_found`): the caller has no resource of this name."""
    return ApiProblem(404, "not-found", say(code, **params))


def invalid(problems: Sequence[Problem]) -> ApiProblem:
    """Return a 422 with every problem of the request."""
    detail = problems[0].message if len(problems) == 1 else say("invalid_request", count=len(problems))
    return ApiProblem(422, "invalid-request", detail, problems)


def problem_response(problem: ApiProblem, request: web.BaseRequest) -> web.Response:
    """Return the response of a problem in the language of the request."""
    language = language_of(request)
    body = orjson.dumps(localized_problem(problem.document, language))
    response = web.Response(status=problem.status, body=body, content_type=PROBLEM, headers=problem.headers)
    mark_language(response, language)
    if problem.headers.get("Connection") == "close":
        response.force_close()
    return response


def as_problem(error: BaseException) -> ApiProblem:
    """Return the problem that stands for an error; an unexpected one reveals nothing."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, RequestError):
        return invalid(error.problems)
    if isinstance(error, UnavailableError):
        return ApiProblem(503, "unavailable", error.args[0] if error.args else say("unavailable"))
    if isinstance(error, (*DATABASE_LOST, *REDIS_LOST, ChunkMissingError)):
        return ApiProblem(503, "unavailable", say("unavailable"))
    if isinstance(error, asyncpg.UntranslatableCharacterError | asyncpg.CharacterNotInRepertoireError):
        return invalid([Problem(path="", message=say("unstorable_text"))])
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        return ApiProblem(400, "malformed-request", say("body_framing"), headers={"Connection": "close"})
    if isinstance(error, RunError):
        return ApiProblem(422, "run-failed", error.detail, error.problems, document=run_problem(error))
    return ApiProblem(500, "internal", INTERNAL)


@web.middleware
async def problem_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn every error of a route into its problem document.

    A 503 without `Retry-After` gets that of the application's RETRY_AFTER.
    """
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as error:
        if request.method == "OPTIONS":
            origins = request.app[CORS_ORIGINS]
            return options_response(request, error.allowed_methods, origins)
        problem = _of_framework(request, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        problem = _of_framework(request, error)
    except ConnectionResetError:
        raise
    except Exception as error:  # the outermost handler
        problem = as_problem(error)
        if problem.status >= 500 and problem.status != 503:
            log.error("request.failed", route=request.path, exc_info=error)
        if problem.status == 503 and "Retry-After" not in problem.headers:
            problem.headers["Retry-After"] = str(request.app[RETRY_AFTER].retry_after())
    return problem_response(problem, request)


def _of_framework(request: web.Request, error: web.HTTPException) -> ApiProblem:
    """Return the problem of an error that aiohttp raises."""
    if isinstance(error, web.HTTPNotFound):
        return ApiProblem(404, "not-found", say("no_route", path=request.path))
    if isinstance(error, web.HTTPMethodNotAllowed):
        methods = sorted({*error.allowed_methods, "OPTIONS"})
        allowed = {"Allow": ", ".join(methods)}
        return ApiProblem(405, "method-not-allowed", say("method_not_allowed", methods=methods), headers=allowed)
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ApiProblem(413, "body-too-large", say("body_above_limit"))
    return ApiProblem(error.status, "malformed-body", say("body_unreadable", reason=error.reason))
