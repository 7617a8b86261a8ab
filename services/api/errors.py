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
from shared.contracts.http import PROBLEM, problem_document
from shared.errors import ChunkMissingError, OndolError, Problem, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.client import LOST as REDIS_LOST

log = structlog.get_logger()

RETRY_AFTER = web.AppKey("retry_after", RetryAfterEstimator)
CORS_ORIGINS = web.AppKey("cors_origins", tuple[str, ...])
INTERNAL = "Internal error. It has been logged; you may retry the request."


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


def not_found(what: str) -> ApiProblem:
    """Return a 404: the caller has no resource of this name."""
    return ApiProblem(404, "not-found", f"There is no {what}.")


def invalid(problems: Sequence[Problem]) -> ApiProblem:
    """Return a 422 with every problem of the request."""
    count = len(problems)
    detail = problems[0].message if count == 1 else f"{count} problems; each is listed under errors."
    return ApiProblem(422, "invalid-request", detail, problems)


def problem_response(problem: ApiProblem) -> web.Response:
    """Return the response of a problem."""
    response = web.Response(
        status=problem.status, body=orjson.dumps(problem.document), content_type=PROBLEM, headers=problem.headers
    )
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
        return ApiProblem(503, "unavailable", str(error))
    if isinstance(error, (*DATABASE_LOST, *REDIS_LOST, ChunkMissingError)):
        return ApiProblem(503, "unavailable", "A server behind the API does not answer; try again in a moment.")
    if isinstance(error, asyncpg.UntranslatableCharacterError | asyncpg.CharacterNotInRepertoireError):
        return invalid([Problem(path="", message="the text holds a character that cannot be stored")])
    if isinstance(error, HttpProcessingError | web.RequestPayloadError):
        detail = "The chunks of the body, or its length, are wrong; send it again."
        return ApiProblem(400, "malformed-request", detail, headers={"Connection": "close"})
    if isinstance(error, RunError):
        return ApiProblem(422, "run-failed", error.detail, error.problems)
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
    except web.HTTPNotFound:
        return problem_response(ApiProblem(404, "not-found", f"There is no route {request.path}; see /docs."))
    except web.HTTPMethodNotAllowed as error:
        if request.method == "OPTIONS":
            origins = request.app[CORS_ORIGINS]
            return options_response(request, error.allowed_methods, origins)
        allowed = ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))
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
    except Exception as error:  # the outermost handler
        problem = as_problem(error)
        if problem.status >= 500 and problem.status != 503:
            log.error("request.failed", route=request.path, exc_info=error)
        if problem.status == 503 and "Retry-After" not in problem.headers:
            problem.headers["Retry-After"] = str(request.app[RETRY_AFTER].retry_after())
        return problem_response(problem)
