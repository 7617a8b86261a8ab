"""R6, R13, R14, K1: builders, a fleet that grows and shrinks, a long run, and the death of the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import sys
import time
from contextlib import suppress

from tests.chaos.caller import Crowd, ends_of, requests
from tests.chaos.proxy import unix_proxy
from tests.chaos.redis_servers import until_gone
from tests.chaos.results import Context, Finding
from tests.chaos.simulators import judge, truth
from tests.chaos.system import House, environment, is_alive, ondol, serving, until


def _variables(house: House) -> dict[str, str]:
    servers = house.run["servers"]
    return environment(
        ONDOL_DATABASE_URL=servers["database_url"], ONDOL_BROKER_URL=servers["broker_url"],
        ONDOL_CACHE_URL=servers["cache_url"], ONDOL_PANEL_DIR=servers["panel_dir"], ONDOL_METRICS_PORT="0",
    )  # fmt: skip


async def start(house: House, service: str, **more: str) -> asyncio.subprocess.Process:
    """One more process of a service over the servers of a house."""
    with (house.home / "logs" / f"extra-{service}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{service}", env={**_variables(house), **more}, stdout=log, stderr=log
        )


async def r6(context: Context) -> Finding:
    """The builder's checks, which are tests of their own: 200 callers, killed midway, stopped and late."""
    finding = Finding()
    tests = pathlib.Path(__file__).parent / "test_builders.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", str(tests), env=environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=str(tests.parent.parent.parent),
    )  # fmt: skip
    output, _ = await process.communicate()
    last = output.decode().strip().splitlines()[-1:]
    finding.note(tests=" ".join(last))
    finding.must(process.returncode == 0, output.decode()[-800:])
    return finding


async def r13(context: Context) -> Finding:
    """Simulators 1 -> 8 -> 2 while runs are submitted."""
    finding, count = Finding(), context.count(2000, 200)
    async with serving(context.scratch / "fleet", simulators=1) as house:
        await house.load(context.market)
        await house.warm_run_ended()
        mine = Context(**{**context.__dict__, "house": house})
        true, _ = await truth(mine, count)
        crowd = Crowd(house, at_once=200)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=count / context.count(40, 12)))
        await asyncio.sleep(context.count(8, 3))
        before = set(house.simulators())
        began = time.monotonic()
        ordering = asyncio.create_task(ondol("scale", "8", "--home", str(house.home), "--json"))
        try:
            await until(lambda: _some_work(house, _new(house, before)), 30, "a new one at work")
            first_s = time.monotonic() - began

            async def all_work() -> bool:
                return await _consumers(house, _new(house, before), at_work=True) == 7

            await until(all_work, 30, "seven new ones at work")
            joined_s = time.monotonic() - began
        finally:
            told = json.loads(await ordering)
        finding.note(first_s=first_s, joined_s=joined_s, supervisor_s=told["seconds"])
        finding.in_time(
            joined_s <= 2, f"seven new ones took work after {joined_s:.1f} s, the first after {first_s:.1f} s"
        )
        await asyncio.sleep(context.count(10, 2))
        told = json.loads(await ondol("scale", "2", "--home", str(house.home), "--json"))
        left = list(told["stopped"].values())
        finding.note(left_s=told["seconds"])
        finding.must(len(left) == 6, f"{len(left)} simulators left")
        finding.must(len(house.simulators()) == 2, f"{house.simulators()} are there")
        tally = await work
        tail_s = await crowd.ended(tally, 120)
        finding.note(asked=count, tail_s=tail_s, codes=sorted(set(left)))
        finding.must(set(left) == {0}, f"simulators left with {left}")
        await judge(finding, mine, tally, true, count)
    return finding


def _new(house: House, before: set[str]) -> list[int]:
    """Ports of the simulators that were not there before; their names in the stream end with them."""
    return [port for name, port in house.run["metrics"].items() if name.startswith("simulator") and name not in before]


async def _some_work(house: House, ids: list[int]) -> bool:
    return await _consumers(house, ids, at_work=True) > 0


async def _consumers(house: House, ids: list[int], *, at_work: bool) -> int:
    """How many of these read the stream, or have taken work from it; their names end with `ids`, ports or processes."""
    async with house.redis("broker") as broker:
        with suppress(Exception):
            found = await broker.xinfo_consumers("ondol:backtests", "simulators")
            names = {int(one["name"].rpartition(b"-")[2]) for one in found if not at_work or one["inactive"] >= 0}
            return len(names & set(ids))
    return 0


async def r14(context: Context) -> Finding:
    """A soak: memory, descriptors, streams."""
    finding, house = Finding(), context.house
    total, batch = context.count(20_000, 600), context.count(1000, 100)
    crowd = Crowd(house, at_once=100)
    names = ["api", "preparer", "warmer", *house.simulators()]
    before = house.pids()
    samples: list[dict[str, tuple[int, int]]] = []
    for number in range(total // batch):
        bodies = requests(batch, context.seed + number, context.start, context.end)
        tally = await crowd.submit(bodies, context.seed)
        await crowd.ended(tally, 300)
        ends = await ends_of(house, tally)
        finding.must(ends.statuses["completed"] == batch, f"batch {number}: {dict(ends.statuses)}")
        samples.append({name: _use(before[name]) for name in names})
    settled = samples[len(samples) // 3 :]
    slopes = {}
    for name in names:
        first, last = settled[0][name], settled[-1][name]
        runs = (len(settled) - 1) * batch / 1000
        slopes[name] = round((last[0] - first[0]) / 2**20 / runs, 3) if runs else 0.0
    opened = {name: (settled[0][name][1], settled[-1][name][1]) for name in names}
    async with house.redis("broker") as broker:
        length = await broker.xlen("ondol:backtests")
        groups = await broker.xinfo_groups("ondol:backtests")
        pending = sum(int(group["pending"]) for group in groups)
    finding.note(runs=total, mib_per_1000=slopes, stream=length, pending=pending, descriptors=opened)
    finding.must(all(house.pids()[name] == before[name] for name in names), "a process was restarted")
    limit = context.count(1, 20)
    finding.must(max(slopes.values()) < limit, f"memory grows: {slopes}")
    finding.must(length == 0 and pending == 0, f"stream {length}, pending {pending}")
    finding.must(all(b <= a + 5 for a, b in opened.values()), f"descriptors grow: {opened}")
    return finding


def _use(process: int) -> tuple[int, int]:
    """(anonymous resident bytes, descriptors) of a process."""
    status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    return kib * 1024, len(list(pathlib.Path(f"/proc/{process}/fd").iterdir()))


async def supervisor(context: Context) -> Finding:
    """kill -9 of the supervisor under load: nothing is orphaned, the home serves again, and what was accepted ends."""
    finding, count = Finding(), context.count(400, 120)
    home = context.scratch / "supervised"
    async with serving(home, simulators=2) as house:
        await house.load(context.market)
        await house.warm_run_ended()
        crowd = Crowd(house, at_once=100, patience_s=2)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(crowd.submit(bodies, context.seed))
        await asyncio.sleep(1.0)
        processes, sockets = house.pids(), pathlib.Path(house.run["servers"]["sockets"])
        panels = pathlib.Path(house.run["servers"]["panel_dir"])
        os.kill(house.process.pid, signal.SIGKILL)
        await house.process.wait()
        orphans = await until_gone(processes, 15)
        tally = await work

    async def swept() -> bool:
        return not sockets.exists() and not panels.exists()

    with suppress(AssertionError):
        await until(swept, 10, "the removal of sockets and panels")
    finding.note(accepted=len(tally.accepted), orphans=orphans, left=[str(p) for p in (sockets, panels) if p.exists()])
    finding.must(not orphans, f"orphaned: {orphans}")
    finding.must(await swept(), "sockets or panels stayed")
    began = time.monotonic()
    async with serving(home, simulators=2) as house:
        again_s = time.monotonic() - began
        crowd = Crowd(house)
        tail_s = await crowd.ended(tally, 60)
        ends = await ends_of(house, tally)
        stop_s = await house.stop()
        stayed = [name for name, process in processes.items() if is_alive(process)]
    finding.note(again_s=again_s, tail_s=tail_s, completed=ends.statuses["completed"], lost=ends.lost, stop_s=stop_s)
    finding.must(ends.statuses["completed"] == len(tally.accepted), f"ends: {dict(ends.statuses)}")
    finding.must(ends.lost == 0 and not stayed, f"{ends.lost} lost")
    return finding


async def links(context: Context) -> Finding:
    """One simulator works over bad links to all three servers: slow, held for longer than its lease, cut."""
    finding, house, count = Finding(), context.house, context.count(600, 120)
    true, _ = await truth(context, count)
    servers = house.run["servers"]
    folder = context.scratch / "links"
    folder.mkdir(exist_ok=True)
    sockets = pathlib.Path(servers["sockets"])
    async with (
        unix_proxy(str(sockets / "postgres" / ".s.PGSQL.5432"), str(folder / ".s.PGSQL.5432")) as record,
        unix_proxy(str(sockets / "redis" / "broker.sock"), str(folder / "broker.sock")) as broker,
        unix_proxy(str(sockets / "redis" / "cache.sock"), str(folder / "cache.sock")) as cache,
    ):
        away = {
            "ONDOL_DATABASE_URL": servers["database_url"].replace(str(sockets / "postgres"), str(folder)),
            "ONDOL_BROKER_URL": servers["broker_url"].replace(str(sockets / "redis"), str(folder)),
            "ONDOL_CACHE_URL": servers["cache_url"].replace(str(sockets / "redis"), str(folder)),
        }
        process = await start(house, "simulator", **away)
        try:
            await until(lambda: _has_consumer(house, process.pid), 20, "the simulator behind the links")
            crowd = Crowd(house)
            bodies = requests(count, context.seed, context.start, context.end)
            work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=count / context.count(40, 20)))
            for proxy in (record, broker, cache) * (1 if context.quick else 2):
                proxy.delay_s = 0.05
                await asyncio.sleep(1)
                proxy.hold()
                await asyncio.sleep(context.count(6, 5))
                proxy.release()
                proxy.delay_s = 0.0
                proxy.cut()
            tally = await work
            tail_s = await crowd.ended(tally, 120)
            finding.must(process.returncode is None, f"the simulator ended with {process.returncode}")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    finding.note(asked=count, links=record.links_made + broker.links_made + cache.links_made, tail_s=tail_s)
    await judge(finding, context, tally, true, count)
    return finding


async def _has_consumer(house: House, process: int) -> bool:
    return await _consumers(house, [process], at_work=False) == 1
