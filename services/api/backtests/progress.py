"""The one reader of the events stream: wakes whoever waits for an end, and keeps the progress that watchers read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from services.api.warm_subscriptions import Watches
from shared.contracts.events import (
    EVENTS_STREAM,
    BacktestEnded,
    BacktestProgressed,
    Event,
    QueryAnswered,
    WarmProgressed,
)
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.client import LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Broadcast

log = structlog.get_logger()

KEPT_POINTS = 200_000
"""Equity points of unfinished runs that are kept for watchers, over all runs."""


class Channel:
    """What is known of one running computation, and who waits to hear more."""

    __slots__ = ("end", "equity", "looked", "progress", "status", "waiters")

    def __init__(self) -> None:
        self.status: str | None = None
        self.progress = 0.0
        self.equity: list[dict[str, Any]] = []
        self.end: BacktestEnded | None = None
        self.looked = 0
        """How often a row of it changed outside the stream."""
        self.waiters: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        """Resolve all waiters."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


Look = Callable[[list[str]], Awaitable[list[tuple[str, str, str | None]]]]
"""Asks the record which of these computations have ended: (id, status, result digest)."""


class Ends:
    """Channels by computation, answers of queries by id."""

    def __init__(self) -> None:
        self._channels: OrderedDict[str, Channel] = OrderedDict()
        self._answers: dict[str, asyncio.Future[QueryAnswered]] = {}
        self._points = 0
        self.reading = False
        self.warm = Watches()
        """Whoever watches a warm run."""

    def channel(self, computation: str) -> Channel:
        """The channel of a computation, made when there is none."""
        found = self._channels.get(computation)
        if found is None:
            found = self._channels[computation] = Channel()
        return found

    async def changed(self, computation: str, seconds: float) -> bool:
        """Wait until something is told about a computation, at most `seconds`; False when nothing was."""
        channel = self.channel(computation)
        if channel.end is not None:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        channel.waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return False
        finally:
            channel.waiters.discard(waiter)
        return True

    async def end(self, computation: str, seconds: float) -> BacktestEnded | None:
        """The end of a computation, or None when it has not come in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        channel = self.channel(computation)
        while channel.end is None and (left := deadline - loop.time()) > 0:
            await self.changed(computation, left)
            channel = self._channels.get(computation, channel)
        return channel.end

    def waiting(self) -> int:
        """How many wait here for anything."""
        return len(self._answers) + sum(len(channel.waiters) for channel in self._channels.values())

    def wake(self, computation: str) -> None:
        """Something about a row of this computation changed outside the stream: its watchers look at the row."""
        channel = self._channels.get(computation)
        if channel is not None:
            channel.looked += 1
            channel.wake()

    def forget(self, computation: str) -> None:
        """Nobody needs this channel any more, unless somebody waits in it or will want its points."""
        channel = self._channels.get(computation)
        if channel is not None and not channel.waiters and (channel.end is not None or not channel.equity):
            self._points -= len(channel.equity)
            del self._channels[computation]

    async def answer(self, query: str, seconds: float) -> QueryAnswered | None:
        """The answer to a query that was announced under this id; ask before announcing."""
        future = self._answers.setdefault(query, asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(future)
        except TimeoutError:
            return None
        finally:
            self._answers.pop(query, None)

    def expect(self, query: str) -> None:
        """Register interest before the query is announced, so that no answer is missed."""
        self._answers.setdefault(query, asyncio.get_running_loop().create_future())

    def unexpect(self, query: str) -> None:
        """Nobody waits for an answer of this query any more."""
        self._answers.pop(query, None)

    def tell(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, BacktestEnded):
            channel = self._channels.get(event.computation_id)
            if channel is not None:
                channel.end, channel.status = event, event.status
                channel.wake()
        elif isinstance(event, BacktestProgressed):
            self._progressed(event)
        elif isinstance(event, QueryAnswered):
            future = self._answers.get(event.query_id)
            if future is not None and not future.done():
                future.set_result(event)
        elif isinstance(event, WarmProgressed):
            self.warm.tell(event)

    def _progressed(self, event: BacktestProgressed) -> None:
        channel = self.channel(event.computation_id)
        channel.status = event.status
        channel.progress = max(channel.progress, event.progress)
        # Points after a gap are not told: a reader that is past a day never comes back to it. They come with the end.
        fresh = event.equity[len(channel.equity) - event.before :] if event.before <= len(channel.equity) else ()
        channel.equity += fresh
        self._points += len(fresh)
        channel.wake()
        while self._points > KEPT_POINTS and len(self._channels) > 1:
            oldest = next(iter(self._channels))
            self._points -= len(self._channels[oldest].equity)
            self._channels[oldest].equity.clear()
            self._channels.move_to_end(oldest)

    async def read(self, broker: BrokerClient) -> None:
        """Task: read the stream for ever; a lost broker is waited for."""
        broadcast = Broadcast(broker, EVENTS_STREAM)
        started = False
        while True:
            try:
                if not started:
                    await broadcast.start()
                    started = True
                self.reading = True
                for _, event in await broadcast.read():
                    self.tell(event)
            except LOST as error:
                self.reading = False
                log.warning("events.lost", error=type(error).__name__)
                await asyncio.sleep(0.2)

    async def sweep(self, look: Look, *, every_s: float = 1.0) -> None:
        """Task: ask the record about what is waited for, so that a lost event delays an answer and never loses it."""
        while True:
            await asyncio.sleep(every_s)
            waited = [name for name, channel in self._channels.items() if channel.waiters]
            idle = [n for n, c in self._channels.items() if not c.waiters and (c.end is not None or not c.equity)]
            for name in idle[:-1000]:
                self.forget(name)
            if not waited:
                continue
            try:
                for name, status, digest in await look(waited):
                    self.tell(BacktestEnded(computation_id=name, status=status, result_digest=digest))
            except (UnavailableError, *DATABASE_LOST) as error:
                log.warning("sweep.failed", error=type(error).__name__)
