"""Scaling, killed containers, exhausted memory and an absent cache, each while backtests run: none may be lost."""

from __future__ import annotations

import asyncio
import datetime as dt
import signal
import time
from contextlib import suppress

from tests.containers import engine, processes
from tests.containers.load import running
from tests.containers.run import Run
from tests.containers.stack import SERVERS, SERVICES

TAKES_WORK = "ondol_backtests_total"
EXHAUST = "held = []\nwhile True:\n    held.append(b'x' * (1 << 24))\n"


SCALED_BACKTESTS = 2000
"""At least so many are sent while simulators are added, so that some are left when these have started."""


async def scale(run: Run) -> str:
    """1, 5, 2 simulators while backtests run: none is lost, and new containers take work."""
    count = max(run.count, SCALED_BACKTESTS)
    await run.stack.scale(1)
    async with running(run.stack, count, run.seed + 1) as outcome:
        while outcome.completed < 10:
            await asyncio.sleep(0.1)
        began = time.monotonic()
        known = set(await run.stack.names("simulator"))
        scaling = asyncio.create_task(run.stack.scale(5))
        took_work, since_start = await _until_work(run, known, began)
        await scaling
        returned = time.monotonic() - began
        while outcome.completed < count // 2:
            await asyncio.sleep(0.2)
        assert len(await run.stack.names("simulator")) == 5
        await run.stack.scale(2)
    outcome.check(count)
    assert len(await run.stack.names("simulator")) == 2
    return (
        f"{outcome.text}; a new simulator had completed a backtest {since_start:.1f} s after its container started "
        f"and {took_work:.1f} s after the command, which returned after {returned:.1f} s"
    )


async def _until_work(run: Run, known: set[str], began: float) -> tuple[float, float]:
    """Wait for the first backtest of a new container; return the seconds since `began` and since its start."""
    async with asyncio.timeout(120):
        while True:
            for name in set(await run.stack.names("simulator")) - known:
                with suppress(RuntimeError, KeyError):
                    if await run.stack.metric(name, TAKES_WORK) > 0:
                        started = dt.datetime.fromisoformat((await run.stack.inspect(name))["State"]["StartedAt"])
                        return time.monotonic() - began, (dt.datetime.now(dt.UTC) - started).total_seconds()
            await asyncio.sleep(0.1)


async def kill(run: Run) -> str:
    """SIGKILL of the first process of every container in turn while backtests run: each is restarted, none is lost."""
    killed = []
    async with running(run.stack, run.count, run.seed + 2) as outcome:
        for service in (*SERVICES, *SERVERS, "prometheus"):
            (name, *_) = await run.stack.names(service)
            before = (await run.stack.inspect(name))["State"]["Pid"]
            await run.stack.kill(name, signal.SIGKILL)
            await _until_restarted(run, name, before)
            killed.append(service)
            await asyncio.sleep(1)
    outcome.check(run.count)
    return f"{len(killed)} containers killed and restarted; {outcome.text}"


async def _until_restarted(run: Run, name: str, before: int) -> None:
    async with asyncio.timeout(120):
        while True:
            state = (await run.stack.inspect(name))["State"]
            if state["Running"] and state["Pid"] not in {0, before}:
                return
            await asyncio.sleep(0.2)


async def memory(run: Run) -> str:
    """A process exhausts the memory of api and simulator: the limit holds, and no backtest is lost."""
    async with running(run.stack, run.count // 2, run.seed + 3) as outcome:
        for service in ("api", "simulator"):
            (name, *_) = await run.stack.names(service)
            exhaust = engine.command("exec", name, "python", "-c", EXHAUST)
            await engine.output_of(exhaust, run.stack.folder, check=False)
    outcome.check(run.count // 2)
    peaks = {service: await _peak(run, service) for service in SERVICES}
    for service, (peak, limit) in peaks.items():
        assert peak <= limit, (service, peak, limit)
    text = ", ".join(f"{name} {peak >> 20} of {limit >> 20} MiB" for name, (peak, limit) in peaks.items())
    return f"{outcome.text}; peaks of the containers: {text}"


async def _peak(run: Run, service: str) -> tuple[int, int]:
    """The most memory that the kernel has charged to a container, and its limit, in bytes."""
    (name, *_) = await run.stack.names(service)
    process = (await run.stack.inspect(name))["State"]["Pid"]
    return processes.charged_memory(process)


async def cache_away(run: Run) -> str:
    """The cache container is stopped while backtests run, and started empty: none is lost."""
    async with running(run.stack, run.count, run.seed + 4) as outcome:
        await asyncio.sleep(1)
        before = outcome.completed
        await run.stack.compose("stop", "redis-cache")
        await asyncio.sleep(run.away_s)
        meanwhile = outcome.completed - before
        await run.stack.compose("start", "redis-cache")
    outcome.check(run.count)
    return f"{outcome.text}; away for {run.away_s:.0f} s, in which {meanwhile} completed"


async def same_results(run: Run) -> str:
    """The backtests of before the faults give the same results again."""
    async with running(run.stack, len(run.digests), run.seed) as outcome:
        pass
    outcome.check(len(run.digests))
    assert run.digests
    assert outcome.digests == run.digests
    return f"{len(run.digests)} results are equal"


STEPS = (scale, kill, memory, cache_away, same_results)
