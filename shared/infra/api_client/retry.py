"""When and after which pause a request is sent again."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})
"""Statuses that say: not now."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time and chance, replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    utc: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How long a request is repeated.

    budget_s: from its first attempt, while the API is busy, restarting or cut off. connect_s: the same as long as the
    API has never answered, since a wrong address does not become right by waiting. Pauses double from first_pause_s to
    max_pause_s and vary by half; a longer `Retry-After` replaces them.
    """

    budget_s: float = 60.0
    connect_s: float = 2.0
    first_pause_s: float = 0.25
    max_pause_s: float = 8.0
    clock: Clock = field(default_factory=Clock)


TEN_MINUTES: Final = RetryPolicy(budget_s=600.0, connect_s=600.0)
"""For services that start in any order."""


class Attempts:
    """The attempts of one request, or the attempts to resume a stream since its last event."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._began = policy.clock.now()
        self._count = 0

    def restart(self) -> None:
        """Begin anew: something has arrived."""
        self._began = self._policy.clock.now()
        self._count = 0

    def pause(self, retry_after_s: float | None, *, reached: bool) -> float | None:
        """Return the pause in seconds before the next attempt, None when the budget does not allow another one."""
        policy = self._policy
        backoff = min(policy.first_pause_s * 2**self._count, policy.max_pause_s)
        pause = max(backoff * (0.5 + policy.clock.random() / 2), retry_after_s or 0.0)
        self._count = min(self._count + 1, 32)
        budget = policy.budget_s if reached else policy.connect_s
        return pause if policy.clock.now() - self._began + pause <= budget else None


def retry_after(text: str | None, now: dt.datetime) -> float | None:
    """Return the seconds of a `Retry-After` header (a number or an HTTP date), None without a usable one."""
    if text is None:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now).total_seconds(), 0.0)
