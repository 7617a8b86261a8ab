"""R3, R4, R5, R7: what may happen to the broker and the cache."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp

from tests.chaos.caller import Crowd, requests
from tests.chaos.chaos_agent import Killer
from tests.chaos.results import Context, Finding
from tests.chaos.simulators import judge, truth
from tests.chaos.system import until


@asynccontextmanager
async def unattended(context: Context) -> AsyncIterator[None]:
    """The supervisor stands still, so that what is killed stays dead until the end of the block."""
    os.kill(context.house.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(context.house.process.pid, signal.SIGCONT)


async def r3(context: Context) -> Finding:
    """The broker is killed for 2 s, then flushed, while backtests are submitted."""
    finding, house, count = Finding(), context.house, context.count(400, 80)
    true, _ = await truth(context, count)
    before = {name: house.pids()[name] for name in house.run["services"]}
    crowd = Crowd(house)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=count / context.count(20, 8)))
    await asyncio.sleep(context.count(4, 2))
    async with unattended(context):
        os.kill(house.pids()["broker"], signal.SIGKILL)
        await asyncio.sleep(2)
    back_s = await _consuming(context)
    await asyncio.sleep(1)
    async with house.redis("broker") as broker:
        await broker.flushall()
    flushed_s = await _consuming(context)
    tally = await work
    tail_s = await crowd.ended(tally, 60)
    left = [name for name, process in before.items() if house.pids()[name] != process]
    finding.note(
        asked=count, back_s=back_s, after_flush_s=flushed_s, tail_s=tail_s, exited=left, answers=dict(tally.answers)
    )
    await judge(finding, context, tally, true, count)
    finding.must(not left, f"services that exited: {left}")
    finding.in_time(back_s <= 5 and flushed_s <= 5, "consuming again too late")
    finding.must(tally.server_errors == 0, f"5xx: {dict(tally.answers)}")
    await house.healthy()
    return finding


async def _consuming(context: Context) -> float:
    """Seconds until a new backtest is completed."""
    body = requests(1, time.monotonic_ns() & 0xFFFFFF, context.start, context.end)
    crowd = Crowd(context.house)
    began = time.monotonic()
    tally = await crowd.submit(body, context.seed)
    await crowd.ended(tally, 60)
    return time.monotonic() - began


def commands_of(log: bytes) -> list[int]:
    """Where each command of an append-only file begins."""
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


async def r4(context: Context) -> Finding:
    """The broker's log loses its last 1,000 entries and the broker is restarted."""
    finding, house, count = Finding(), context.house, context.count(600, 150)
    true, _ = await truth(context, count)
    crowd = Crowd(house, at_once=100)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(crowd.submit(bodies, context.seed))
    await asyncio.sleep(1.5)
    async with unattended(context):
        os.kill(house.pids()["broker"], signal.SIGKILL)
        await asyncio.sleep(0.2)
        logs = sorted((house.home / "broker").rglob("*.incr.aof"))
        finding.must(bool(logs), "the broker keeps no log")
        cut = 0
        for log in logs[-1:]:
            cut = _cut_back(log, 1000)
    tally = await work
    tail_s = await crowd.ended(tally, 60)
    finding.note(asked=count, cut=cut, tail_s=tail_s)
    await judge(finding, context, tally, true, count)
    await house.healthy()
    return finding


def _cut_back(log: pathlib.Path, entries: int) -> int:
    content = log.read_bytes()
    starts = commands_of(content)
    cut = min(entries, max(len(starts) - 1, 0))
    if cut:
        os.truncate(log, starts[-cut])
    return cut


async def hits(context: Context) -> tuple[float, float]:
    """(chunks that came without the preparer, chunks that did not), over all simulators."""
    hit = miss = 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        for name in context.house.simulators():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"http://127.0.0.1:{context.house.run['metrics'][name]}/metrics") as response:
                    for line in (await response.text()).splitlines():
                        if line.startswith("ondol_cache_requests_total"):
                            value = float(line.rpartition(" ")[2])
                            hit += value if 'outcome="hit"' in line else 0.0
                            miss += value if 'outcome="miss"' in line else 0.0
    return hit, miss


async def r5(context: Context) -> Finding:
    """The cache is flushed and the mapped tier is emptied under load."""
    finding, house, count = Finding(), context.house, context.count(400, 80)
    true, _ = await truth(context, count)
    crowd = Crowd(house)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=count / context.count(20, 8)))
    await asyncio.sleep(2)
    async with house.redis("cache") as cache:
        await cache.flushall()
    for region in pathlib.Path(house.run["servers"]["panel_dir"]).glob("*.region"):
        region.unlink(missing_ok=True)
    (pathlib.Path(house.run["servers"]["panel_dir"]) / "evictions").touch()
    flushed = time.monotonic()
    tally = await work
    tail_s = await crowd.ended(tally, 60)
    rate, again_s = 0.0, 0.0
    while rate < 0.99 and again_s < 30:
        before = await hits(context)
        more = await crowd.submit(bodies[:20], context.seed)
        await crowd.ended(more, 60)
        after = await hits(context)
        hit, miss = after[0] - before[0], after[1] - before[1]
        rate = hit / (hit + miss) if hit + miss else 0.0
        again_s = time.monotonic() - flushed
    finding.note(asked=count, hit_rate=rate, warm_again_s=again_s, tail_s=tail_s)
    await judge(finding, context, tally, true, count)
    finding.must(rate >= 0.99, f"hit rate {rate:.3f} after {again_s:.0f} s")
    finding.must(tally.server_errors == 0, f"5xx: {dict(tally.answers)}")
    await house.healthy()
    return finding


async def r7(context: Context) -> Finding:
    """The cache is filled to three times its limit while runs are queued."""
    finding, house, count = Finding(), context.house, context.count(1000, 150)
    true, _ = await truth(context, count)
    crowd = Crowd(house, at_once=100)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(crowd.submit(bodies, context.seed))
    async with house.redis("cache") as cache, house.redis("broker") as broker:
        limit = int((await cache.info("memory"))["maxmemory"])
        value = os.urandom(4 << 20)
        for number in range(3 * limit // len(value)):
            await cache.set(f"ondol:filler:{number}", value)
        tally = await work
        tail_s = await crowd.ended(tally, 240)
        evicted = int((await broker.info("stats"))["evicted_keys"])
        gone = int((await cache.info("stats"))["evicted_keys"])
        for number in range(3 * limit // len(value)):
            await cache.unlink(f"ondol:filler:{number}")
    finding.note(asked=count, broker_evicted=evicted, cache_evicted=gone, tail_s=tail_s)
    await judge(finding, context, tally, true, count)
    finding.must(evicted == 0, f"the broker evicted {evicted} keys")
    finding.must(gone > 0, "the cache was not full")
    await house.healthy()
    return finding


async def flood(context: Context) -> Finding:
    """1,000 users at once, then 200 requests a second, from the loopback without a key."""
    finding, house = Finding(), context.house
    users = context.count(1000, 300)
    crowd = Crowd(house, at_once=users)
    bodies = requests(users, context.seed, context.start, context.end)
    await house.healthy()
    first = await crowd.submit(bodies, context.seed, wait=30)
    await crowd.ended(first, 120)
    seconds = context.count(20, 4)
    steady = [bodies[number % users] for number in range(200 * seconds)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        statuses: dict[int, int] = {}

        async def one(body: dict[str, object]) -> None:
            async with session.post(house.url + "/v1/backtests", json=body, headers={"Prefer": "wait=20"}) as response:
                await response.read()
                statuses[response.status] = statuses.get(response.status, 0) + 1

        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(steady):
                await asyncio.sleep(max(0.0, began + number / 200 - time.monotonic()))
                group.create_task(one(body))
        steady_s = time.monotonic() - began
    finding.note(
        users=users, burst=dict(first.answers), broken=dict(first.broken), burst_s=first.wall_s,
        slowest_s=first.slowest_s,
        steady=statuses, steady_s=steady_s,
    )  # fmt: skip
    finding.must(len(first.accepted) == users, f"{users - len(first.accepted)} were never accepted")
    finding.must(first.server_errors == 0 and not first.broken, f"burst: {dict(first.answers)} {dict(first.broken)}")
    finding.must(set(statuses) <= {200, 202}, f"steady: {statuses}")
    return finding


async def standing_still(context: Context) -> Finding:
    """The broker stands still under load (SIGSTOP: connections stay open and nothing answers), then the cache."""
    finding, house = Finding(), context.house
    seconds = context.count(12, 4)
    count = 20 * (seconds + 4)
    true, _ = await truth(context, count)
    for name in ("broker", "cache"):
        crowd = Crowd(house, at_once=4000, patience_s=seconds + 60)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=20))
        await asyncio.sleep(1)
        process = house.pids()[name]
        os.kill(process, signal.SIGSTOP)
        try:
            probes = [await _probed(house.url + path) for _ in range(2) for path in ("/readyz", "/metrics")]
            await asyncio.sleep(seconds)
        finally:
            os.kill(process, signal.SIGCONT)
        back_s = await _consuming(context)
        tally = await work
        tail_s = await crowd.ended(tally, 90)
        statuses, slowest = {status for status, _, _ in probes[::2]}, max(took for _, took, _ in probes)
        named = all(f'"{name}":false' in text for _, _, text in probes[::2])
        finding.note(**{
            f"{name}_answers": dict(tally.answers), f"{name}_slowest_s": tally.slowest_s, f"{name}_back_s": back_s,
            f"{name}_tail_s": tail_s, f"{name}_probes_s": slowest,
        })  # fmt: skip
        await judge(finding, context, tally, true, count)
        finding.must(set(tally.answers) <= {200, 202}, f"{name}: {dict(tally.answers)}")
        finding.must(statuses == {503} and named, f"{name}: /readyz said {probes[::2]}")
        finding.in_time(slowest <= 4, f"{name}: a probe took {slowest:.1f} s")
        finding.in_time(tally.slowest_s <= 3, f"{name}: an answer took {tally.slowest_s:.1f} s")
        finding.in_time(back_s <= 5, f"{name}: consuming again after {back_s:.1f} s")
        await house.healthy()
    return finding


async def _probed(url: str) -> tuple[int, float, str]:
    """(status, seconds, text) of a GET."""
    began = time.monotonic()
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession() as session, session.get(url, timeout=timeout) as response:
        text = await response.text()
    return response.status, time.monotonic() - began, text


async def every_process(context: Context) -> Finding:
    """SIGKILL, SIGTERM and SIGSTOP for 6 s to every process, one after the other, while backtests are submitted."""
    finding, house = Finding(), context.house
    killer = Killer(context.seed, house.pids)
    numbers = [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP] if not context.quick else [signal.SIGKILL]
    count = context.count(1500, 100)
    true, _ = await truth(context, count)
    crowd = Crowd(house)
    bodies = requests(count, context.seed, context.start, context.end)
    names = sorted(house.pids())
    seconds = len(numbers) * len(names) * context.count(6, 2)
    work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=count / seconds))
    slowest: dict[str, float] = {}
    for number in numbers:
        for name in names:
            killer.send(name, number)
            if number is signal.SIGSTOP:
                await asyncio.sleep(6)
                os.kill(house.pids()[name], signal.SIGCONT)
            began = time.monotonic()
            await asyncio.sleep(0.3)
            await house.healthy(40)
            took = time.monotonic() - began
            key = number.name
            slowest[key] = max(slowest.get(key, 0.0), took)
            await asyncio.sleep(max(0.0, context.count(4, 1) - took))
    tally = await work
    tail_s = await crowd.ended(tally, 90)
    finding.note(
        asked=count, deeds=len(killer.deeds), back_s={k: round(v, 2) for k, v in slowest.items()}, tail_s=tail_s,
        answers=dict(tally.answers), slowest_503_s=tally.slowest_refusal_s,
    )  # fmt: skip
    await judge(finding, context, tally, true, count)
    finding.must(tally.answers[500] == 0, "answered 500")
    await house.healthy()
    return finding


async def until_gone(processes: dict[str, int], seconds: float) -> list[str]:
    """Names of the processes that still live after so many seconds."""
    from tests.chaos.system import is_alive

    async def gone() -> bool:
        return not any(is_alive(process) for process in processes.values())

    with suppress(AssertionError):
        await until(gone, seconds, "the end of all processes")
    return [name for name, process in processes.items() if is_alive(process)]
