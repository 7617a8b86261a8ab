"""Process long work: runs and analyses that PostgreSQL chooses by share, one at a time beside what is short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import structlog

from services.simulator import metrics, queries, queue_store, run_store, runner
from services.simulator.consumer import InFlight, SlotGuard, acknowledge, has_valid_id
from services.simulator.job import Context, Job
from services.simulator.outcome import Completed, Ending, outcome_of
from services.simulator.queue_store import Analysis
from shared.contracts.events import LONG_RUNS, BacktestRequested, LongRunRequested
from shared.errors import CancelledRunError, UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis import client as redis_client
from shared.infra.redis.streams import Consumer, Delivery

log = structlog.get_logger()


async def handle_long(context: Context, in_flight: InFlight, consumer: Consumer, delivery: Delivery) -> None:
    """Process one message that long work waits: the run or analysis that is next by the shares."""
    slot = SlotGuard(in_flight.slots[LONG_RUNS])
    if (task := asyncio.current_task()) is not None:
        in_flight.long_tasks.add(task)
    try:
        if not isinstance(delivery.event, LongRunRequested):
            await acknowledge(consumer, delivery)
            return
        work = await _long_work(context, delivery, delivery.event)
        if isinstance(work, Analysis):
            await _answer(context, in_flight, work)
        event, ending = None, None
        if isinstance(work, Job):
            ending = await _run_long(context, in_flight, work, slot.release)
            event = work.ended_event if ending in ("completed", "failed") else None
        await acknowledge(consumer, delivery, event)
        if isinstance(work, Job) and ending is not None:
            metrics.ended(ending)
            log.info("backtest.ended", computation_id=str(work.id), outcome=ending, attempts=work.attempts)
    except (*LOST, *redis_client.LOST, UnavailableError, ValueError, asyncpg.PostgresError) as error:
        log.warning("job.abandoned", entry=delivery.entry, error=type(error).__name__)
    finally:
        slot.release()


async def _long_work(context: Context, delivery: Delivery, event: LongRunRequested) -> Job | Analysis | None:
    work: Job | Analysis | None = None
    if delivery.redelivered and has_valid_id(event):
        own = BacktestRequested(computation_id=event.computation_id)
        work = await run_store.acquire_lease(context, own, delivery.entry, redelivered=True)
    return work or await queue_store.acquire_next(context, delivery.entry, long=True)


async def _run_long(
    context: Context, in_flight: InFlight, job: Job, release_slot: Callable[[], None]
) -> Ending:  # fmt: skip
    in_flight.jobs[str(job.id)] = job
    try:
        outcome = await outcome_of(runner.compute(context, job), job)
        release_slot()
        if isinstance(outcome, Completed):
            metrics.observe_run(job, outcome.result)
        return await run_store.store_outcome(context, job, outcome)
    finally:
        in_flight.jobs.pop(str(job.id), None)


async def _answer(context: Context, in_flight: InFlight, analysis: Analysis) -> None:
    metrics.analysis_started(analysis)
    in_flight.analyses.append(analysis)
    try:
        await queries.answer(context, analysis.query, context.long_pool, analysis.is_stopped)
    except CancelledRunError:
        await queue_store.release_analysis(context, analysis)
    else:
        await queue_store.delete_analysis(context, analysis)
    finally:
        in_flight.analyses.remove(analysis)
