"""Consume the streams of a simulator: read an entry when a slot is free, process it, acknowledge it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import asyncpg
import structlog
from redis.exceptions import RedisError

from services.simulator import metrics, optimistic, queries, queue_store, run_store, runner
from services.simulator.job import Context, Job
from services.simulator.optimistic import Attempt
from services.simulator.outcome import Ending, RunResult, outcome_of
from services.simulator.queue_store import Analysis
from services.simulator.short_work import ShortWork
from services.simulator.sweep_store import PartJob
from shared.contracts.events import (
    BACKTESTS,
    LONG_RUNS,
    QUERIES,
    BacktestEnded,
    BacktestRequested,
    LongRunRequested,
    QueryRequested,
)
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis import client as redis_client
from shared.infra.redis.streams import Consumer, Delivery

log = structlog.get_logger()

MAX_TASKS = 16
EXCLUSIVE_WAIT_S = 2.0
"""How long a redelivered entry waits for the jobs that already run here."""


class InFlight:
    """The jobs, queries and tasks of this process, and the slots that limit them."""

    def __init__(self, slots: int, short_work: ShortWork) -> None:
        self._short_work = short_work
        self.slots = {
            BACKTESTS: asyncio.Semaphore(slots), LONG_RUNS: asyncio.Semaphore(1), QUERIES: asyncio.Semaphore(1),
        }  # fmt: skip
        self.jobs: dict[str, Job] = {}
        self.unleased: set[uuid.UUID] = set()
        """Jobs that run here without a lease."""
        self.analyses: list[Analysis] = []
        self.query_entries: set[str] = set()
        self.tasks: set[asyncio.Future[None]] = set()
        self.long_tasks: set[asyncio.Future[None]] = set()
        """Those of `tasks` that process long work."""
        self.parts: list[PartJob] = []
        """Parts of sweeps, which yield to short backtests and queries."""
        self.part_tasks: set[asyncio.Future[None]] = set()

    @property
    def is_urgent(self) -> bool:
        """Whether something short is processed here, or was a moment ago by any simulator of this host."""
        return len(self.tasks) > len(self.long_tasks) or self._short_work.is_recent()

    def start(self, work: Awaitable[None]) -> asyncio.Future[None]:
        """Start a task that runs to its end beside the consumers; an unexpected error is logged."""
        task = asyncio.ensure_future(work)
        self._short_work.note()
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Future[None]) -> None:
        if task not in self.long_tasks:
            self._short_work.note()
        self.tasks.discard(task)
        self.long_tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task.crashed", exc_info=error)


async def consume(
    consumer: Consumer, in_flight: InFlight, slots: asyncio.Semaphore,
    handle: Callable[[Consumer, Delivery], Awaitable[None]],
) -> None:  # fmt: skip
    """Task: read an entry whenever a slot is free. A read in flight is never cancelled: its reply may hold an entry."""
    while True:
        while len(in_flight.tasks) >= MAX_TASKS:  # results that wait to be written delay new work
            await asyncio.wait(set(in_flight.tasks), return_when=asyncio.FIRST_COMPLETED)
        await slots.acquire()
        reading = asyncio.ensure_future(consumer.read())
        try:
            deliveries = await asyncio.shield(reading)
        except asyncio.CancelledError:
            reading.add_done_callback(lambda done: _release_unread(consumer, in_flight, done))
            slots.release()
            raise
        except (*redis_client.LOST, RedisError) as error:
            log.warning("broker.disconnected", error=type(error).__name__)
            slots.release()
            await asyncio.sleep(0.2)
            continue
        if not deliveries:
            slots.release()
            continue
        delivery = deliveries[0]
        # Redelivered entries may have crashed the previous worker; run them alone.
        try:
            if delivery.redelivered and in_flight.tasks:
                await asyncio.wait(set(in_flight.tasks), timeout=EXCLUSIVE_WAIT_S)
        except asyncio.CancelledError:
            in_flight.start(consumer.release(delivery.entry))
            slots.release()
            raise
        running = in_flight.start(handle(consumer, delivery))
        if delivery.redelivered:
            await asyncio.wait({running})


def _release_unread(consumer: Consumer, in_flight: InFlight, done: asyncio.Future[list[Delivery]]) -> None:
    """Release the entries that were delivered while the process was stopping."""
    if done.cancelled() or done.exception() is not None:
        return
    entries = [delivery.entry for delivery in done.result()]
    if entries:
        in_flight.start(consumer.release(*entries))


async def handle_backtest(context: Context, in_flight: InFlight, consumer: Consumer, delivery: Delivery) -> None:
    """Process one backtest message; its slot is free again while the result is written."""
    slot = SlotGuard(in_flight.slots[BACKTESTS])
    job: Job | None = None
    ending: Ending | None = None
    try:
        if isinstance(delivery.event, BacktestRequested) and has_valid_id(delivery.event):
            job, ending = await process(context, in_flight, delivery, delivery.event, slot.release)
        publish = job is not None and ending in ("completed", "failed")
        await acknowledge(consumer, delivery, job.ended_event if job is not None and publish else None)
        if job is not None and ending is not None:
            metrics.ended(ending)
            usual = ending == "completed" and job.attempts == 1  # these are counted in metrics and need no log line
            write = log.debug if usual else log.info
            write("backtest.ended", computation_id=str(job.id), outcome=ending, attempts=job.attempts)
    except (*LOST, UnavailableError, ValueError, asyncpg.PostgresError) as error:
        log.warning("job.abandoned", entry=delivery.entry, error=type(error).__name__)
    finally:
        slot.release()


async def process(
    context: Context, in_flight: InFlight, delivery: Delivery, message: BacktestRequested,
    release_slot: Callable[[], None],
) -> tuple[Job | None, Ending | None]:  # fmt: skip
    """Run a job and store its outcome; (None, None) when there was nothing to do.

    `release_slot` is called after the computation, before the outcome is stored. The job is that of the message when no
    other work waited, or when its row is next by the shares; otherwise it is the one that is next.
    """
    own = uuid.UUID(message.computation_id)

    async def computed(job: Job) -> RunResult:
        try:
            result = await runner.compute(context, job)
        finally:
            release_slot()
        metrics.observe_run(job, result)
        return result

    async def next_waiting(preferred: uuid.UUID | None) -> Attempt | None:
        job = await queue_store.acquire_next(
            context, delivery.entry, long=False, preferred=preferred, running=in_flight.unleased
        )
        return Attempt(job=job, running=asyncio.ensure_future(computed(job))) if isinstance(job, Job) else None

    attempt = None
    if delivery.queued and not delivery.redelivered:
        attempt = await next_waiting(own)
    if attempt is None and not delivery.redelivered and delivery.sealed:  # else the row says what is to be run
        in_flight.unleased.add(own)
        try:
            attempt = await optimistic.start(context, message, delivery.entry, computed)
        finally:
            in_flight.unleased.discard(own)
        if attempt is not None and attempt.running is None and attempt.ending != "completed":
            attempt = await next_waiting(None) or attempt  # another message stood for this row
    if attempt is None:
        job = await run_store.acquire_lease(context, message, delivery.entry, redelivered=delivery.redelivered)
        attempt = Attempt(job=job, running=None if job is None else asyncio.ensure_future(computed(job)))
    job, running = attempt.job, attempt.running
    if job is None or running is None:
        return job, attempt.ending
    in_flight.jobs[str(job.id)] = job
    try:
        return job, await run_store.store_outcome(context, job, await outcome_of(running, job))
    finally:
        in_flight.jobs.pop(str(job.id), None)


def has_valid_id(event: BacktestRequested | LongRunRequested) -> bool:
    """Return whether the message names a computation."""
    try:
        uuid.UUID(event.computation_id)
    except ValueError:
        return False
    return True


async def handle_query(context: Context, in_flight: InFlight, consumer: Consumer, delivery: Delivery) -> None:
    """Process one query message; `queries.answer` drops it when its deadline has passed."""
    in_flight.query_entries.add(delivery.entry)
    try:
        if isinstance(delivery.event, QueryRequested):
            await queries.answer(context, delivery.event, context.query_pool)
        await acknowledge(consumer, delivery)
    finally:
        in_flight.query_entries.discard(delivery.entry)
        in_flight.slots[QUERIES].release()


async def acknowledge(consumer: Consumer, delivery: Delivery, event: BacktestEnded | None = None) -> None:
    """Publish the event and delete the entry; while the broker is lost the API reads the outcome from the row."""
    for _ in range(3):
        try:
            if event is None:
                await asyncio.shield(consumer.ack(delivery.entry))
            else:
                await asyncio.shield(consumer.ack_with(delivery.entry, event))
        except redis_client.LOST as error:
            log.warning("entry.unacknowledged", entry=delivery.entry, error=type(error).__name__)
            await asyncio.sleep(0.1)
        else:
            return


class SlotGuard:
    """A slot of a semaphore that is released once."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots: asyncio.Semaphore | None = slots

    def release(self) -> None:
        """Release the slot; later calls do nothing."""
        if self._slots is not None:
            self._slots.release()
            self._slots = None
