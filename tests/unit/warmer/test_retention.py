"""Deletion of expired results in PostgreSQL, with the time as a parameter."""

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
from services.warmer.retention import Purged, purge, purge_quotes, purge_sweeps
from shared.infra import arq_jobs
from shared.infra.database.pool import Database, database
from shared.settings import Settings

NOW = dt.datetime(2026, 3, 1, 19, 30, tzinfo=dt.UTC)
SETTINGS = Settings()


def ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


@pytest_asyncio.fixture
async def store(settings: Settings) -> AsyncIterator[Database]:
    async with database(settings.database_url or "", size=4) as found:
        yield found


async def computed(
    store: Database, days: float | None, *, version: str = "old", status: str = "completed", result: bytes = b"result"
) -> uuid.UUID:
    """Insert a computation that ended this many days before NOW."""
    name = uuid.uuid4()
    async with store.connection() as connection:
        await connection.execute(
            "insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request,"
            " status, result, finished_at, created_at) values ($1, $2, $3, 'e', 'r', '{}', $4, $5, $6, $7)",
            name, name.hex, version, status, result, None if days is None else ago(days), ago(days or 0),
        )  # fmt: skip
    return name


async def pointed(
    store: Database, computation: uuid.UUID, days: float, *, origin: str = "user", cancelled: bool = False
) -> uuid.UUID:
    """Insert a backtest of a computation, created this many days before NOW."""
    name = uuid.uuid4()
    async with store.connection() as connection:
        await connection.execute(
            "insert into backtest (id, owner, computation, request, request_digest, origin, created_at, cancelled_at)"
            " values ($1, 'local', $2, '{}', 'd', $3, $4, $5)",
            name, computation, origin, ago(days), ago(days) if cancelled else None,
        )  # fmt: skip
    return name


async def remaining(store: Database) -> set[Any]:
    async with store.connection() as connection:
        rows = await connection.fetch("select id from computation union all select id from backtest")
    return {row["id"] for row in rows}


async def test_only_warmer_results_expire_after_their_days(
    store: Database,
) -> None:
    warm, fresh, users, both, bare, late = [await computed(store, days) for days in (91, 89, 500, 500, 91, 500)]
    expired = {
        warm,
        bare,
        await pointed(store, warm, 91, origin="warmer"),
        await pointed(store, warm, 91, origin="verify"),
    }
    retained = {fresh, users, both, late, await pointed(store, fresh, 89, origin="warmer")}
    retained |= {
        await pointed(store, users, 500),
        await pointed(store, both, 500),
        await pointed(store, late, 1, origin="verify"),
    }
    retained |= {await pointed(store, both, 500, origin="warmer")}
    assert await remaining(store) == expired | retained
    assert await purge(store, SETTINGS, NOW) == Purged(computations=2, rows=2, bytes=12)
    assert await remaining(store) == retained
    assert await purge(store, SETTINGS, NOW) == Purged()


async def test_cancelled_backtest_retains_no_result(store: Database) -> None:
    old = await computed(store, 91, status="cancelled")
    await pointed(store, old, 91, cancelled=True)
    assert await purge(store, SETTINGS, NOW) == Purged(computations=1, rows=1, bytes=6)


async def test_user_results_expire_after_their_last_backtest(store: Database) -> None:
    settings = replace(SETTINGS, result_retention_days=0, user_result_retention_days=30)
    old, asked_again, warm = [await computed(store, days) for days in (31, 31, 500)]
    rows = [
        await pointed(store, old, 31),
        await pointed(store, asked_again, 31),
        await pointed(store, asked_again, 2),
    ]
    rows.append(await pointed(store, warm, 500, origin="warmer"))
    bare = await computed(store, 500)
    assert await purge(store, settings, NOW) == Purged(computations=1, rows=1, bytes=6)
    assert await remaining(store) == {asked_again, warm, bare, *rows[1:]}


async def test_zero_days_retain_without_limit(store: Database) -> None:
    retained = {await computed(store, 5000)}
    assert await purge(store, replace(SETTINGS, result_retention_days=0, user_result_retention_days=0), NOW) == Purged()
    assert await remaining(store) == retained


async def test_unfinished_and_current_results_are_retained(store: Database) -> None:
    async with store.transaction() as connection:
        await connection.execute(
            "insert into dataset_version (version, revision, manifest, about, summary, parts)"
            " values ('now', 1, '', '', '', '{}')"
        )
        await connection.execute("update dataset_current set version = 'now', revision = 1")
    retained = {await computed(store, 500, version="now"), await computed(store, None, status="running")}
    await computed(store, 500, version="before")
    assert (await purge(store, SETTINGS, NOW)).computations == 1
    assert await remaining(store) == retained


async def test_backlog_is_purged_in_bounded_batches(store: Database) -> None:
    retained = set()
    for number in range(30):
        one = await computed(store, 100 + number % 3)
        if number % 3:
            retained |= {one, await pointed(store, one, 100)}
    assert await purge(store, SETTINGS, NOW, batch=4) == Purged(computations=10, rows=0, bytes=60)
    assert await remaining(store) == retained


async def test_result_with_a_concurrent_backtest_is_retained(store: Database) -> None:
    old, other = await computed(store, 100), await computed(store, 100)
    async with store.transaction() as attaching:
        await attaching.execute(
            "insert into backtest (id, owner, computation, request, request_digest)"
            " values ($1, 'local', $2, '{}', 'd')",
            uuid.uuid4(), old,
        )  # fmt: skip
        assert await purge(store, SETTINGS, NOW) == Purged(computations=1, rows=0, bytes=6)
    assert old in await remaining(store)
    assert other not in await remaining(store)


async def test_daily_purges_bound_the_number_of_results(store: Database) -> None:
    settings = replace(SETTINGS, result_retention_days=7)
    for night in range(40):
        made = await computed(store, 40 - night)
        await pointed(store, made, 40 - night, origin="warmer")
        await purge(store, settings, ago(40 - night))
        assert len(await remaining(store)) <= 2 * 8


@pytest.mark.parametrize("days", [0, 90])
async def test_purge_job_uses_the_database_clock(settings: Settings, store: Database, days: int) -> None:
    async with store.connection() as connection:
        old = await computed(store, 0)
        await connection.execute("update computation set finished_at = now() - interval '91 days'")
    async with service.open_context(replace(settings, result_retention_days=days), CollectorRegistry()) as context:
        entries = jobs.build_worker(context)
        try:
            assert "cron:purge" in {job.name for job in entries.cron_jobs or ()}
        finally:
            await arq_jobs.close(entries)
        assert await jobs.purge({"context": context}) == int(days > 0)
    assert (old in await remaining(store)) is (days == 0)


async def test_ended_sweeps_expire_with_their_parts(store: Database) -> None:
    ended = {uuid.uuid4(): days for days in (5, 89, 91, 400)}
    running = uuid.uuid4()
    async with store.connection() as connection:
        for name, days in [*ended.items(), (running, None)]:
            await connection.execute(
                "insert into sweep (id, owner, plan, method, digest, dataset_version, engine_version, rules_version,"
                " status, sequential, variants, parts, cost, created_at, finished_at)"
                " values ($1, 'local', '{}', 'grid', 'd', 'v', 'e', 'r', $2, false, 1, 1, 1, $3, $4)",
                name, "running" if days is None else "completed", ago(500), None if days is None else ago(days),
            )  # fmt: skip
            await connection.execute("insert into sweep_part (sweep, part, first, count) values ($1, 0, 0, 1)", name)
    assert await purge_sweeps(store, replace(SETTINGS, sweep_retention_days=0), NOW) == 0
    assert await purge_sweeps(store, SETTINGS, NOW) == 2
    async with store.connection() as connection:
        left = await connection.fetch("select sweep from sweep_part")
    assert {row["sweep"] for row in left} == {running, *(name for name, days in ended.items() if days < 90)}


async def test_quotes_expire_unless_a_step_is_not_booked(store: Database) -> None:
    days = {age: ago(age).date() for age in (5, 90, 91, 92, 93)}
    account = uuid.uuid4()
    async with store.connection() as connection:
        for day in days.values():
            await connection.execute("insert into opening_quotes (day, number, quotes) values ($1, 1, '{}')", day)
        await connection.execute(
            "insert into paper_account (id, owner, name, request, start_day) values ($1, 'local', 'a', '{}', $2)",
            account, days[93],
        )  # fmt: skip
        for age, decision, booked in ((91, "{}", None), (92, "{}", NOW), (93, None, None)):
            await connection.execute(
                "insert into paper_step (account, day, status, decision, booked_at) values ($1, $2, 'working', $3, $4)",
                account, days[age], decision, booked,
            )  # fmt: skip
    assert await purge_quotes(store, replace(SETTINGS, result_retention_days=0), NOW) == 0
    assert await purge_quotes(store, SETTINGS, NOW) == 2
    assert await purge_quotes(store, SETTINGS, NOW) == 0
    async with store.connection() as connection:
        left = await connection.fetch("select day from opening_quotes")
    assert {row["day"] for row in left} == {days[5], days[90], days[91]}


async def test_purge_job_deletes_old_quotes(settings: Settings, store: Database) -> None:
    async with store.connection() as connection:
        await connection.execute("insert into opening_quotes (day, number, quotes) values ('2020-01-02', 1, '{}')")
    async with service.open_context(settings, CollectorRegistry()) as context:
        await jobs.purge({"context": context})
    async with store.connection() as connection:
        assert await connection.fetchval("select count(*) from opening_quotes") == 0
