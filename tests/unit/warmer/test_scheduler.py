"""The schedule of the warmer: one run per night, independent of the clocks of the warmers."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from services.warmer.daily_selection import due_day
from services.warmer.scheduler import database_clock, due_date, insert_nightly_run, insert_startup_run
from shared.contracts.schedule import timetable
from shared.infra.database.pool import Database, database
from shared.model.calendar import SEOUL
from shared.settings import Settings

WARM, PICKS, REFRESH, PURGE, FETCH, FILINGS, *PAPER = timetable("03:00")


def seoul(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SEOUL)


@pytest.fixture(params=["America/New_York", pytest.param("UTC", marks=pytest.mark.slow)])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest_asyncio.fixture
async def store(settings: Settings) -> AsyncIterator[Database]:
    assert settings.database_url is not None
    async with database(settings.database_url, size=3) as found:
        async with found.connection() as connection:
            await connection.execute("insert into data_revision (source, rows) values ('test', 1)")
        yield found


async def end_all(store: Database) -> None:
    async with store.connection() as connection:
        await connection.execute("update warm_run set status = 'completed'")


async def nights(store: Database) -> list[tuple[dt.date, str]]:
    async with store.connection() as connection:
        rows = await connection.fetch(
            "select scheduled_date, trigger from warm_run where scheduled_date is not null order by scheduled_date"
        )
    return [(row["scheduled_date"], row["trigger"]) for row in rows]


async def insert_night(store: Database, night: str) -> None:
    async with store.connection() as connection:
        await connection.execute(
            "insert into warm_run (scheduled_date, trigger, phases, status)"
            " values ($1, 'nightly', '{prices}', 'completed')",
            dt.date.fromisoformat(night),
        )


async def test_three_warmers_run_once_a_night_for_a_year(store: Database, zone: str) -> None:
    """Three warmers poll concurrently around the due time; PostgreSQL's clock decides."""
    await insert_night(store, "2024-12-31")
    begun: list[dt.datetime] = []
    first = seoul("2025-01-01T03:00:00")
    for number in range(365):
        due = (first + dt.timedelta(days=number)).astimezone(dt.UTC)
        for seconds in (-90, 0, 90):
            now = due + dt.timedelta(seconds=seconds)
            made = await asyncio.gather(*(insert_nightly_run(store, WARM, now) for _ in range(3)))
            begun += [now for run in made if run is not None]
            if any(made):
                await end_all(store)
    found = (await nights(store))[1:]
    assert [night for night, _ in found] == [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(365)]
    assert {trigger for _, trigger in found} == {"nightly"}
    assert begun == [dt.datetime.combine(night, dt.time(3), SEOUL) for night, _ in found]


async def test_missed_run_is_caught_up_once(store: Database) -> None:
    await insert_night(store, "2025-03-01")
    assert await insert_nightly_run(store, WARM, seoul("2025-03-02T02:55:00")) is None
    assert await insert_nightly_run(store, WARM, seoul("2025-03-02T03:20:00")) is not None
    await end_all(store)
    assert await insert_nightly_run(store, WARM, seoul("2025-03-02T03:21:00")) is None
    assert await nights(store) == [(dt.date(2025, 3, 1), "nightly"), (dt.date(2025, 3, 2), "catch_up")]


async def test_nightly_run_waits_for_an_open_run(store: Database) -> None:
    await insert_night(store, "2025-02-28")
    async with store.connection() as connection:
        await connection.execute("insert into warm_run (trigger, phases) values ('hand', '{prices}')")
    assert await insert_nightly_run(store, WARM, seoul("2025-03-01T03:00:05")) is None
    await end_all(store)
    assert await insert_nightly_run(store, WARM, seoul("2025-03-01T03:01:05")) is not None


async def test_nightly_run_needs_market_data(settings: Settings) -> None:
    assert settings.database_url is not None
    async with database(settings.database_url, size=1) as empty:
        assert await insert_nightly_run(empty, WARM, seoul("2025-03-01T03:00:05")) is None


async def test_cold_version_is_warmed_once_at_start_up(store: Database) -> None:
    assert await insert_startup_run(store, None) is None
    assert await insert_startup_run(store, "v1") is not None
    assert await insert_startup_run(store, "v1") is None
    async with store.connection() as connection:
        await connection.execute("update warm_run set status = 'completed', dataset_version = 'v1'")
    assert await insert_startup_run(store, "v1") is None
    assert await insert_startup_run(store, "v2") is not None


async def test_database_clock_has_a_time_zone(store: Database) -> None:
    assert (await database_clock(store)()).tzinfo is not None


def test_due_date_is_the_date_in_seoul() -> None:
    assert due_date(WARM, dt.datetime(2025, 1, 1, 18, 0, 1, tzinfo=dt.UTC)) == (dt.date(2025, 1, 2), "nightly")
    assert due_date(WARM, dt.datetime(2025, 1, 1, 17, 59, 59, tzinfo=dt.UTC)) == (dt.date(2025, 1, 1), "catch_up")


def test_selections_are_due_on_trading_days_from_seven() -> None:
    assert due_day(PICKS, seoul("2025-12-30T07:00:00")) == dt.date(2025, 12, 30)
    assert due_day(PICKS, seoul("2025-12-30T06:59:00")) is None
    assert due_day(PICKS, seoul("2025-12-31T09:00:00")) is None
    assert due_day(PICKS, seoul("2026-06-03T09:00:00")) is None


def test_paper_accounts_have_three_times_on_trading_days() -> None:
    now = seoul("2025-12-30T08:00:00")
    nexts = [job.next_run(now) for job in PAPER]
    assert nexts == [seoul("2026-01-02T06:30:00"), seoul("2026-01-02T07:00:00"), seoul("2025-12-30T09:00:00")]


def test_jobs_report_their_next_run() -> None:
    now = seoul("2025-12-30T12:34:00")
    assert WARM.next_run(now) == seoul("2025-12-31T03:00:00")
    assert REFRESH.next_run(now) == seoul("2025-12-30T13:00:00")
    assert PURGE.next_run(now) == seoul("2025-12-31T04:30:00")
    assert PICKS.next_run(now) == seoul("2026-01-02T07:00:00")
    assert FETCH.next_run(now) == seoul("2026-01-02T08:10:00")
    assert FETCH.next_run(seoul("2025-12-30T08:10:00")) == seoul("2025-12-30T08:25:00")
    assert FETCH.next_run(seoul("2025-12-30T09:10:00")) == seoul("2025-12-30T10:10:00")
    assert FILINGS.next_run(now) == seoul("2025-12-30T19:10:00")
    assert timetable("02:30")[0].next_run(now) == seoul("2025-12-31T02:30:00")
    assert [job.describe() for job in timetable("03:00")] == [
        "daily at 03:00 Asia/Seoul", "trading days at 07:00 Asia/Seoul", "hourly", "daily at 04:30 Asia/Seoul",
        "trading days at 08:10, 08:25, 08:40, 09:10, 10:10, 11:10, 12:10 Asia/Seoul",
        "daily at 07:10, 19:10 Asia/Seoul",
        *(f"trading days at {at} Asia/Seoul" for at in ("06:30", "07:00", "09:00")),
    ]  # fmt: skip
