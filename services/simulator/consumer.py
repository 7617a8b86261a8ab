"""What becomes of an entry of a stream: taken when a slot is free, worked on, done with."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from redis.exceptions import RedisError

from services.simulator import metrics, queries, run_store, runner
from services.simulator.runner import Tools, Work
from shared.contracts.events import BACKTESTS, QUERIES, BacktestEnded, BacktestRequested, QueryRequested
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis import client as servers
from shared.infra.redis.streams import Consumer, Delivery

log = structlog.get_logger()

MOST_TASKS = 16
ALONE_S = 2.0
"""How long an entry that was in other hands waits for what runs here already."""


class Desk:
    """What this process works on right now, and the limits of it."""

    def __init__(self, slots: int) -> None:
        self.slots = {BACKTESTS: asyncio.Semaphore(slots), QUERIES: asyncio.Semaphore(1)}
        self.works: dict[str, Work] = {}
        self.entries: dict[str, str] = {}
        """Entries of queries in work: entry -> stream."""
        self.tasks: set[asyncio.Future[None]] = set()

    def begin(self, work: Awaitable[None]) -> asyncio.Future[None]:
        """Run something to its end beside the consumers."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Future[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work.broken", exc_info=error)


async def consume(
    consumer: Consumer, desk: Desk, slots: asyncio.Semaphore, handle: Callable[[Consumer, Delivery], Awaitable[None]]
) -> None:
    """Task: take an entry whenever a slot is free. A command in flight is never cut off: the answer may carry work."""
    while True:
        while len(desk.tasks) >= MOST_TASKS:  # results that wait to be written hold back new work
            await asyncio.wait(set(desk.tasks), return_when=asyncio.FIRST_COMPLETED)
        await slots.acquire()
        reading = asyncio.ensure_future(consumer.take())
        try:
            deliveries = await asyncio.shield(reading)
        except asyncio.CancelledError:
            reading.add_done_callback(lambda done: _return_unread(consumer, desk, done))
            slots.release()
            raise
        except (*servers.LOST, RedisError) as error:
            log.warning("stream.lost", error=type(error).__name__)
            slots.release()
            await asyncio.sleep(0.2)
            continue
        if not deliveries:
            slots.release()
            continue
        delivery = deliveries[0]
        suspect = delivery.claimed or delivery.inherited  # it may be what ended its last process: no other goes with it
        try:
            if suspect and desk.tasks:
                await asyncio.wait(set(desk.tasks), timeout=ALONE_S)
        except asyncio.CancelledError:
            desk.begin(consumer.hand_back(delivery.entry))
            slots.release()
            raise
        running = desk.begin(handle(consumer, delivery))
        if suspect:
            await asyncio.wait({running})


def _return_unread(consumer: Consumer, desk: Desk, done: asyncio.Future[list[Delivery]]) -> None:
    """What arrived while the process was told to stop goes back at once."""
    if done.cancelled() or done.exception() is not None:
        return
    entries = [delivery.entry for delivery in done.result()]
    if entries:
        desk.begin(consumer.hand_back(*entries))


async def on_backtest(tools: Tools, desk: Desk, consumer: Consumer, delivery: Delivery) -> None:
    """One hint: run, lease, save; the slot is free again while the result is written."""
    slot = _Slot(desk.slots[BACKTESTS])
    work: Work | None = None
    outcome = ""
    try:
        if isinstance(delivery.event, BacktestRequested) and _names_a_row(delivery.event):
            work, outcome = await work_on(tools, desk, delivery, delivery.event, slot.free)
        told = work is not None and outcome in ("completed", "failed")
        await _done(consumer, delivery, work.end if work is not None and told else None)
        if work is not None:
            metrics.ended(outcome)
            usual = outcome == "completed" and work.attempts == 1  # the record and the metrics tell of these
            tell = log.debug if usual else log.info
            tell("backtest.ended", computation=str(work.id), outcome=outcome, attempts=work.attempts)
    except (*LOST, UnavailableError, ValueError, asyncpg.PostgresError) as error:
        log.warning("hint.left", entry=delivery.entry, error=type(error).__name__)
    finally:
        slot.free()


async def work_on(
    tools: Tools, desk: Desk, delivery: Delivery, hint: BacktestRequested, free: Callable[[], None]
) -> tuple[Work | None, str]:
    """(what was worked on, what became of it); (None, "") when there was nothing to do. `free` is called after the run.

    A row that nobody can have begun is run at once; when that takes longer than `EARLY_S`, or its end cannot be written
    into the waiting row, the lease is taken and the run goes on under it.
    """

    async def computed(mine: Work) -> runner.Finished:
        try:
            finished = await runner.compute(tools, mine)
        finally:
            free()
        metrics.ran(mine, finished)
        return finished

    begun = delivery.claimed or delivery.inherited
    early = None if begun else runner.early_work(hint, delivery.entry)
    if early is None:
        work = await run_store.lease(tools, hint, delivery.entry, begun=begun)
        attempt = None if work is None else asyncio.ensure_future(computed(work))
    else:
        attempt = asyncio.ensure_future(computed(early))
        await asyncio.wait({attempt}, timeout=run_store.EARLY_S)
        ran = attempt.done() and attempt.exception() is None
        if ran and await run_store.save_early(tools, early, attempt.result(), hint.request or ""):
            return early, "completed"
        work = await run_store.lease(tools, hint, delivery.entry, early=early)
        if early.goes_on_as(work):
            work = early
        else:
            early.stop = True
            (ended,) = await asyncio.gather(attempt, return_exceptions=True)
            if work is None and isinstance(ended, runner.Finished):
                return early, "fenced"
            attempt = None if work is None else asyncio.ensure_future(computed(work))
    if work is None or attempt is None:
        return None, ""
    desk.works[str(work.id)] = work
    try:
        return work, await run_store.end_of(attempt, tools, work)
    finally:
        desk.works.pop(str(work.id), None)


def _names_a_row(event: BacktestRequested) -> bool:
    try:
        uuid.UUID(event.computation_id)
    except ValueError:
        return False
    return True


async def on_query(tools: Tools, desk: Desk, consumer: Consumer, delivery: Delivery) -> None:
    """One question: answer it, unless nobody waits any more."""
    desk.entries[delivery.entry] = QUERIES
    try:
        if isinstance(delivery.event, QueryRequested):
            await queries.answer(tools, delivery.event)
        await _done(consumer, delivery)
    finally:
        desk.entries.pop(delivery.entry, None)
        desk.slots[QUERIES].release()


async def _done(consumer: Consumer, delivery: Delivery, end: BacktestEnded | None = None) -> None:
    """Announce the end and drop the entry; when the broker is away the api finds the end in the row."""
    for _ in range(3):
        try:
            if end is None:
                await asyncio.shield(consumer.done(delivery.entry))
            else:
                await asyncio.shield(consumer.finish(delivery.entry, end))
        except servers.LOST as error:
            log.warning("entry.not_done", entry=delivery.entry, error=type(error).__name__)
            await asyncio.sleep(0.1)
        else:
            return


class _Slot:
    """A place that is given back once."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots: asyncio.Semaphore | None = slots

    def free(self) -> None:
        """Give it back, if it was not given back before."""
        if self._slots is not None:
            self._slots.release()
            self._slots = None
