"""What was computed from damaged panels: withdrawn everywhere, computed again, and equal afterwards."""

from __future__ import annotations

import asyncio
import pathlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio

from ondol.local.run_file import Servers
from services.simulator import panel_verification
from shared.dataset.panel_files import PanelFiles
from shared.infra.database.pool import connect_pool
from shared.infra.redis import client as redis_client
from shared.infra.redis.cache import cache as open_cache
from shared.settings import Settings
from tests.support.api_with_market import FIRST, LAST, prepared_settings, request
from tests.support.sweeps import run_sweep, sweep, table_of
from tests.support.system import Client, api_of, simulator
from tests.support.walk_forwards import run_walk_forward, walk_forward

LINE = "withdrawn"


@pytest_asyncio.fixture(scope="module")
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    async with prepared_settings(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with api_of(settings) as found, simulator(settings):
        yield found


async def withdraw(settings: Settings, since: float) -> list[tuple[str, str]]:
    """Do what a simulator does that has found damaged panels, except for its end."""
    async with AsyncExitStack() as stack:
        database = await connect_pool(settings.database_url or "", size=2)
        stack.push_async_callback(database.close)
        cache = await stack.enter_async_context(open_cache(settings.cache_url or ""))
        broker = await stack.enter_async_context(redis_client.broker(settings.broker_url or ""))
        sweeps = await panel_verification.withdraw_results(database, since)
        names = PanelFiles(pathlib.Path(settings.panel_dir), 1 << 30).answers_since(since)
        await panel_verification.withdraw_answers(cache, names)
        await panel_verification.announce(broker, sweeps)
        return sweeps


async def ended(client: Client, path: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            status, found, _ = await client.call("GET", path)
            assert status == 200, found
            if found["status"] in {"completed", "failed", "cancelled"}:
                return dict(found)
            await asyncio.sleep(0.05)


async def answers(settings: Settings) -> set[bytes]:
    """Return the keys of results and answers in the cache."""
    redis = redis_client.client(settings.cache_url or "")
    try:
        return set(await redis.keys("ondol:result:*"))
    finally:
        await redis.aclose()


async def test_sweeps_begin_anew_and_end_the_same(client: Client, settings: Settings) -> None:
    grid = await run_sweep(client, sweep(research=LINE))
    search = sweep(research=LINE, search={"method": "tpe", "runs": 24, "seed": 3, "batch": 8})
    guided = await run_sweep(client, search)
    walk = await run_walk_forward(client, walk_forward())
    tables = [await table_of(client, found["id"]) for found in (grid, guided)]
    status, line, _ = await client.call("GET", f"/v1/research/{LINE}")
    assert status == 200
    begun = {found for found, _ in await withdraw(settings, 0)}
    assert begun == {grid["id"], guided["id"], walk["id"]}
    for before, rows in zip((grid, guided), tables, strict=True):
        after = await ended(client, f"/v1/sweeps/{before['id']}")
        assert after["status"] == "completed"
        assert (after["best"], after["statistics"], after["done"]) == (
            before["best"], before["statistics"], before["done"],
        )  # fmt: skip
        assert await table_of(client, before["id"]) == rows
    after = await ended(client, f"/v1/walk-forwards/{walk['id']}")
    assert (after["windows"], after["status"]) == (walk["windows"], "completed")
    status, again, _ = await client.call("GET", f"/v1/research/{LINE}")
    volatile = {"updated_at", "best", "evaluations"}
    assert {k: v for k, v in again.items() if k not in volatile} == {k: v for k, v in line.items() if k not in volatile}
    assert again["best"]["sharpe_annual"] == line["best"]["sharpe_annual"]


async def test_parts_are_empty_until_they_are_computed_again(settings: Settings) -> None:
    async with api_of(settings) as client:
        async with simulator(settings):
            grid = await run_sweep(client, sweep())
            assert len(await table_of(client, grid["id"])) == 24
        await withdraw(settings, 0)
        assert await table_of(client, grid["id"]) == []
        status, found, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}")
        assert (status, found["status"], found["done"], found["best"]) == (200, "queued", 0, [])
        async with simulator(settings):
            assert (await ended(client, f"/v1/sweeps/{grid['id']}"))["done"] == 24


async def test_what_ended_before_the_damage_stands(client: Client, settings: Settings) -> None:
    grid = await run_sweep(client, sweep(research="earlier"))
    await asyncio.sleep(0.01)
    assert await withdraw(settings, time.time()) == []
    status, found, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}")
    assert (status, found["status"]) == (200, "completed")
    assert (await client.call("GET", "/v1/research/earlier"))[1]["trials"] == 24


async def test_answers_and_backtests_are_withdrawn(client: Client, settings: Settings) -> None:
    screen = "/v1/screen?where=PER<20&limit=5"
    status, screened, _ = await client.call("GET", screen)
    assert status == 200, screened
    status, done, _ = await client.call("POST", "/v1/backtests", request(research="again"), Prefer="wait=30")
    assert (status, done["status"]) == (200, "completed")
    status, audited, _ = await client.call("POST", f"/v1/backtests/{done['id']}/audit", {"cuts": 1})
    assert status == 200, audited
    assert (await client.call("GET", "/v1/research/again"))[1]["trials"] == 1
    noted = PanelFiles(pathlib.Path(settings.panel_dir), 1 << 30).answers_since(0)
    cached = {name.decode().removeprefix("ondol:result:") for name in await answers(settings)}
    assert len(cached & noted) >= 2  # the screen and the audit
    await withdraw(settings, 0)
    left = {name.decode().removeprefix("ondol:result:") for name in await answers(settings)}
    assert not left & noted
    status, found, _ = await client.call("GET", f"/v1/backtests/{done['id']}")
    assert (found["status"], found["error"]["kind"]) == ("failed", "damaged_panels")
    assert (await client.call("GET", "/v1/research/again"))[1]["trials"] == 0
    status, again, _ = await client.call("POST", "/v1/backtests", request(research="again"), Prefer="wait=30")
    assert (again["status"], again["cached"]) == ("completed", False)
    assert again["result"]["equity"] == done["result"]["equity"]
    assert (await client.call("GET", screen))[1]["items"] == screened["items"]
    assert (await client.call("GET", "/v1/research/again"))[1]["trials"] == 1


async def test_stored_factor_reports_are_deleted(client: Client, settings: Settings) -> None:
    body = {"factor": "MOMENTUM_1M", "start": FIRST, "end": LAST}
    status, made, _ = await client.call("POST", "/v1/factor-reports", body)
    assert status == 200, made
    assert len((await client.call("GET", "/v1/factor-reports"))[1]["items"]) == 1
    await withdraw(settings, time.time() + 5)
    assert len((await client.call("GET", "/v1/factor-reports"))[1]["items"]) == 1
    await withdraw(settings, 0)
    assert (await client.call("GET", "/v1/factor-reports"))[1]["items"] == []
    status, again, _ = await client.call("POST", "/v1/factor-reports", body)
    assert (status, again["digest"]) == (200, made["digest"])
