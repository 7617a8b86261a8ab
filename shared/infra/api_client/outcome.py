"""Outcomes of requests as values, for programs that count failures instead of ending with the first one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import OndolError
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import ApiError, RunCancelled, RunFailed, WaitTimeout

TIMEOUT_S = 600.0
"""How long one backtest may take before it counts as failed."""

ENDINGS = (ApiError, RunFailed, RunCancelled, WaitTimeout)
"""Errors that are outcomes; Unavailable is none, since the next request would fail too."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The document of a response; `error` is None, or the reason of the failure in one sentence."""

    document: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    failure: OndolError | None = None
    cached: bool = False
    seconds: float = 0.0

    @property
    def result(self) -> dict[str, Any]:
        """The result of a completed backtest, else empty."""
        return self.document.get("result") or {}

    @property
    def lacks_data(self) -> bool:
        """Whether it failed only because the loaded data lack a factor or a benchmark that it reads."""
        return isinstance(self.failure, ApiError | RunFailed) and self.failure.lacks_data

    def rejects(self, path: str) -> bool:
        """Return whether it failed with a mistake at this path of the request."""
        failure = self.failure
        return isinstance(failure, ApiError | RunFailed) and any(error.path == path for error in failure.errors)

    def chunks(self) -> tuple[int, int]:
        """Return (hits, misses) of the chunks of a backtest; a hit came from a mapped panel or the cache."""
        tiers: Mapping[str, int] = (self.result.get("cache") or {}).get("by_tier") or {}
        hits = sum(count for tier, count in tiers.items() if tier in ("t1", "t2"))
        return hits, sum(tiers.values()) - hits


def failed(error: OndolError, seconds: float = 0.0) -> Outcome:
    """Return the outcome of a request that raised an error."""
    reason = error.reason if isinstance(error, ApiError | RunFailed) else str(error)
    return Outcome(document=dict(getattr(error, "document", {})), error=reason, failure=error, seconds=seconds)


async def backtest(client: ApiClient, body: Mapping[str, Any], *, no_store: bool = False) -> Outcome:
    """Run a backtest to its end, within TIMEOUT_S."""
    began = time.perf_counter()
    try:
        document = await client.run(body, no_store=no_store, timeout_s=TIMEOUT_S)
    except ENDINGS as error:
        return failed(error, time.perf_counter() - began)
    cached = bool(document.get("cached"))
    return Outcome(document=document, cached=cached, seconds=time.perf_counter() - began)


async def get(client: ApiClient, path: str, **query: str | int) -> Outcome:
    """Send a GET request."""
    began = time.perf_counter()
    try:
        document = await client.call("GET", path, query=query)
    except ApiError as error:
        return failed(error, time.perf_counter() - began)
    return Outcome(document=document, seconds=time.perf_counter() - began)
