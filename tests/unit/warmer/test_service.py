"""The warmer process: catching up, stopping on a signal, and continuing after a stop or a kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.warmer.test_warm_run import World, served, world

__all__ = ["world"]


@asynccontextmanager
async def warmer(world: World, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = replace(world.context.settings, api_url=url, metrics_port=0)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.warmer", env=variables | settings.to_environment(),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def runs(world: World) -> list[dict[str, Any]]:
    async with world.context.database.connection() as connection:
        return [dict(row) for row in await connection.fetch("select * from warm_run order by id")]


async def until_ended(world: World, within_s: float) -> list[dict[str, Any]]:
    async with asyncio.timeout(within_s):
        while True:
            found = await runs(world)
            if found and found[-1]["status"] not in ("queued", "running"):
                return found
            await asyncio.sleep(0.05)


async def stopped_midway(world: World, url: str, number: signal.Signals) -> int | None:
    """Send a signal to a warmer during its strategies phase; return its exit code."""
    reached = asyncio.Event()

    async def wait_here() -> None:
        if len(world.requests) >= 20:
            reached.set()
            await asyncio.sleep(0.3)

    world.before = wait_here
    async with warmer(world, url) as process:
        async with asyncio.timeout(30):
            await reached.wait()
        world.before = None
        process.send_signal(number)
        async with asyncio.timeout(20):
            return await process.wait()


async def test_two_warmers_catch_up_a_missed_run_once(world: World) -> None:
    async with served(world) as url, warmer(world, url), warmer(world, url):
        found = await until_ended(world, 40)
    assert [(run["status"], run["trigger"] in ("nightly", "catch_up")) for run in found] == [("completed", True)]


async def test_stopped_warmer_releases_and_resumes_its_run(world: World) -> None:
    async with served(world) as url:
        assert await stopped_midway(world, url, signal.SIGTERM) == 0
        assert [run["status"] for run in await runs(world)] == ["queued"]
        before = len(world.requests)
        async with warmer(world, url):
            found = await until_ended(world, 30)
    assert [(run["status"], run["attempts"]) for run in found] == [("completed", 2)]
    repeated = [request for request in world.requests[before:] if request["origin"] == "warmer"]
    assert len(repeated) < 44


@pytest.mark.slow
async def test_run_continues_within_a_minute_of_a_kill(world: World) -> None:
    async with served(world) as url:
        assert await stopped_midway(world, url, signal.SIGKILL) == -signal.SIGKILL
        assert [run["status"] for run in await runs(world)] == ["running"]
        async with warmer(world, url):
            found = await until_ended(world, 60)
    assert [(run["status"], run["attempts"]) for run in found] == [("completed", 2)]
