"""The arq worker of the scheduled fetches, in Seoul's time; without keys there is none."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Any, Final

import structlog
from arq.cron import CronJob, cron
from arq.typing import WorkerCoroutine
from arq.worker import Worker

from services.preparer.fetching.daily import DailyFetch
from shared.contracts.jobs import FETCH_QUEUE
from shared.contracts.schedule import timetable
from shared.infra import arq_jobs
from shared.infra.redis.client import LOST
from shared.infra.redis.connection import BrokerClient
from shared.market.holidays import is_trading_day
from shared.model.calendar import to_day
from shared.settings import Settings

log = structlog.get_logger()

JOB_S: Final = 4 * 3600
TRIES: Final = 3


async def fetch(ctx: dict[str, Any]) -> str:
    """At each of its times: fetch and load the prices of the last trading day; nothing on a holiday."""
    daily: DailyFetch = ctx["daily"]
    if not is_trading_day(to_day(daily.today())):
        return "holiday"
    return await daily.run("fetch")


async def filings(ctx: dict[str, Any]) -> str:
    """At each of its times: fetch and load filings, dividends and corrected prices."""
    daily: DailyFetch = ctx["daily"]
    return await daily.run("filings")


def cron_jobs(warm_at: str) -> list[CronJob]:
    """Return the cron entries of the timetable; `warm_at` is the setting ONDOL_WARM_AT."""
    functions: dict[str, WorkerCoroutine] = {"fetch": fetch, "filings": filings}
    return [
        cron(
            functions[job.name], name=f"cron:{job.name}:{at:%H%M}", hour=at.hour, minute=at.minute,
            weekday={0, 1, 2, 3, 4} if job.trading_days_only else None, max_tries=TRIES, keep_result=0,
            timeout=JOB_S,
        )
        for job in timetable(warm_at)
        if job.name in functions
        for at in job.times
    ]  # fmt: skip


def build_worker(settings: Settings, daily: DailyFetch) -> Worker:
    """Return the arq worker: one job at a time."""
    return arq_jobs.worker(
        settings.broker_url or "", FETCH_QUEUE, [fetch, filings], cron_jobs(settings.warm_at),
        context={"daily": daily}, max_jobs=1, timeout_s=JOB_S, tries=TRIES,
    )  # fmt: skip


def reason_against(settings: Settings) -> str | None:
    """Return why nothing is fetched by itself, None when it is."""
    if settings.fetch_enabled == "false":
        return "ONDOL_FETCH_ENABLED is false"
    if not settings.source_keys:
        return "no key is set (ONDOL_KRX_KEY, ONDOL_DART_KEY)"
    return "ONDOL_FETCH_DIR is not set" if settings.fetch_dir is None else None


async def run(settings: Settings, broker: BrokerClient) -> None:
    """Task: fetch at the times of the timetable; end at once, with a log line, when there are no keys or no folder."""
    reason = reason_against(settings)
    if reason is not None or settings.fetch_dir is None:
        log.info("fetching.disabled", reason=reason)
        return
    directory = pathlib.Path(settings.fetch_dir)
    daily = DailyFetch(settings, broker, directory)
    daily.restore_metrics()
    log.info("fetching.enabled", folder=str(directory), keys=settings.source_keys)
    while True:
        worker = build_worker(settings, daily)
        try:
            await worker.async_run()
        except LOST as error:
            log.warning("broker.disconnected", error=type(error).__name__)
        finally:
            await arq_jobs.close(worker)
        await asyncio.sleep(0.5)
