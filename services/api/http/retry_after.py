"""Adaptive `Retry-After` of requests that are refused with 503; that of 429 is computed by `services.api.auth`."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

RETRIES_PER_SECOND = 100
"""Retries that may arrive in a second: about half of what two cores serve, so that new requests are served too."""
MAX_RETRY_AFTER_S = 15


class RetryAfterEstimator:
    """Estimates the interval after which a refused client should retry.

    Clients retry after the interval that they were given, so the backlog equals the refusals of that interval. The next
    interval spreads the backlog over `RETRIES_PER_SECOND`; a single client waits one second.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._backlog: deque[float] = deque()
        self._interval_s = 1

    def retry_after(self) -> int:
        """Count a refusal; return the seconds of its `Retry-After`, 1 to `MAX_RETRY_AFTER_S`."""
        now, backlog = self._clock(), self._backlog
        backlog.append(now)
        while backlog[0] <= now - self._interval_s:
            backlog.popleft()
        self._interval_s = min(math.ceil(len(backlog) / RETRIES_PER_SECOND), MAX_RETRY_AFTER_S)
        return self._interval_s
