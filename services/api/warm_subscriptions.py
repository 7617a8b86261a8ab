"""Who watches a warm run, and the newest fact about each of its phases that a watcher has not taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from shared.contracts.events import WarmProgressed


class Watch:
    """The news of one run for one watcher: of each phase only the newest, however slow the watcher is."""

    def __init__(self) -> None:
        self._news: dict[tuple[int, bool, int], WarmProgressed] = {}
        self._told = asyncio.Event()

    def tell(self, event: WarmProgressed) -> None:
        """Take in a fact; those about the run itself stand behind those about its phases."""
        self._news[event.attempt, event.phase is None, event.place] = event
        self._told.set()

    async def news(self, seconds: float) -> list[WarmProgressed]:
        """What was told since the last call, in the order of attempts and phases; empty after so long a silence."""
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return []
        self._told.clear()
        news, self._news = self._news, {}
        return [news[place] for place in sorted(news)]


class Watches:
    """All watches of this process, by run."""

    def __init__(self) -> None:
        self._open: dict[int, set[Watch]] = {}

    @contextmanager
    def of(self, run: int) -> Iterator[Watch]:
        """A watch that is told everything from now on."""
        made = Watch()
        self._open.setdefault(run, set()).add(made)
        try:
            yield made
        finally:
            self._open[run].discard(made)
            if not self._open[run]:
                del self._open[run]

    def watched(self) -> int:
        """How many runs somebody watches."""
        return len(self._open)

    def tell(self, event: WarmProgressed) -> None:
        """Pass a fact on to whoever watches its run."""
        for watch in self._open.get(event.run_id, ()):
            watch.tell(event)
