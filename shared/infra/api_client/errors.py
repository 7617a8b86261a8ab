"""Errors of the HTTP client, made from problem documents (RFC 9457) and from failed backtests.

OndolError
  ApiError             the API refused a request
    InvalidRequest     400 and 422: mistakes in the request, all at once in `errors`
    NotFound           404
    RateLimited        429 for longer than the client retries; `retry_after_s`
  Unavailable          no answer, or a 5xx for longer than the client retries
  RunFailed            an accepted backtest ended without a result
  RunCancelled         a backtest was cancelled
  WaitTimeout          a backtest did not end in the time that the caller allows; it goes on
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.errors import OndolError, UnavailableError

LACKING: Final = ("factor_absent", "benchmark_absent")
"""Kinds and codes of problems whose remedy is to load more data."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One mistake of a request: where it is, what is wrong, and a stable code.

    `line` and `column` (1-based) and `suggestions` are set for expressions; `params` are the values in the message.
    """

    path: str
    message: str
    code: str | None = None
    params: Mapping[str, Any] | None = None
    line: int | None = None
    column: int | None = None
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.path + (f" (line {self.line}, column {self.column})" if self.line else "")
        return f"{place.strip()}: {self.message}" if place.strip() else self.message


def mistakes_in(problem: Mapping[str, Any]) -> tuple[Mistake, ...]:
    """Return the mistakes that a problem document lists under `errors`; unknown shapes are left out."""
    items = [item for item in problem.get("errors") or () if isinstance(item, Mapping)]
    return tuple(
        Mistake(
            path=str(item.get("path") or ""),
            message=str(item.get("message") or ""),
            code=item.get("code"),
            params=item.get("params"),
            line=item.get("line"),
            column=item.get("column"),
            suggestions=tuple(item.get("suggestions") or ()),
        )
        for item in items
    )


def code_of(problem: Mapping[str, Any]) -> str | None:
    """Return the stable code of a problem: `code`, else `kind`, else the last part of `type`."""
    named = problem.get("code") or problem.get("kind") or str(problem.get("type") or "").rpartition(":")[2]
    return str(named).replace("-", "_") if named else None


def reason_in(problem: Mapping[str, Any], otherwise: str = "no reason is given") -> str:
    """Return the mistakes of a problem document, else its detail or title, as one line."""
    found = "; ".join(map(str, mistakes_in(problem)))
    return found or str(problem.get("detail") or problem.get("title") or otherwise)


class ApiError(OndolError):
    """The API refused a request; `document` is its problem document."""

    def __init__(self, status: int, document: Mapping[str, Any], *, retry_after_s: float | None = None) -> None:
        self.status = status
        self.document = dict(document)
        self.code = code_of(document)
        self.title = str(document.get("title") or f"HTTP status {status}")
        self.detail = str(document.get("detail") or "")
        self.params: dict[str, Any] = dict(document.get("params") or {})
        self.errors = mistakes_in(document)
        self.reason = reason_in(document, f"HTTP status {status}")
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.title}: {self.reason}" if self.errors else self.reason)

    def __reduce__(self) -> tuple[Any, ...]:  # so that errors leave worker processes
        return type(self), (self.status, self.document), {"retry_after_s": self.retry_after_s}

    @property
    def lacks_data(self) -> bool:
        """Whether every mistake is a factor or benchmark that the loaded data lack."""
        return bool(self.errors) and all(error.code in LACKING for error in self.errors)


class InvalidRequest(ApiError):  # noqa: N818  reads as what happened, as do those below
    """The request has mistakes (400, 422), found by the API or before anything was sent; `errors` has all of them."""

    @classmethod
    def of(cls, mistakes: tuple[Mistake, ...]) -> InvalidRequest:
        """Return the error for mistakes that were found before a request was sent."""
        named = ("path", "message", "code", "params", "line", "column", "suggestions")
        errors = [{name: value for name in named if (value := getattr(mistake, name))} for mistake in mistakes]
        return cls(422, {"title": "Invalid request", "status": 422, "code": "invalid_request", "errors": errors})


class NotFound(ApiError):  # noqa: N818
    """The API has no such resource (404), or none that belongs to this key."""


class RateLimited(ApiError):  # noqa: N818
    """Too many requests of this key (429); the client has retried for as long as its policy allows."""


def api_error(status: int, document: Mapping[str, Any], retry_after_s: float | None = None) -> ApiError:
    """Return the error of a refused request."""
    kinds: dict[int, type[ApiError]] = {400: InvalidRequest, 404: NotFound, 422: InvalidRequest, 429: RateLimited}
    return kinds.get(status, ApiError)(status, document, retry_after_s=retry_after_s)


class Unavailable(UnavailableError):  # noqa: N818
    """The API does not answer, or answers 5xx for longer than the client retries."""


class RunFailed(OndolError):  # noqa: N818
    """A backtest ended without a result; `document` is the backtest with its `error`."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        problem: Mapping[str, Any] = document.get("error") or {}
        self.document = dict(document)
        self.id: str | None = document.get("id")
        self.code = code_of(problem)
        self.detail = str(problem.get("detail") or "")
        self.params: dict[str, Any] = dict(problem.get("params") or {})
        self.errors = mistakes_in(problem)
        self.reason = reason_in(problem)
        super().__init__(f"Backtest {self.id} failed: {self.reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.document,)

    @property
    def lacks_data(self) -> bool:
        """Whether it failed only because the loaded data lack a factor or a benchmark that it reads."""
        kind = (self.document.get("error") or {}).get("kind")
        if kind is not None:
            return kind in LACKING
        return bool(self.errors) and all(error.code in LACKING for error in self.errors)


class RunCancelled(OndolError):  # noqa: N818
    """A backtest was cancelled before it ended."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id: str | None = document.get("id")
        super().__init__(f"Backtest {self.id} was cancelled.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.document,)


class WaitTimeout(OndolError, TimeoutError):  # noqa: N818
    """A backtest did not end in time; it goes on, and `id` finds it."""

    def __init__(self, document: Mapping[str, Any], seconds: float) -> None:
        self.document = dict(document)
        self.id: str | None = document.get("id")
        self.seconds = seconds
        super().__init__(f"Backtest {self.id} did not end within {seconds:g} s; it is {document.get('status')}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.document, self.seconds)
