"""The simulator: takes computations and queries from their streams, runs them in worker threads, keeps its leases."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import asyncpg
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.simulator import metrics, queries, simulate
from services.simulator.panels import Versions
from services.simulator.reconcile import keep_reconciling
from services.simulator.simulate import Tools, Work
from shared.contracts.events import BACKTESTS, QUERIES, BacktestEnded, BacktestRequested, QueryRequested
from shared.errors import SetupError, UnavailableError
from shared.infra import redis as servers
from shared.infra.cache import cache as open_cache
from shared.infra.lifecycle import Beat, Heartbeat, StopRequested, stop_signal, until
from shared.infra.postgres import LOST, Database, database, is_migrated
from shared.infra.probes import probes
from shared.infra.quick import quick_database
from shared.infra.sql import statements
from shared.infra.streams import Consumer, Delivery
from shared.settings import Settings

log = structlog.get_logger()

SQL = statements("backtest")
GROUP = "simulators"
BEAT_S = 0.4
"""How often leases are renewed; a cancelled row is noticed at the next beat."""
YOUNG_S = 0.3
"""Younger work has a fresh lease and is not renewed yet."""
MOST_TASKS = 16
ALONE_S = 2.0
"""How long an entry that was in other hands waits for what runs here already."""
LEAVE_S = 8.0
"""How long running work may finish after SIGTERM before it is handed back."""


class Desk:
    """What this process works on right now, and the limits of it."""

    def __init__(self, slots: int) -> None:
        self.slots = {BACKTESTS: asyncio.Semaphore(slots), QUERIES: asyncio.Semaphore(1)}
        self.works: dict[str, Work] = {}
        self.entries: dict[str, str] = {}
        """Entries of queries in work: entry -> stream."""
        self.tasks: set[asyncio.Future[None]] = set()
        self.leaving = False

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


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what runs, or hand it back."""
    if not settings.has_servers:
        raise SetupError("A simulator needs ONDOL_DATABASE_URL, ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    name, worker = names(socket.gethostname(), settings.metrics_port, os.getpid())
    async with AsyncExitStack() as stack:
        stop = await stack.enter_async_context(stop_signal())
        record = await stack.enter_async_context(
            quick_database(
                settings.database_url or "",
                name="simulator",
                size=settings.pool_size,
                acquire_timeout_s=settings.acquire_timeout_ms / 1e3,
            )
        )  # fmt: skip
        broker = await stack.enter_async_context(servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or "", cluster=settings.cache_cluster))
        executor = ThreadPoolExecutor(settings.simulator_slots, "run")
        questions = ThreadPoolExecutor(1, "query")
        for pool in (executor, questions):
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        from shared.simulation import run as engine

        versions = Versions(
            directory=settings.panel_dir, budget_bytes=settings.panel_bytes, cache=cache, broker=broker, database=record
        )
        tools = Tools(
            database=record,
            broker=broker,
            cache=cache,
            versions=versions,
            executor=executor,
            questions=questions,
            run=engine,
            worker=worker,
        )
        desk = Desk(settings.simulator_slots)
        checks: dict[str, Callable[[], Awaitable[bool]]] = {
            "postgres": record.answers,
            "broker": partial(servers.answers, broker),
            "cache": cache.answers,
        }
        await stack.enter_async_context(
            probes(
                settings.metrics_host, settings.metrics_port, checks, partial(metrics.exposition, settings.panel_dir)
            )
        )
        while not await is_migrated(record) and not stop.is_set():  # noqa: ASYNC110  another process migrates
            await asyncio.sleep(0.2)
        if settings.metrics_port:
            await _inherit(record, name)
        heart = Heartbeat(partial(heartbeat, settings, desk, name), interval_s=BEAT_S,
                          lost=(*LOST, RedisError, UnavailableError, SetupError, asyncpg.PostgresError))  # fmt: skip
        stack.enter_context(heart)
        handlers: dict[str, Callable[[Consumer, Delivery], Awaitable[None]]] = {
            BACKTESTS: partial(_backtest, tools, desk),
            QUERIES: partial(_query, tools, desk),
        }
        log.info("simulator.ready", worker=worker, slots=settings.simulator_slots)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(until(stop))
                group.create_task(versions.follow())
                group.create_task(keep_reconciling(record, broker, GROUP))
                group.create_task(_while_it_beats(heart))
                for stream, handler in handlers.items():
                    consumer = Consumer(broker, stream, GROUP, name, lease_ms=int(simulate.LEASE_S * 1000))
                    group.create_task(consume(consumer, desk, desk.slots[stream], handler))
        except* StopRequested:
            pass
        await _leave(desk)


def names(host: str, metrics_port: int, process: int) -> tuple[str, str]:
    """(name in the streams, name in the rows) of a simulator.

    The first one stays the same over restarts: two living simulators of a host cannot listen on one port. Who starts
    again therefore takes up what was delivered to its predecessor, instead of leaving it until the leases run out.
    """
    if not metrics_port:
        return f"{host}-{process}", f"{host}-{process}"
    return f"{host}-{metrics_port}", f"{host}-{metrics_port}-{process}"


async def _inherit(record: Database, name: str) -> None:
    """End the leases of processes of this name: whoever listens on their port now is their successor."""
    try:
        async with record.connection() as connection:
            rows = await connection.fetch(SQL["inherit"], name + "-")
    except (*LOST, UnavailableError) as error:  # then they run out by themselves
        log.warning("record.lost", error=type(error).__name__)
    else:
        if rows:
            log.info("leases.inherited", rows=len(rows))


async def _while_it_beats(heart: Heartbeat) -> None:
    """Task: a simulator whose leases are not renewed any more is of no use; it ends and is started again."""
    while heart.alive:  # noqa: ASYNC110  a thread cannot set an event of this loop when it dies
        await asyncio.sleep(1.0)
    raise UnavailableError("The heartbeat has ended.")


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


async def _backtest(tools: Tools, desk: Desk, consumer: Consumer, delivery: Delivery) -> None:
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

    async def computed(mine: Work) -> simulate.Finished:
        try:
            finished = await simulate.compute(tools, mine)
        finally:
            free()
        metrics.ran(mine, finished)
        return finished

    begun = delivery.claimed or delivery.inherited
    early = None if begun else simulate.early_work(hint, delivery.entry)
    if early is None:
        work = await simulate.lease(tools, hint, delivery.entry, begun=begun)
        attempt = None if work is None else asyncio.ensure_future(computed(work))
    else:
        attempt = asyncio.ensure_future(computed(early))
        await asyncio.wait({attempt}, timeout=simulate.EARLY_S)
        ran = attempt.done() and attempt.exception() is None
        if ran and await simulate.save_early(tools, early, attempt.result(), hint.request or ""):
            return early, "completed"
        work = await simulate.lease(tools, hint, delivery.entry, early=early)
        if early.goes_on_as(work):
            work = early
        else:
            early.stop = True
            (ended,) = await asyncio.gather(attempt, return_exceptions=True)
            if work is None and isinstance(ended, simulate.Finished):
                return early, "fenced"
            attempt = None if work is None else asyncio.ensure_future(computed(work))
    if work is None or attempt is None:
        return None, ""
    desk.works[str(work.id)] = work
    try:
        return work, await simulate.end_of(attempt, tools, work)
    finally:
        desk.works.pop(str(work.id), None)


def _names_a_row(event: BacktestRequested) -> bool:
    try:
        uuid.UUID(event.computation_id)
    except ValueError:
        return False
    return True


async def _query(tools: Tools, desk: Desk, consumer: Consumer, delivery: Delivery) -> None:
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


@asynccontextmanager
async def heartbeat(settings: Settings, desk: Desk, name: str) -> AsyncIterator[Beat]:
    """Connections of the heartbeat thread, and its beat: renew rows and entries, stop what is not ours any more."""
    broker: Redis = servers.client(settings.broker_url or "")
    lease_ms = int(simulate.LEASE_S * 1000)
    streams = {stream: Consumer(broker, stream, GROUP, name, lease_ms=lease_ms) for stream in (BACKTESTS, QUERIES)}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(broker.aclose)
        record = await stack.enter_async_context(
            database(settings.database_url or "", size=1, acquire_timeout_s=settings.acquire_timeout_ms / 1e3)
        )

        async def beat() -> None:
            works = [work for work in desk.works.values() if time.monotonic() - work.began >= YOUNG_S]
            for work in works:
                values = (work.id, work.lease, simulate.LEASE_S, work.progress, work.status)
                async with record.connection() as connection:
                    if await connection.fetchval(SQL["renew"], *values) is None:
                        work.stop = True
            asked = list(desk.entries)
            try:
                if works:
                    await streams[BACKTESTS].renew(*(work.entry for work in works))
                if asked:
                    await streams[QUERIES].renew(*asked)
            except servers.LOST as error:  # the leases that count are the rows'
                log.warning("stream.lost", error=type(error).__name__)

        yield beat


async def _leave(desk: Desk) -> None:
    """Let running work end; what does not end in time is stopped and handed back."""
    desk.leaving = True
    if desk.tasks:
        await asyncio.wait(desk.tasks, timeout=LEAVE_S)
    for work in desk.works.values():
        work.leaving = work.stop = True
    if desk.tasks:
        await asyncio.wait(desk.tasks, timeout=4.0)
    log.info("simulator.left", unfinished=len(desk.tasks))
