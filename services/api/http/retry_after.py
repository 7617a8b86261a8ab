"""How long refused callers are asked to stay away, so that they come back no faster than they can be served."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

A_SECOND = 100
"""Callers that may come back in a second: about half of what two cores answer, the rest is for who is new."""
LONGEST_S = 15


class Refusals:
    """The refusals with 503 of one api.

    Whoever was refused comes back after the seconds that it was told; who was refused during that time is therefore who
    waits. A lone caller is told one second. Without this, those who wait ask hundreds of times a second while a server
    recovers beside them, and all at once when it is back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: deque[float] = deque()
        self._told_s = 1

    def retry_after(self) -> int:
        """Count a refusal; the seconds of its `Retry-After`, 1 to `LONGEST_S`."""
        now, waiting = self._clock(), self._waiting
        waiting.append(now)
        while waiting[0] <= now - self._told_s:
            waiting.popleft()
        self._told_s = min(math.ceil(len(waiting) / A_SECOND), LONGEST_S)
        return self._told_s
