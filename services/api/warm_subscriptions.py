"""Subscriptions to warm runs: for each reader the newest event of each phase that it has not taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from shared.contracts.events import WarmProgressed


class WarmSubscription:
    """The events of one run for one reader; of each phase only the newest, however slow the reader is."""

    def __init__(self) -> None:
        self._events: dict[tuple[int, bool, int], WarmProgressed] = {}
        self._received = asyncio.Event()

    def put(self, event: WarmProgressed) -> None:
        """Add an event; those of the run itself come after those of its phases."""
        self._events[event.attempt, event.phase is None, event.place] = event
        self._received.set()

    async def take(self, timeout_s: float) -> list[WarmProgressed]:
        """Return the events since the last call, by attempt and phase; empty when none comes in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._received.wait()
        except TimeoutError:
            return []
        self._received.clear()
        events, self._events = self._events, {}
        return [events[key] for key in sorted(events)]


class WarmSubscriptions:
    """All subscriptions of this process, by run."""

    def __init__(self) -> None:
        self._by_run: dict[int, set[WarmSubscription]] = {}

    @contextmanager
    def subscribe(self, run: int) -> Iterator[WarmSubscription]:
        """Yield a subscription that receives every event of the run from now on."""
        subscription = WarmSubscription()
        self._by_run.setdefault(run, set()).add(subscription)
        try:
            yield subscription
        finally:
            self._by_run[run].discard(subscription)
            if not self._by_run[run]:
                del self._by_run[run]

    def __len__(self) -> int:
        """Return the number of runs that have a reader."""
        return len(self._by_run)

    def dispatch(self, event: WarmProgressed) -> None:
        """Deliver an event to the readers of its run."""
        for subscription in self._by_run.get(event.run_id, ()):
            subscription.put(event)
