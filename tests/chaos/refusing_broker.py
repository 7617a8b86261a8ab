"""R21: a broker that answers but refuses writes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.chaos.caller import Callers, requests
from tests.chaos.redis_servers import probed
from tests.chaos.results import CheckResult, Context
from tests.chaos.simulators import undisturbed, verify
from tests.chaos.system import System, until

RATE = 20


@asynccontextmanager
async def out_of_memory(system: System, broker: Redis) -> AsyncIterator[None]:
    """Let the broker answer writes that need memory with OOM."""
    await broker.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await broker.config_set("maxmemory", 0)


@asynccontextmanager
async def read_only(system: System, broker: Redis) -> AsyncIterator[None]:
    """Let the broker answer writes with READONLY, as a replica whose master is lost."""
    await broker.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        await broker.replicaof("NO", "ONE")


@asynccontextmanager
async def not_persisting(system: System, broker: Redis) -> AsyncIterator[None]:
    """Let the broker answer writes with MISCONF: its snapshot cannot be renamed to a folder."""
    obstacle = system.home / "broker" / "dump.rdb"
    obstacle.mkdir()
    await broker.config_set("save", "3600 1")
    await broker.bgsave()

    async def failed() -> bool:
        return bool((await broker.info("persistence"))["rdb_last_bgsave_status"] == "err")

    try:
        await until(failed, 20, "a failed snapshot")
        yield
    finally:
        obstacle.rmdir()
        async with system.redis("broker") as connected:  # an idle connection sends PING first, which MISCONF refuses
            await connected.config_set("save", "")


@asynccontextmanager
async def without_replicas(system: System, broker: Redis) -> AsyncIterator[None]:
    """Let the broker answer writes with NOREPLICAS."""
    await broker.config_set("min-replicas-to-write", 1)
    try:
        yield
    finally:
        await broker.config_set("min-replicas-to-write", 0)


CONDITIONS = {"OOM": out_of_memory, "READONLY": read_only, "MISCONF": not_persisting, "NOREPLICAS": without_replicas}


async def r21(context: Context) -> CheckResult:
    """Submit backtests while the broker refuses writes for each of the four reasons."""
    result, system, seconds = CheckResult(), context.system, context.count(60, 5)
    count = RATE * (seconds + 2)
    true, _ = await undisturbed(context, count)
    before = {name: system.pids()[name] for name in system.run["services"]}
    for name, condition in CONDITIONS.items():
        callers = Callers(system, at_once=4000, max_wait_s=seconds + 60)
        bodies = requests(count, context.seed, context.start, context.end)
        async with system.redis("broker") as broker:
            work = asyncio.create_task(callers.submit(bodies, context.seed, rate=RATE))
            await asyncio.sleep(0.5)
            async with condition(system, broker):
                began = time.monotonic()
                status, _, text = await probed(system.url + "/readyz")
                await asyncio.sleep(seconds)
            refused_s = time.monotonic() - began
        tally = await work
        tail_s = await callers.ended(tally, 90)
        result.add(**{f"{name}_answers": dict(tally.statuses), f"{name}_s": refused_s, f"{name}_tail_s": tail_s})
        await verify(result, context, tally, true, count)
        others = set(tally.statuses) - {200, 202, 503}
        result.require(not others, f"{name}: {dict(tally.statuses)}")
        result.require(tally.retry_after_count == tally.statuses[503], f"{name}: a 503 without Retry-After")
        result.require(status == 503 and '"broker":false' in text, f"{name}: /readyz returned {status} {text}")
        await system.healthy()
    left = [name for name, process in before.items() if system.pids()[name] != process]
    result.add(exited=left)
    result.require(not left, f"services that exited: {left}")
    return result
