"""Errors of the Python package; each message says what is wrong, where, and what to do.

OndolError
  ApiError             the API refused a request: `status, code, params, errors, reason`
    InvalidRequest     mistakes in a request, all at once in `errors`; also raised before anything is sent
    NotFound           no such resource, or none that belongs to this key
    RateLimited        too many requests for longer than the client retries; `retry_after_s`
  Unavailable          no answer, or a 5xx for longer than the client retries
  RunFailed            a backtest ended without a result: `id, code, params, errors, reason`
  RunCancelled         a backtest was cancelled
  WaitTimeout          a backtest did not end within `timeout`; it goes on, and `id` finds it
  SetupError           an optional library or a setting is missing
"""

from __future__ import annotations

from shared.errors import OndolError, SetupError
from shared.infra.api_client.errors import (
    ApiError,
    InvalidRequest,
    Mistake,
    NotFound,
    RateLimited,
    RunCancelled,
    RunFailed,
    Unavailable,
    WaitTimeout,
)

__all__ = [
    "ApiError",
    "InvalidRequest",
    "Mistake",
    "NotFound",
    "OndolError",
    "RateLimited",
    "RunCancelled",
    "RunFailed",
    "SetupError",
    "Unavailable",
    "WaitTimeout",
]
