"""The arq worker of the warmer: its jobs and its cron entries in Seoul's time."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any, Final

import structlog
from arq.cron import CronJob, cron
from arq.typing import WorkerCoroutine
from arq.worker import Worker
from redis.exceptions import RedisError

from services.warmer import daily_selection, dataset, paper_accounts, retention, scheduler, warm_run, webhook_deliveries
from services.warmer.phases import WarmContext
from shared.contracts.events import DatasetRequested
from shared.contracts.jobs import WARM_QUEUE
from shared.infra import arq_jobs
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.jobs import jobs_by_name

log = structlog.get_logger()

JOB_S: Final = 6 * 3600
TRIES: Final = 100
CRON_TRIES: Final = 5
CLOSE_S: Final = 8.0


async def warm(ctx: dict[str, Any], run_id: int) -> str | None:
    """Continue a run; does nothing when another warmer leases it."""
    return await warm_run.execute(ctx["context"], run_id)


async def select_daily(ctx: dict[str, Any], day: str) -> int:
    """Store the selections of a day that are missing, or from an earlier version before the open."""
    context: WarmContext = ctx["context"]
    now = await scheduler.database_clock(context.database)()
    return await daily_selection.store_selections(context, dt.date.fromisoformat(day), now)


async def step_accounts(ctx: dict[str, Any]) -> int:
    """Step the paper accounts that are due; return how many succeeded."""
    context: WarmContext = ctx["context"]
    return await paper_accounts.step_due(context, await scheduler.database_clock(context.database)())


async def deliver_webhooks(ctx: dict[str, Any]) -> int:
    """Send the deliveries of webhooks that are due; return how many were accepted."""
    return await webhook_deliveries.deliver_due(ctx["context"])


async def refresh(ctx: dict[str, Any]) -> bool:
    """Hourly: request a dataset version of a data revision that has none."""
    context: WarmContext = ctx["context"]
    if await dataset.is_prepared(context.database):
        return False
    await asyncio.shield(append(context.broker, DatasetRequested()))
    log.info("dataset.requested")
    return True


async def purge(ctx: dict[str, Any]) -> int:
    """Nightly: delete expired results, sweeps, factor reports and opening quotes; return how many results."""
    context: WarmContext = ctx["context"]
    now = await scheduler.database_clock(context.database)()
    await retention.purge_sweeps(context.database, context.settings, now)
    await retention.purge_factor_reports(context.database, context.settings, now)
    await retention.purge_quotes(context.database, context.settings, now)
    await retention.purge_stored_bytes(context.database)
    return (await retention.purge(context.database, context.settings, now)).computations


async def enqueue_due(ctx: dict[str, Any]) -> None:
    """At the scheduled times: enqueue what is due, as `CatchUp` does between them."""
    context: WarmContext = ctx["context"]
    async with arq_jobs.queue(context.settings.broker_url or "", WARM_QUEUE) as queue:
        await scheduler.enqueue_due(context, queue, scheduler.database_clock(context.database))


def build_worker(context: WarmContext) -> Worker:
    """Return the arq worker with its jobs and cron entries."""
    jobs = jobs_by_name(context.settings)

    def entry(name: str, function: WorkerCoroutine) -> CronJob:
        at = jobs[name].at
        hour, minute = (None, 0) if at is None else (at.hour, at.minute)  # without a time: every hour
        return cron(function, name=f"cron:{name}", hour=hour, minute=minute, max_tries=CRON_TRIES, keep_result=0)

    entries = [entry("picks", enqueue_due), entry("refresh", refresh), entry("purge", purge)]
    if context.settings.warm_enabled:
        entries.append(entry("warm", enqueue_due))
    if context.settings.paper_trading_enabled:
        entries += [entry(name, enqueue_due) for name in ("paper_data", "paper_orders", "paper_open")]
    functions: list[arq_jobs.Job] = [
        warm, select_daily, step_accounts, deliver_webhooks, refresh, enqueue_due, purge,
    ]  # fmt: skip
    return arq_jobs.worker(
        context.settings.broker_url or "", WARM_QUEUE, functions, entries, context={"context": context},
        timeout_s=JOB_S, tries=TRIES,
    )  # fmt: skip


async def run_worker(context: WarmContext) -> None:
    """Task: run the arq worker; create a new one when the broker was lost for too long."""
    while True:
        worker = build_worker(context)
        try:
            await worker.async_run()
        except (*LOST, RedisError) as error:  # also a broker that refuses writes
            log.warning("broker.disconnected", error=type(error).__name__)
        finally:
            await arq_jobs.close(worker, CLOSE_S)
        await asyncio.sleep(0.5)
