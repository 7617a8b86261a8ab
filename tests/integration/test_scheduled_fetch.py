"""The scheduled fetch: loads the new day, its corrections and filings, and never a thin, empty or refused day."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio

from services.preparer.fetching import scheduled
from services.preparer.fetching.daily import DailyFetch, Outcome
from services.preparer.fetching.source import Clock
from services.preparer.loading.load import load_market
from shared.contracts.events import DATASETS, MarketLoaded
from shared.contracts.jobs import FETCH_QUEUE
from shared.infra import arq_jobs
from shared.infra.market_tables import read_days, read_instruments, read_prices
from shared.infra.redis import client as redis_client
from shared.infra.redis.connection import BrokerClient
from shared.model.calendar import SEOUL, to_day
from shared.settings import Settings
from tests.support.data_sources import (
    DART_KEY,
    KRX_KEY,
    DataSources,
    data_sources,
    invented_filings,
    out_block,
)
from tests.unit.preparer.fetching.test_fetch import LAST, Fetched

NEW_DAY = dt.date(2026, 10, 26)
MORNING = dt.datetime(2026, 10, 27, 8, 10, tzinfo=SEOUL)


class Scheduled:
    """A loaded market up to LAST, and scheduled fetches at a time that stands still."""

    def __init__(self, settings: Settings, broker: BrokerClient, server: DataSources, folder: pathlib.Path) -> None:
        self.now = MORNING
        self.server = server
        self.broker = broker
        self.settings = replace(
            settings, krx_key=KRX_KEY, dart_key=DART_KEY, krx_url=f"{server.url}/krx", dart_url=f"{server.url}/dart",
            krx_pace_ms=0, dart_pace_ms=0, fetch_dir=str(folder),
        )  # fmt: skip
        self.daily = DailyFetch(self.settings, broker, folder, Clock(now=lambda: self.now, sleep=self._sleep))

    async def _sleep(self, seconds: float) -> None:
        """Wait no time."""

    async def run(self, job: str = "fetch") -> Outcome:
        return await self.daily.run(job)  # type: ignore[arg-type]

    async def closes(self, day: dt.date) -> dict[str, float]:
        """Return code -> close of a stored day."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            days, instruments = await read_days(connection), await read_instruments(connection)
            prices = await read_prices(connection, days, 0, len(instruments))
        finally:
            await connection.close()
        rows = [row for row, number in enumerate(days) if number == to_day(day)]
        return dict(zip(instruments.code, prices["close"][rows[0]], strict=True)) if rows else {}

    async def fetch_value(self, statement: str) -> object:
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@pytest_asyncio.fixture
async def system(settings: Settings, tmp_path: pathlib.Path) -> AsyncIterator[Scheduled]:
    async with data_sources() as server, redis_client.broker(settings.broker_url or "") as broker:
        server.today = dt.date(2026, 10, 23)
        fetched = Fetched(tmp_path / "market", server)
        await fetched.run()
        await load_market(tmp_path / "market", settings.database_url or "")
        server.calls.clear()
        server.answered.clear()
        yield Scheduled(settings, broker, server, tmp_path / "market")


async def test_new_day_is_loaded_with_ten_calls_at_most(system: Scheduled) -> None:
    assert await system.run() == "loaded"
    assert 0 < system.server.calls.total() <= 10
    assert len(await system.closes(NEW_DAY)) == 42
    calls = system.server.calls.total()
    assert await system.run() == "unchanged"
    assert system.server.calls.total() == calls
    assert await system.fetch_value("select count(*) from data_revision") == 2


async def test_unpublished_day_is_requested_again_each_hour(system: Scheduled) -> None:
    system.server.last_published = LAST
    assert await system.run() == "waiting"
    assert await system.closes(NEW_DAY) == {}
    system.server.last_published = dt.date(2100, 1, 1)
    system.now += dt.timedelta(hours=1)
    assert await system.run() == "loaded"
    assert len(await system.closes(NEW_DAY)) == 42


async def test_nothing_is_fetched_on_a_holiday(system: Scheduled) -> None:
    system.now = dt.datetime(2026, 10, 5, 8, 10, tzinfo=SEOUL)  # a Monday
    assert await scheduled.fetch({"daily": system.daily}) == "holiday"
    assert system.server.calls.total() == 0
    system.now = MORNING
    assert await scheduled.fetch({"daily": system.daily}) == "loaded"


@pytest.mark.parametrize("stocks", [0, 5])
async def test_thin_day_is_never_loaded(system: Scheduled, stocks: int) -> None:
    rows = system.server.price_rows("KOSPI", NEW_DAY)[:stocks]
    system.server.answers["stk_bydd_trd", f"{NEW_DAY:%Y%m%d}"] = lambda: out_block(rows)
    assert await system.run() == "waiting"
    assert await system.closes(NEW_DAY) == {}
    assert await system.fetch_value("select count(*) from data_revision") == 1


async def test_correction_of_the_last_five_days_is_loaded(system: Scheduled) -> None:
    await system.run()
    corrected = dt.date(2026, 10, 21)
    system.server.corrections["900510", corrected] = 21_050
    assert (await system.closes(corrected))["900510"] != 21_050
    system.now += dt.timedelta(hours=11)
    await system.run("filings")
    system.now += dt.timedelta(hours=13)
    await system.run()
    assert (await system.closes(corrected))["900510"] == 21_050


async def test_refused_prices_change_nothing(system: Scheduled) -> None:
    row = system.server.price_rows("KOSPI", NEW_DAY)[0] | {"TDD_HGPRC": "1"}
    rows = [row, *system.server.price_rows("KOSPI", NEW_DAY)[1:]]
    system.server.answers["stk_bydd_trd", f"{NEW_DAY:%Y%m%d}"] = lambda: out_block(rows)
    assert await system.run() == "rejected"
    assert await system.closes(NEW_DAY) == {}


async def test_new_filings_are_loaded(system: Scheduled) -> None:
    filings = invented_filings(system.server.companies[:5], range(2026, 2027))
    system.server.filings = [replace(f, filed_on=dt.date(2026, 10, 26)) for f in filings if f.code == "11012"]
    system.server.today = dt.date(2026, 10, 26)
    system.now = dt.datetime(2026, 10, 26, 19, 10, tzinfo=SEOUL)
    assert await system.run("filings") == "loaded"
    assert await system.fetch_value("select count(*) from statement") == 5
    assert await system.run("filings") == "unchanged"


async def test_stopped_source_is_incomplete(system: Scheduled) -> None:
    system.server.not_approved = {"kospi_dd_trd"}
    assert await system.run() == "incomplete"


async def test_empty_database_is_left_alone(settings: Settings, tmp_path: pathlib.Path) -> None:
    async with data_sources() as server, redis_client.broker(settings.broker_url or "") as broker:
        system = Scheduled(settings, broker, server, tmp_path)
        assert await system.run() == "waiting"
        assert not server.calls


async def test_job_of_the_queue_fetches_and_announces(system: Scheduled) -> None:
    worker = scheduled.build_worker(system.settings, system.daily)
    worker.burst = True
    async with arq_jobs.queue(system.settings.broker_url or "", FETCH_QUEUE) as queue:
        await queue.enqueue_job("fetch")
    try:
        await worker.main()
    finally:
        await arq_jobs.close(worker)
    assert len(await system.closes(NEW_DAY)) == 42
    entries = await system.broker.xrange(f"ondol:{DATASETS}")
    assert MarketLoaded.type in str(entries)


def test_nothing_is_fetched_without_keys_or_folder() -> None:
    assert "no key is set" in str(scheduled.reason_against(Settings()))
    assert "ONDOL_FETCH_DIR" in str(scheduled.reason_against(Settings(krx_key="x")))
    assert "false" in str(scheduled.reason_against(Settings(krx_key="x", fetch_dir="x", fetch_enabled="false")))
    assert scheduled.reason_against(Settings(krx_key="x", fetch_dir="x")) is None


def test_cron_entries_follow_the_timetable() -> None:
    jobs = scheduled.cron_jobs("03:00")
    assert [(job.name, job.hour, job.minute) for job in jobs if "fetch" in job.name] == [
        (f"cron:fetch:{hour:02d}{minute}", hour, minute)
        for hour, minute in ((8, 10), (8, 25), (8, 40), (9, 10), (10, 10), (11, 10), (12, 10))
    ]
    assert sorted(job.hour for job in jobs if "filings" in job.name) == [7, 19]
