"""The one reader of the events stream: wakes the tasks that wait for an outcome, and keeps the progress of runs."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from services.api.change_signal import ChangeSignal
from services.api.sweeps.signals import SweepSignals
from services.api.warm_subscriptions import WarmSubscriptions
from shared.contracts.events import (
    EVENTS_STREAM,
    SWEEPS,
    BacktestEnded,
    BacktestProgressed,
    Event,
    QueryAnswered,
    SweepChanged,
    WarmProgressed,
)
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Broadcast

log = structlog.get_logger()

MAX_POINTS = 200_000
"""Equity points of unfinished runs that are kept for readers, over all runs."""
MAX_IDLE = 1000
"""Subscriptions without a waiter that are kept."""

FinishedOf = Callable[[list[str]], Awaitable[list[tuple[str, str, str | None]]]]
"""Returns those of the computations that have ended: (id, status, result digest)."""


class Subscription:
    """What is known of one running computation."""

    __slots__ = ("changed", "end", "equity", "progress", "row_changes", "status")

    def __init__(self) -> None:
        self.status: str | None = None
        self.progress = 0.0
        self.equity: list[dict[str, Any]] = []
        self.end: BacktestEnded | None = None
        self.row_changes = 0
        """Number of changes of a caller's row, which the stream does not report."""
        self.changed = ChangeSignal()

    @property
    def is_idle(self) -> bool:
        """Whether the subscription can be dropped: without waiters, and ended or without points."""
        return not self.changed.waiters and (self.end is not None or not self.equity)


class EventHub:
    """Subscriptions by computation, and answers of simulators by query."""

    def __init__(self) -> None:
        self._subscriptions: OrderedDict[str, Subscription] = OrderedDict()
        self._answers: dict[str, asyncio.Future[QueryAnswered]] = {}
        self._registered: Counter[str] = Counter()
        self._points = 0
        self.is_reading = False
        """Whether the stream was readable at the last attempt."""
        self.warm = WarmSubscriptions()
        self.sweeps = SweepSignals()

    def subscription(self, computation: str) -> Subscription:
        """Return the subscription of a computation, a new one when there is none."""
        found = self._subscriptions.get(computation)
        if found is None:
            found = self._subscriptions[computation] = Subscription()
        return found

    async def wait_for_change(self, computation: str, timeout_s: float) -> bool:
        """Wait for an event of a computation, at most `timeout_s`; return whether there was one, or it has ended."""
        subscription = self.subscription(computation)
        return subscription.end is not None or await subscription.changed.wait(timeout_s)

    async def wait_for_end(self, computation: str, timeout_s: float) -> BacktestEnded | None:
        """Return the end of a computation, or None when it does not come in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        subscription = self.subscription(computation)
        while subscription.end is None and (left := deadline - loop.time()) > 0:
            await subscription.changed.wait(left)
            subscription = self._subscriptions.get(computation, subscription)
        return subscription.end

    def waiters(self) -> int:
        """Return the number of tasks that wait for an outcome or an answer."""
        return len(self._answers) + sum(found.changed.waiters for found in self._subscriptions.values())

    def row_changed(self, computation: str) -> None:
        """Wake the readers of a computation: a caller's row has changed."""
        subscription = self._subscriptions.get(computation)
        if subscription is not None:
            subscription.row_changes += 1
            subscription.changed.notify_all()

    def unsubscribe(self, computation: str) -> None:
        """Drop a subscription unless a task waits in it, or will need its points."""
        subscription = self._subscriptions.get(computation)
        if subscription is not None and subscription.is_idle:
            self._points -= len(subscription.equity)
            del self._subscriptions[computation]

    def register(self, query: str) -> None:
        """Register a query; call this before the query is published, so that its answer is not missed.

        Registrations of one query count: one whose caller has gone may end after the same query was asked again.
        """
        self._registered[query] += 1
        self._answers.setdefault(query, asyncio.get_running_loop().create_future())

    def unregister(self, query: str) -> None:
        """Drop a query when its last registration ends."""
        self._registered[query] -= 1
        if self._registered[query] <= 0:
            del self._registered[query]
            self._answers.pop(query, None)

    async def answer_of(self, query: str, timeout_s: float) -> QueryAnswered | None:
        """Return the answer to a registered query, or None when it does not come in time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(self._answers[query])
        except TimeoutError:
            return None

    def dispatch(self, event: Event) -> None:
        """Deliver one event."""
        if isinstance(event, BacktestEnded):
            subscription = self._subscriptions.get(event.computation_id)
            if subscription is not None:
                subscription.end, subscription.status = event, event.status
                subscription.changed.notify_all()
        elif isinstance(event, BacktestProgressed):
            self._progressed(event)
        elif isinstance(event, QueryAnswered):
            future = self._answers.get(event.query_id)
            if future is not None and not future.done():
                future.set_result(event)
        elif isinstance(event, WarmProgressed):
            self.warm.dispatch(event)
        elif isinstance(event, SweepChanged):
            self.sweeps.notify(event.sweep_id)

    def _progressed(self, event: BacktestProgressed) -> None:
        subscription = self.subscription(event.computation_id)
        subscription.status = event.status
        subscription.progress = max(subscription.progress, event.progress)
        # points after a gap are dropped: a reader that has passed a day never returns to it; the result has them
        known = len(subscription.equity)
        points = event.equity[known - event.before :] if event.before <= known else ()
        subscription.equity += points
        self._points += len(points)
        subscription.changed.notify_all()
        while self._points > MAX_POINTS and len(self._subscriptions) > 1:
            oldest = next(iter(self._subscriptions))
            self._points -= len(self._subscriptions[oldest].equity)
            self._subscriptions[oldest].equity.clear()
            self._subscriptions.move_to_end(oldest)

    async def read(self, broker: BrokerClient) -> None:
        """Task: read the stream; while the broker is unavailable, retry."""

        def on_lost(error: Exception) -> None:
            self.is_reading = False
            log.warning("broker.disconnected", error=type(error).__name__)

        def on_connected() -> None:
            self.is_reading = True

        async for event in Broadcast(broker, EVENTS_STREAM, SWEEPS).follow(on_lost, on_connected):
            self.dispatch(event)

    async def sweep(self, finished_of: FinishedOf, *, every_s: float = 1.0) -> None:
        """Task: query PostgreSQL for the awaited outcomes, so that a lost event delays an answer but never loses it."""
        while True:
            await asyncio.sleep(every_s)
            awaited = [name for name, found in self._subscriptions.items() if found.changed.waiters]
            idle = [name for name, found in self._subscriptions.items() if found.is_idle]
            for name in idle[:-MAX_IDLE]:
                self.unsubscribe(name)
            if not awaited:
                continue
            try:
                for name, status, digest in await finished_of(awaited):
                    self.dispatch(BacktestEnded(computation_id=name, status=status, result_digest=digest))
            except (UnavailableError, *DATABASE_LOST) as error:
                log.warning("sweep.failed", error=type(error).__name__)
