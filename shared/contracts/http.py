"""Constants of the HTTP API: states of a backtest, media types, headers and problem types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from shared.errors import Problem, RunError, identity_of

OPEN: Final = ("queued", "preparing", "running")
"""States of an unfinished backtest."""

ENDED: Final = ("completed", "failed", "cancelled")
"""Final states; a backtest reaches exactly one of them, once."""

STATUSES: Final = OPEN + ENDED

LATEST: Final = "latest"
"""In place of an id: the newest of the caller's."""

LOCAL: Final = "local"
"""The owner of all requests without a key (embedded mode)."""

PUBLIC: Final = "public"
"""The owner of public paper accounts, which everyone may read; a request without a key reads as it."""

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"

ORIGIN_HEADER: Final = "Ondol-Origin"
"""The origin of a request in metrics, one of ORIGINS; `user` when absent."""

ORIGINS: Final = ("user", "preview", "warmer", "verify")

MAX_WAIT_S: Final = 30
"""`Prefer: wait=N` is clamped to this."""

PROBLEM_TYPES: Final = {
    "malformed-request": "Malformed HTTP request",
    "head-too-large": "Request line or header too large",
    "head-too-slow": "Request timeout",
    "invalid-request": "Invalid request",
    "malformed-body": "Body is not JSON",
    "body-too-large": "Body too large",
    "body-too-slow": "Body timeout",
    "unsupported-media-type": "Unsupported media type",
    "not-acceptable": "The format is not offered",
    "too-costly": "Request too expensive",
    "no-market-data": "No market data",
    "no-dataset": "No dataset version yet",
    "unauthorized": "Missing or unknown key",
    "forbidden": "Role of another key needed",
    "cross-origin": "Page of another site",
    "foreign-host": "Host not served here",
    "not-found": "Not found",
    "method-not-allowed": "Method not allowed",
    "conflict": "Conflict with the current state",
    "idempotency-conflict": "Idempotency key used with another body",
    "rate-limited": "Too many requests",
    "too-many-open": "Too many unfinished backtests",
    "quota-exceeded": "Quota of stored results used up",
    "unavailable": "Dependency unavailable",
    "internal": "Internal error",
    "run-failed": "Backtest failed",
    "variant-failed": "Variant failed",
    "walk-forward-failed": "Walk-forward failed",
    "analysis-failed": "Analysis of the backtest failed",
    "screen-failed": "Screen failed",
    "factor-report-failed": "Factor report failed",
    "account-step-failed": "Step of the paper account failed",
    "query-failed": "Query of market data failed",
}
"""Last part of a problem's `type` -> its title."""


def problem_type(word: str) -> str:
    """The `type` of a problem document."""
    return f"urn:ondol:problem:{word}"


def problem_document(
    status: int, word: str, detail: str, errors: Iterable[Problem] = (), *, code: str | None = None
) -> dict[str, Any]:
    """`type, title, status, detail, errors[]` of RFC 9457, and `code` and `params` of the detail.

    `word` is one of PROBLEM_TYPES. `code` is that of a detail that was not made by `shared.messages.say`; by default
    the word. The code of an invalid request is `invalid_request`, whatever its detail says.
    """
    found, params = identity_of(detail, code or word.replace("-", "_"))
    problems = list(errors)
    if word == "invalid-request":
        found, params = "invalid_request", {"count": len(problems)}
    return {
        "type": problem_type(word),
        "title": PROBLEM_TYPES[word],
        "status": status,
        "detail": str(detail),
        "code": found,
        "params": dict(params),
        "errors": [problem.as_dict() for problem in problems],
    }


def run_problem(error: RunError, word: str = "run-failed") -> dict[str, Any]:
    """The problem of what could not be computed, by default a backtest; `kind` is the stable word of its reason."""
    return {**problem_document(422, word, error.detail, error.problems, code=error.kind), "kind": error.kind}
