"""Shared builds: bit-equal to a single build, and complete when a worker fails at any point."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import pathlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import msgspec
import numpy as np
import polars as pl
import pytest
from redis.asyncio import Redis

from services.preparer import dataset_store
from services.preparer.build import build_version
from services.preparer.build_plan import code_of
from services.preparer.distributed.leader import BuildSpec
from services.preparer.distributed.membership import Membership
from services.preparer.distributed.worker import PartWorker
from services.preparer.loading.load import load_market
from services.preparer.preparer import Preparer
from shared.contracts.events import DatasetRequested
from shared.infra import arq_jobs, market_tables
from shared.infra.database.pool import lone_connection
from shared.infra.redis import client as servers
from shared.infra.redis.streams import append
from shared.model.fields import PART
from shared.settings import Settings
from tests.integration.test_prepare import manifest_of, preparer_of

PARTS, ROWS = 8, 40
CODES = [f"{n:06d}" for n in range(PARTS * PART)]


async def load(settings: Settings, folder: pathlib.Path, rows: range) -> None:
    """Rows of a market of PARTS full parts; a row is the same whichever rows are loaded with it."""
    frames = []
    for row in rows:
        random = np.random.default_rng((7, row))
        close = np.round(1000 * np.exp(random.normal(0, 0.1, len(CODES))))
        frames.append(
            pl.DataFrame(
                {
                    "date": [dt.date(2024, 11, 20) + dt.timedelta(days=row)] * len(CODES),
                    "stock_code": CODES,
                    **dict.fromkeys(("open", "high", "low", "close"), close),
                    "volume": random.integers(0, 1000, len(CODES)),
                    "listed_shares": [1_000_000] * len(CODES),
                }
            )
        )
    folder.mkdir()  # noqa: ASYNC240
    pl.DataFrame({"stock_code": CODES, "name": CODES, "market": ["KOSPI"] * len(CODES)}).write_parquet(
        folder / "companies.parquet"
    )
    pl.concat(frames).write_parquet(folder / "prices.parquet")
    await load_market(folder, settings.database_url or "")


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "market"


async def version_of_one_build(settings: Settings) -> str | None:
    async with preparer_of(settings) as preparer:
        return (await build_version(preparer.context, rebuild=True)).version


@asynccontextmanager
async def processes(settings: Settings, folder: pathlib.Path, count: int) -> AsyncIterator[dict[int, pathlib.Path]]:
    """Preparers in processes of their own that are members of each other: process id -> its log."""
    environment = {
        "PATH": os.environ["PATH"],
        "ONDOL_DATABASE_URL": settings.database_url or "",
        "ONDOL_BROKER_URL": settings.broker_url or "",
        "ONDOL_CACHE_URL": settings.cache_url or "",
        "ONDOL_METRICS_PORT": "0",
        "ONDOL_PREPARER_THREADS": "1",
    }
    found: dict[int, tuple[asyncio.subprocess.Process, pathlib.Path]] = {}
    try:
        for number in range(count):
            path = folder.with_name(f"preparer-{number}.log")
            with path.open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "services.preparer", env=environment, stdout=log, stderr=log
                )
            found[process.pid] = process, path
        async with servers.broker(settings.broker_url or "") as broker:

            async def seen() -> bool:
                return await Membership(broker, settings.broker_url or "").others() == count

            await until(seen)
        yield {pid: path for pid, (_, path) in found.items()}
    finally:
        for process, _ in found.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process, _ in found.values():
            await asyncio.wait_for(process.wait(), 20)


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := await condition()):
        assert time.monotonic() < deadline, "it did not come in time"
        await asyncio.sleep(0.005)
    return found


async def ask(settings: Settings) -> None:
    async with servers.broker(settings.broker_url or "") as broker:
        await append(broker, DatasetRequested())


async def published(preparer: Preparer) -> str | None:
    found = await dataset_store.current(preparer.context.database)
    return found.manifest.version if found is not None else None


async def claims(settings: Settings) -> dict[str, list[tuple[int, bool]]]:
    """Preparer -> parts that it claimed, and whether each is reported."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch("select part, preparer, outcome is not null as done from part_claim")
    finally:
        await connection.close()
    found: dict[str, list[tuple[int, bool]]] = {}
    for row in rows:
        found.setdefault(row["preparer"], []).append((row["part"], row["done"]))
    return found


@asynccontextmanager
async def held_back(settings: Settings) -> AsyncIterator[None]:
    """Let no preparer store a part within the block, so that others have time to claim one."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("lock table dataset_part in exclusive mode")
        yield
        await transaction.rollback()
    finally:
        await connection.close()


async def test_shared_build_equals_a_single_build(settings: Settings, folder: pathlib.Path) -> None:
    await load_into_silence(settings, folder)
    async with processes(settings, folder, 2) as logs, preparer_of(settings) as watcher:
        await load(settings, folder, range(ROWS))

        async def both_build() -> bool:
            return len(await claims(settings)) == 2

        async with held_back(settings):
            await ask(settings)
            await until(both_build)
        version = await until(lambda: published(watcher))

        async def logged() -> list[str] | None:  # a line may be written after what it reports
            found = [path.read_text() for path in logs.values()]
            return (
                found if all(any(line in text for text in found) for line in ("dataset.built", "part.built")) else None
            )

        texts = await until(logged)
        names = sorted((await manifest_of(watcher.context)).part_names())
        shared = await dataset_store.read_parts(watcher.context.database, names)
        assert len(shared) == len(names)
        assert sorted("dataset.built" in text for text in texts) == [False, True]
        assert sorted("part.built" in text for text in texts) == [False, True]
        assert not any("part.reclaimed" in text for text in texts)
        connection = await asyncpg.connect(settings.database_url)
        await connection.execute("delete from dataset_part")
        await connection.close()
        assert await version_of_one_build(settings) == version
        assert await dataset_store.read_parts(watcher.context.database, names) == shared


async def load_into_silence(settings: Settings, folder: pathlib.Path) -> None:
    """No data are loaded when the preparers start, so that none leads a build before all are members."""
    async with preparer_of(settings) as preparer:
        assert (await preparer.prepare()).version is None


async def test_killed_worker_only_delays_the_build(settings: Settings, folder: pathlib.Path) -> None:
    await load_into_silence(settings, folder)
    async with processes(settings, folder, 2) as logs, preparer_of(settings) as watcher:
        await load(settings, folder, range(ROWS))

        async def helper_at_work() -> str | None:
            found = await claims(settings)
            leader = next((name for name, parts in found.items() if any(part == 0 for part, _ in parts)), None)
            others = [name for name, parts in found.items() if not all(done for _, done in parts)]
            return next((name for name in others if leader is not None and name != leader), None)

        await ask(settings)
        helper = await until(helper_at_work)
        pid = int(helper.split(":")[1])
        os.kill(pid, signal.SIGKILL)
        left = [part for part, done in (await claims(settings)).get(helper, ()) if not done]  # it may just have ended
        version = await until(lambda: published(watcher))
        (log,) = [path.read_text() for process, path in logs.items() if process != pid]
        assert ("part.reclaimed" in log) == bool(left)
        assert await version_of_one_build(settings) == version


@asynccontextmanager
async def helper_of(settings: Settings, preparer: Preparer, broker: Redis) -> AsyncIterator[PartWorker]:
    """A preparer in this process that builds parts of other builds."""
    membership = Membership(broker, settings.broker_url or "")
    part_worker = PartWorker(preparer.context, settings.broker_url or "", membership)
    working = asyncio.create_task(part_worker.run())
    try:
        async with membership.joined():
            await until(preparer.membership.others)
            yield part_worker
    finally:
        working.cancel()
        await asyncio.wait([working])


async def test_leader_builds_parts_of_an_ended_worker(settings: Settings, folder: pathlib.Path) -> None:
    await load(settings, folder, range(4))
    async with preparer_of(settings) as preparer, servers.broker(settings.broker_url or "") as broker:
        leading = replace(preparer.context, min_wait_s=0.2)
        absent_worker = Membership(broker, settings.broker_url or "")
        async with absent_worker.joined(), lone_connection(settings.database_url or "") as connection:
            await until(preparer.membership.others)
            fence = int(await connection.fetchval("select last_value from dataset_fence")) + 1
            for part in (1, 2, PARTS - 1):
                for ahead in range(-1, 3):
                    await connection.execute(
                        "insert into part_claim (fence, part, preparer) values ($1, $2, 'dead')", fence + ahead, part
                    )
            report = await build_version(leading, membership=preparer.membership)
            assert report.published
            assert report.parts_shared == 0
            left = "select count(*) from part_claim where fence <= (select fence from dataset_current)"
            assert await connection.fetchval(left) == 0
        assert await version_of_one_build(settings) == report.version


async def test_late_parts_of_an_old_build_change_nothing(settings: Settings, folder: pathlib.Path) -> None:
    await load(settings, folder, range(4))
    async with (
        preparer_of(settings) as preparer,
        servers.broker(settings.broker_url or "") as broker,
        lone_connection(settings.database_url or "") as old,
        old.transaction(isolation="repeatable_read", readonly=True),
    ):
        context = preparer.context
        revision = await market_tables.newest_revision(old)
        assert revision is not None
        spec = BuildSpec(
            fence=await dataset_store.next_fence(context.database),
            revision=revision,
            snapshot=await old.fetchval("select pg_export_snapshot()"),
            base=None,
            base_revision=0,
            code=code_of(context),
        )
        membership = Membership(broker, settings.broker_url or "")
        part_worker = PartWorker(context, settings.broker_url or "", membership)
        assert await part_worker.build_part(spec, 1)
        assert not await part_worker.build_part(spec, 1)
        assert not await part_worker.build_part(replace_spec(spec, code="other code"), 2)
        await load(settings, folder.with_name("newer"), range(4, 6))
        newer = await preparer.prepare()
        assert newer.published
        assert not await part_worker.build_part(spec, 2)
        assert await claims(settings) == {}
        assert (await manifest_of(context)).version == newer.version == await version_of_one_build(settings)


def replace_spec(spec: BuildSpec, **changes: Any) -> BuildSpec:
    return msgspec.structs.replace(spec, **changes)


async def test_job_of_an_ended_build_is_dropped(settings: Settings, folder: pathlib.Path) -> None:
    await load(settings, folder, range(2))
    async with preparer_of(settings) as preparer, servers.broker(settings.broker_url or "") as broker:
        spec = BuildSpec(
            fence=await dataset_store.next_fence(preparer.context.database),
            revision=1,
            snapshot="00000003-0000001B-1",
            base=None,
            base_revision=0,
            code=code_of(preparer.context),
        )
        part_worker = PartWorker(
            preparer.context, settings.broker_url or "", Membership(broker, settings.broker_url or "")
        )
        assert not await part_worker.build_part(spec, 0)
        assert not await part_worker.build_part(replace_spec(spec, snapshot="'; drop table price_year; --"), 0)
        assert await claims(settings) == {}


async def test_incremental_build_is_shared(settings: Settings, folder: pathlib.Path) -> None:
    await load(settings, folder, range(ROWS - 1))
    async with preparer_of(settings) as preparer, preparer_of(settings) as other:
        async with (
            servers.broker(settings.broker_url or "") as broker,
            helper_of(settings, other, broker) as part_worker,
        ):
            assert (await preparer.prepare()).published
            await load(settings, folder.with_name("day"), range(ROWS - 1, ROWS))
            async with held_back(settings):
                context = replace(preparer.context, workers=1)
                building = asyncio.ensure_future(build_version(context, membership=preparer.membership))
                await until(lambda: parts_of(settings, part_worker.membership.name))
            report = await building
        assert report.published
        assert 0 < report.parts_shared < PARTS
        assert await version_of_one_build(settings) == report.version


async def parts_of(settings: Settings, preparer: str) -> list[tuple[int, bool]]:
    """Return the parts that a preparer has claimed."""
    return (await claims(settings)).get(preparer, [])


async def test_single_preparer_shares_nothing(settings: Settings, folder: pathlib.Path) -> None:
    await load(settings, folder, range(2))
    async with preparer_of(settings) as preparer, preparer.membership.joined():
        assert await preparer.membership.others() == 0
        assert (await preparer.prepare()).published
        async with arq_jobs.queue(settings.broker_url or "", "ondol:arq:prepare") as jobs:
            assert await jobs.queued_jobs() == []
    assert await claims(settings) == {}
