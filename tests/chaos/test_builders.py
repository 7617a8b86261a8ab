"""R6: many callers of one uncached dataset; the builder is killed, or stopped and resumed after its lease."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from services.preparer import dataset_store
from shared.contracts.events import DatasetRequested
from shared.infra.database.pool import database, lone_connection
from shared.infra.redis import client as servers
from shared.infra.redis.streams import append
from shared.settings import Settings
from tests.support.loading import load, loadable
from tests.support.random_markets import random_market

pytestmark = pytest.mark.slow


@asynccontextmanager
async def preparer(settings: Settings, log: str) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ONDOL_")} | settings.to_environment()
    with open(log, "ab") as output:  # noqa: ASYNC230 - a log file of the test
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.preparer", env=environment, stderr=output, stdout=output
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float) -> float:
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < seconds, "the condition did not hold in time"
        await asyncio.sleep(0.001)
    return time.monotonic() - began


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
async def test_stopped_builder_is_replaced_and_cannot_publish(
    settings: Settings, tmp_path: object, fate: signal.Signals
) -> None:
    market = loadable(random_market(3, stocks=12, rows=350))
    market["companies"] += [{"stock_code": f"Z{n:05d}", "name": f"Z{n}", "market": "KOSPI"} for n in range(3500)]
    await load(settings, market)
    logs = [f"{tmp_path}/first.log", f"{tmp_path}/second.log"]
    async with (
        database(settings.database_url or "") as pool,
        servers.broker(settings.broker_url or "") as broker,
        preparer(settings, logs[0]) as first,
    ):

        async def building() -> bool:
            async with pool.connection() as connection:
                return bool(await connection.fetchval("select exists (select from dataset_part)"))

        async def published() -> bool:
            return await dataset_store.current(pool) is not None

        await until(building, 30)
        first.send_signal(fate)
        assert not await published()
        for _ in range(200):
            await append(broker, DatasetRequested())
        async with preparer(settings, logs[1]):
            waited = await until(published, 30)
            print(f"published {waited:.2f} s after the builder stopped")
            async with lone_connection(settings.database_url or "") as connection:
                fence = await connection.fetchval("select fence from dataset_current")

            async def refused() -> bool:
                with open(logs[0], encoding="utf-8") as lines:  # noqa: ASYNC230
                    text = lines.read()
                # a command whose time ran out while the process was stopped ends the build, too
                return "build.superseded" in text or "build.retrying" in text

            if fate == signal.SIGSTOP:
                first.send_signal(signal.SIGCONT)
                try:
                    await until(refused, 30)
                except AssertionError:
                    with open(logs[0], encoding="utf-8") as lines:  # noqa: ASYNC230
                        pytest.fail(f"the resumed builder goes on: {lines.read()}")
            async with lone_connection(settings.database_url or "") as connection:
                assert await connection.fetchval("select fence from dataset_current") == fence
                assert await connection.fetchval("select count(*) from dataset_version") == 1
    with open(logs[1], encoding="utf-8") as lines:  # noqa: ASYNC230
        assert lines.read().count("dataset.built") == 1
