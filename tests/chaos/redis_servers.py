"""R3, R4, R5, R7: failures of the broker and the cache."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.chaos.caller import Callers, requests
from tests.chaos.chaos_agent import ChaosAgent
from tests.chaos.results import CheckResult, Context
from tests.chaos.simulators import undisturbed, verify
from tests.chaos.system import until


@asynccontextmanager
async def unattended(context: Context) -> AsyncIterator[None]:
    """Stop the supervisor, so that killed processes are not restarted until the end of the block."""
    os.kill(context.system.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(context.system.process.pid, signal.SIGCONT)


async def r3(context: Context) -> CheckResult:
    """Kill the broker for 2 s, then flush it, while backtests are submitted."""
    result, system, count = CheckResult(), context.system, context.count(400, 80)
    true, _ = await undisturbed(context, count)
    before = {name: system.pids()[name] for name in system.run["services"]}
    callers = Callers(system)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(callers.submit(bodies, context.seed, rate=count / context.count(20, 8)))
    await asyncio.sleep(context.count(4, 2))
    async with unattended(context):
        await system.send_signal("broker", signal.SIGKILL)
        await asyncio.sleep(2)
    back_s = await _consuming(context)
    await asyncio.sleep(1)
    async with system.redis("broker") as broker:
        await broker.flushall()
    flushed_s = await _consuming(context)
    tally = await work
    tail_s = await callers.ended(tally, 60)
    left = [name for name, process in before.items() if system.pids()[name] != process]
    result.add(
        submitted=count,
        back_s=back_s,
        after_flush_s=flushed_s,
        tail_s=tail_s,
        exited=left,
        answers=dict(tally.statuses),
    )
    await verify(result, context, tally, true, count)
    result.require(not left, f"services that exited: {left}")
    result.require_in_time(back_s <= 5 and flushed_s <= 5, "consumption resumed too late")
    result.require(tally.server_errors == 0, f"5xx: {dict(tally.statuses)}")
    await system.healthy()
    return result


async def _consuming(context: Context) -> float:
    """Return the seconds until a new backtest is completed."""
    body = requests(1, time.monotonic_ns() & 0xFFFFFF, context.start, context.end)
    callers = Callers(context.system)
    began = time.monotonic()
    tally = await callers.submit(body, context.seed)
    await callers.ended(tally, 60)
    return time.monotonic() - began


def commands_of(log: bytes) -> list[int]:
    """Return the offset of each command of an append-only file."""
    starts, place = [], 0
    while place < len(log):
        if log[place : place + 1] == b"#":  # a timestamp annotation
            place = log.index(b"\r\n", place) + 2
            continue
        begin = place
        end = log.index(b"\r\n", place)
        words = int(log[place + 1 : end])
        place = end + 2
        for _ in range(words):
            end = log.index(b"\r\n", place)
            place = end + 2 + int(log[place + 1 : end]) + 2
        if place > len(log):
            break
        starts.append(begin)
    return starts


async def r4(context: Context) -> CheckResult:
    """Truncate the broker's append-only file by 1,000 entries and restart the broker."""
    result, system, count = CheckResult(), context.system, context.count(600, 150)
    true, _ = await undisturbed(context, count)
    callers = Callers(system, at_once=100)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(callers.submit(bodies, context.seed))
    await asyncio.sleep(1.5)
    async with unattended(context):
        await system.send_signal("broker", signal.SIGKILL)
        await asyncio.sleep(0.2)
        logs = sorted((system.home / "broker").rglob("*.incr.aof"))
        result.require(bool(logs), "the broker has no append-only file")
        cut = 0
        for log in logs[-1:]:
            cut = _cut_back(log, 1000)
    tally = await work
    tail_s = await callers.ended(tally, 60)
    result.add(submitted=count, cut=cut, tail_s=tail_s)
    await verify(result, context, tally, true, count)
    await system.healthy()
    return result


def _cut_back(log: pathlib.Path, entries: int) -> int:
    content = log.read_bytes()
    starts = commands_of(content)
    cut = min(entries, max(len(starts) - 1, 0))
    if cut:
        os.truncate(log, starts[-cut])
    return cut


async def hits(context: Context) -> tuple[float, float]:
    """Return (chunks read without the preparer, chunks requested from it) over all simulators."""
    hit = miss = 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        for name in context.system.simulators():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"http://127.0.0.1:{context.system.run['metrics'][name]}/metrics") as response:
                    for line in (await response.text()).splitlines():
                        if line.startswith("ondol_cache_requests_total"):
                            value = float(line.rpartition(" ")[2])
                            hit += value if 'outcome="hit"' in line else 0.0
                            miss += value if 'outcome="miss"' in line else 0.0
    return hit, miss


async def r5(context: Context) -> CheckResult:
    """Flush the cache and remove the mapped panels under load."""
    result, system, count = CheckResult(), context.system, context.count(400, 80)
    true, _ = await undisturbed(context, count)
    callers = Callers(system)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(callers.submit(bodies, context.seed, rate=count / context.count(20, 8)))
    await asyncio.sleep(2)
    async with system.redis("cache") as cache:
        await cache.flushall()
    for region in pathlib.Path(system.run["servers"]["panel_dir"]).glob("*.region"):
        region.unlink(missing_ok=True)
    (pathlib.Path(system.run["servers"]["panel_dir"]) / "evictions").touch()
    flushed = time.monotonic()
    tally = await work
    tail_s = await callers.ended(tally, 60)
    rate, again_s = 0.0, 0.0
    while rate < 0.99 and again_s < 30:
        before = await hits(context)
        more = await callers.submit(bodies[:20], context.seed)
        await callers.ended(more, 60)
        after = await hits(context)
        hit, miss = after[0] - before[0], after[1] - before[1]
        rate = hit / (hit + miss) if hit + miss else 0.0
        again_s = time.monotonic() - flushed
    result.add(submitted=count, hit_rate=rate, warm_again_s=again_s, tail_s=tail_s)
    await verify(result, context, tally, true, count)
    result.require(rate >= 0.99, f"hit rate {rate:.3f} after {again_s:.0f} s")
    result.require(tally.server_errors == 0, f"5xx: {dict(tally.statuses)}")
    await system.healthy()
    return result


async def r7(context: Context) -> CheckResult:
    """Fill the cache to three times its limit while runs are queued."""
    result, system, count = CheckResult(), context.system, context.count(1000, 150)
    true, _ = await undisturbed(context, count)
    callers = Callers(system, at_once=100)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(callers.submit(bodies, context.seed))
    async with system.redis("cache") as cache, system.redis("broker") as broker:
        limit = int((await cache.info("memory"))["maxmemory"])
        value = os.urandom(4 << 20)
        for number in range(3 * limit // len(value)):
            await cache.set(f"ondol:filler:{number}", value)
        tally = await work
        tail_s = await callers.ended(tally, 240)
        evicted = int((await broker.info("stats"))["evicted_keys"])
        gone = int((await cache.info("stats"))["evicted_keys"])
        for number in range(3 * limit // len(value)):
            await cache.unlink(f"ondol:filler:{number}")
    result.add(submitted=count, broker_evicted=evicted, cache_evicted=gone, tail_s=tail_s)
    await verify(result, context, tally, true, count)
    result.require(evicted == 0, f"the broker evicted {evicted} keys")
    result.require(gone > 0, "the cache was not full")
    await system.healthy()
    return result


async def flood(context: Context) -> CheckResult:
    """Send requests of 1,000 concurrent users, then 200 a second, from loopback without a key."""
    result, system = CheckResult(), context.system
    users = context.count(1000, 300)
    callers = Callers(system, at_once=users)
    bodies = requests(users, context.seed, context.start, context.end)
    await system.healthy()
    first = await callers.submit(bodies, context.seed, wait=30)
    await callers.ended(first, 120)
    seconds = context.count(20, 4)
    steady = [bodies[number % users] for number in range(200 * seconds)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        statuses: dict[int, int] = {}
        refusals: list[str] = []

        async def one(body: dict[str, object]) -> None:
            async with session.post(system.url + "/v1/backtests", json=body, headers={"Prefer": "wait=20"}) as response:
                text = await response.text()
                statuses[response.status] = statuses.get(response.status, 0) + 1
                if response.status not in (200, 202):
                    refusals.append(text)

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(steady):
                await asyncio.sleep(max(0.0, began + number / 200 - time.monotonic()))
                group.create_task(one(body))
        steady_s = time.monotonic() - began
    result.add(
        users=users, burst=dict(first.statuses), broken=dict(first.broken), burst_s=first.wall_s,
        slowest_s=first.slowest_s,
        steady=statuses, steady_s=steady_s,
    )  # fmt: skip
    result.require(len(first.accepted) == users, f"{users - len(first.accepted)} were never accepted")
    result.require(first.server_errors == 0 and not first.broken, f"burst: {dict(first.statuses)} {dict(first.broken)}")
    result.require(set(statuses) <= {200, 202}, f"steady: {statuses} {refusals[:3]}")
    return result


async def stopped_server(context: Context) -> CheckResult:
    """Stop the broker, then the cache, under load (SIGSTOP: connections stay open without responses)."""
    result, system = CheckResult(), context.system
    seconds = context.count(12, 4)
    count = 20 * (seconds + 4)
    true, _ = await undisturbed(context, count)
    for name in ("broker", "cache"):
        callers = Callers(system, at_once=4000, max_wait_s=seconds + 60)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(callers.submit(bodies, context.seed, rate=20))
        await asyncio.sleep(1)
        process = system.pids()[name]
        os.kill(process, signal.SIGSTOP)
        try:
            probes = [await probed(system.url + path) for _ in range(2) for path in ("/readyz", "/metrics")]
            await asyncio.sleep(seconds)
        finally:
            os.kill(process, signal.SIGCONT)
        back_s = await _consuming(context)
        tally = await work
        tail_s = await callers.ended(tally, 90)
        statuses, slowest = {status for status, _, _ in probes[::2]}, max(took for _, took, _ in probes)
        named = all(f'"{name}":false' in text for _, _, text in probes[::2])
        result.add(**{
            f"{name}_answers": dict(tally.statuses), f"{name}_slowest_s": tally.slowest_s, f"{name}_back_s": back_s,
            f"{name}_tail_s": tail_s, f"{name}_probes_s": slowest,
        })  # fmt: skip
        await verify(result, context, tally, true, count)
        result.require(set(tally.statuses) <= {200, 202}, f"{name}: {dict(tally.statuses)}")
        result.require(statuses == {503} and named, f"{name}: /readyz returned {probes[::2]}")
        result.require_in_time(slowest <= 4, f"{name}: a probe took {slowest:.1f} s")
        result.require_in_time(tally.slowest_s <= 3, f"{name}: a response took {tally.slowest_s:.1f} s")
        result.require_in_time(back_s <= 5, f"{name}: consumption resumed after {back_s:.1f} s")
        await system.healthy()
    return result


async def probed(url: str) -> tuple[int, float, str]:
    """Return (status, seconds, text) of a GET."""
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession() as session, session.get(url, timeout=timeout) as response:
        text = await response.text()
    return response.status, time.monotonic() - began, text


async def every_process(context: Context) -> CheckResult:
    """Send SIGKILL, SIGTERM and SIGSTOP (6 s) to every process in turn while backtests are submitted."""
    result, system = CheckResult(), context.system
    agent = ChaosAgent(context.seed, system.pids)
    numbers = [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP] if not context.quick else [signal.SIGKILL]
    count = context.count(1500, 100)
    true, _ = await undisturbed(context, count)
    callers = Callers(system)
    bodies = requests(count, context.seed, context.start, context.end)
    names = sorted(system.pids())
    seconds = len(numbers) * len(names) * context.count(6, 2)
    work = asyncio.create_task(callers.submit(bodies, context.seed, rate=count / seconds))
    slowest: dict[str, float] = {}
    for number in numbers:
        for name in names:
            agent.send(name, number)
            if number is signal.SIGSTOP:
                await asyncio.sleep(6)
                os.kill(system.pids()[name], signal.SIGCONT)
            began = time.monotonic()
            await asyncio.sleep(0.3)
            await system.healthy(40)
            took = time.monotonic() - began
            key = number.name
            slowest[key] = max(slowest.get(key, 0.0), took)
            await asyncio.sleep(max(0.0, context.count(4, 1) - took))
    tally = await work
    tail_s = await callers.ended(tally, 90)
    result.add(
        submitted=count, actions=len(agent.actions), back_s={k: round(v, 2) for k, v in slowest.items()}, tail_s=tail_s,
        answers=dict(tally.statuses), slowest_503_s=tally.slowest_refusal_s,
    )  # fmt: skip
    await verify(result, context, tally, true, count)
    result.require(tally.statuses[500] == 0, "a response of 500")
    await system.healthy()
    return result


async def until_gone(processes: dict[str, int], seconds: float) -> list[str]:
    """Return the names of processes that still run after `seconds`."""
    from tests.chaos.system import is_alive

    async def gone() -> bool:
        return not any(is_alive(process) for process in processes.values())

    with suppress(AssertionError):
        await until(gone, seconds, "the end of all processes")
    return [name for name, process in processes.items() if is_alive(process)]
