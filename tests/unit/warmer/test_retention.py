"""Which results are forgotten, on a clock that the test hands in and a real record."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from services.warmer import jobs, service
from services.warmer.retention import Purged, purge
from shared.infra.database.pool import Database, database
from shared.settings import Settings

NOW = dt.datetime(2026, 3, 1, 19, 30, tzinfo=dt.UTC)
SETTINGS = Settings()


def ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


@pytest_asyncio.fixture
async def record(settings: Settings) -> AsyncIterator[Database]:
    async with database(settings.database_url or "", size=4) as found:
        yield found


async def computed(
    record: Database, days: float | None, *, version: str = "old", status: str = "completed", result: bytes = b"result"
) -> uuid.UUID:
    """A computation that ended so many days before NOW."""
    name = uuid.uuid4()
    async with record.connection() as connection:
        await connection.execute(
            "insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request,"
            " status, result, finished_at, created_at) values ($1, $2, $3, 'e', 'r', '{}', $4, $5, $6, $7)",
            name, name.hex, version, status, result, None if days is None else ago(days), ago(days or 0),
        )  # fmt: skip
    return name


async def pointed(
    record: Database, computation: uuid.UUID, days: float, *, origin: str = "user", cancelled: bool = False
) -> uuid.UUID:
    """A row that points to a computation, made so many days before NOW."""
    name = uuid.uuid4()
    async with record.connection() as connection:
        await connection.execute(
            "insert into backtest (id, owner, computation, request, request_digest, origin, created_at, cancelled_at)"
            " values ($1, 'local', $2, '{}', 'd', $3, $4, $5)",
            name, computation, origin, ago(days), ago(days) if cancelled else None,
        )  # fmt: skip
    return name


async def left(record: Database) -> set[Any]:
    async with record.connection() as connection:
        rows = await connection.fetch("select id from computation union all select id from backtest")
    return {row["id"] for row in rows}


async def test_only_warmer_results_expire_after_their_days(
    record: Database,
) -> None:
    warm, fresh, users, both, bare, late = [await computed(record, days) for days in (91, 89, 500, 500, 91, 500)]
    gone = {
        warm,
        bare,
        await pointed(record, warm, 91, origin="warmer"),
        await pointed(record, warm, 91, origin="verify"),
    }
    kept = {fresh, users, both, late, await pointed(record, fresh, 89, origin="warmer")}
    kept |= {
        await pointed(record, users, 500),
        await pointed(record, both, 500),
        await pointed(record, late, 1, origin="verify"),
    }
    kept |= {await pointed(record, both, 500, origin="warmer")}
    assert await left(record) == gone | kept
    assert await purge(record, SETTINGS, NOW) == Purged(computations=2, rows=2, bytes=12)
    assert await left(record) == kept
    assert await purge(record, SETTINGS, NOW) == Purged()


async def test_cancelled_backtest_retains_no_result(record: Database) -> None:
    old = await computed(record, 91, status="cancelled")
    await pointed(record, old, 91, cancelled=True)
    assert await purge(record, SETTINGS, NOW) == Purged(computations=1, rows=1, bytes=6)


async def test_user_results_expire_after_their_last_backtest(record: Database) -> None:
    settings = replace(SETTINGS, result_retention_days=0, user_result_retention_days=30)
    old, asked_again, warm = [await computed(record, days) for days in (31, 31, 500)]
    rows = [
        await pointed(record, old, 31),
        await pointed(record, asked_again, 31),
        await pointed(record, asked_again, 2),
    ]
    rows.append(await pointed(record, warm, 500, origin="warmer"))
    bare = await computed(record, 500)
    assert await purge(record, settings, NOW) == Purged(computations=1, rows=1, bytes=6)
    assert await left(record) == {asked_again, warm, bare, *rows[1:]}


async def test_zero_days_retain_without_limit(record: Database) -> None:
    kept = {await computed(record, 5000)}
    assert (
        await purge(record, replace(SETTINGS, result_retention_days=0, user_result_retention_days=0), NOW) == Purged()
    )
    assert await left(record) == kept


async def test_unfinished_and_current_results_are_retained(record: Database) -> None:
    async with record.transaction() as connection:
        await connection.execute(
            "insert into dataset_version (version, revision, manifest, about, summary, parts)"
            " values ('now', 1, '', '', '', '{}')"
        )
        await connection.execute("update dataset_current set version = 'now', revision = 1")
    kept = {await computed(record, 500, version="now"), await computed(record, None, status="running")}
    await computed(record, 500, version="before")
    assert (await purge(record, SETTINGS, NOW)).computations == 1
    assert await left(record) == kept


async def test_backlog_is_purged_in_bounded_batches(record: Database) -> None:
    kept = set()
    for number in range(30):
        one = await computed(record, 100 + number % 3)
        if number % 3:
            kept |= {one, await pointed(record, one, 100)}
    assert await purge(record, SETTINGS, NOW, batch=4) == Purged(computations=10, rows=0, bytes=60)
    assert await left(record) == kept


async def test_result_with_a_concurrent_backtest_is_retained(record: Database) -> None:
    old, other = await computed(record, 100), await computed(record, 100)
    async with record.transaction() as attaching:
        await attaching.execute(
            "insert into backtest (id, owner, computation, request, request_digest)"
            " values ($1, 'local', $2, '{}', 'd')",
            uuid.uuid4(), old,
        )  # fmt: skip
        assert await purge(record, SETTINGS, NOW) == Purged(computations=1, rows=0, bytes=6)
    assert old in await left(record)
    assert other not in await left(record)


async def test_daily_purges_bound_the_number_of_results(record: Database) -> None:
    settings = replace(SETTINGS, result_retention_days=7)
    for night in range(40):
        made = await computed(record, 40 - night)
        await pointed(record, made, 40 - night, origin="warmer")
        await purge(record, settings, ago(40 - night))
        assert len(await left(record)) <= 2 * 8


@pytest.mark.parametrize("days", [0, 90])
async def test_purge_job_uses_the_database_clock(settings: Settings, record: Database, days: int) -> None:
    async with record.connection() as connection:
        old = await computed(record, 0)
        await connection.execute("update computation set finished_at = now() - interval '91 days'")
    async with service.open_context(replace(settings, result_retention_days=days), CollectorRegistry()) as context:
        entries = jobs.build_worker(context)
        try:
            assert "cron:purge" in {job.name for job in entries.cron_jobs or ()}
        finally:
            await jobs.close_worker(entries)
        assert await jobs.purge({"context": context}) == int(days > 0)
    assert (old in await left(record)) is (days == 0)
