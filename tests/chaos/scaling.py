"""R6, R13, R14, K1: concurrent builders, scaling of simulators, a soak test, and SIGKILL of the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import signal
import sys
import time
from contextlib import suppress

from tests.chaos.caller import Callers, ends_of, requests
from tests.chaos.proxy import unix_proxy
from tests.chaos.redis_servers import until_gone
from tests.chaos.results import CheckResult, Context
from tests.chaos.simulators import undisturbed, verify
from tests.chaos.system import System, environment, is_alive, ondol, serving, until


def service_variables(system: System) -> dict[str, str]:
    """Return the environment of a further process of a service of a system."""
    servers = system.run["servers"]
    return environment(
        ONDOL_DATABASE_URL=servers["database_url"], ONDOL_BROKER_URL=servers["broker_url"],
        ONDOL_CACHE_URL=servers["cache_url"], ONDOL_PANEL_DIR=servers["panel_dir"], ONDOL_METRICS_PORT="0",
    )  # fmt: skip


async def start(system: System, service: str, **more: str) -> asyncio.subprocess.Process:
    """Start a further process of a service on the servers of a system."""
    with (system.home / "logs" / f"extra-{service}.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            f"services.{service}",
            env={**service_variables(system), **more},
            stdout=log,
            stderr=log,
        )


async def r6(context: Context) -> CheckResult:
    """Run the tests of the builder: 200 callers, builder killed during a build, builder stopped past its lease."""
    result = CheckResult()
    tests = pathlib.Path(__file__).parent / "test_builders.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", str(tests), env=environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=str(tests.parent.parent.parent),
    )  # fmt: skip
    output, _ = await process.communicate()
    last = output.decode().strip().splitlines()[-1:]
    result.add(tests=" ".join(last))
    result.require(process.returncode == 0, output.decode()[-800:])
    return result


async def r13(context: Context) -> CheckResult:
    """Scale simulators 1 -> 8 -> 2 while runs are submitted."""
    result, count = CheckResult(), context.count(2000, 200)
    async with serving(context.scratch / "scaling", simulators=1) as system:
        await system.load(context.market)
        await system.warm_run_ended()
        mine = Context(**{**context.__dict__, "system": system})
        true, _ = await undisturbed(mine, count)
        callers = Callers(system, at_once=200)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(callers.submit(bodies, context.seed, rate=count / context.count(40, 12)))
        await asyncio.sleep(context.count(8, 3))
        before = set(system.simulators())
        began = time.monotonic()
        ordering = asyncio.create_task(ondol("scale", "8", "--home", str(system.home), "--json"))
        try:
            await until(lambda: _some_work(system, _ports_of_new(system, before)), 30, "a new simulator at work")
            first_s = time.monotonic() - began

            async def all_work() -> bool:
                return await _consumers(system, _ports_of_new(system, before), at_work=True) == 7

            await until(all_work, 30, "seven new simulators at work")
            joined_s = time.monotonic() - began
        finally:
            output = json.loads(await ordering)
        result.add(first_s=first_s, joined_s=joined_s, supervisor_s=output["seconds"])
        result.require_in_time(
            joined_s <= 2, f"seven new simulators received work after {joined_s:.1f} s, the first after {first_s:.1f} s"
        )
        await asyncio.sleep(context.count(10, 2))
        output = json.loads(await ondol("scale", "2", "--home", str(system.home), "--json"))
        left = list(output["stopped"].values())
        result.add(left_s=output["seconds"])
        result.require(len(left) == 6, f"{len(left)} simulators stopped")
        result.require(len(system.simulators()) == 2, f"{system.simulators()} remain")
        tally = await work
        tail_s = await callers.ended(tally, 120)
        result.add(submitted=count, tail_s=tail_s, codes=sorted(set(left)))
        result.require(set(left) == {0}, f"simulators exited with {left}")
        await verify(result, mine, tally, true, count)
    return result


def _ports_of_new(system: System, before: set[str]) -> list[int]:
    """Return the ports of new simulators; consumer names of the stream end with the port."""
    return [port for name, port in system.run["metrics"].items() if name.startswith("simulator") and name not in before]


async def _some_work(system: System, ids: list[int]) -> bool:
    return await _consumers(system, ids, at_work=True) > 0


async def _consumers(system: System, ids: list[int], *, at_work: bool) -> int:
    """Return how many of the consumers whose names end with `ids` read the stream, or have received work from it."""
    async with system.redis("broker") as broker:
        with suppress(Exception):
            consumers = await broker.xinfo_consumers("ondol:backtests", "simulators")
            names = {int(one["name"].rpartition(b"-")[2]) for one in consumers if not at_work or one["inactive"] >= 0}
            return len(names & set(ids))
    return 0


async def r14(context: Context) -> CheckResult:
    """Check memory, descriptors and streams over many runs."""
    result, system = CheckResult(), context.system
    total, batch = context.count(20_000, 600), context.count(1000, 100)
    callers = Callers(system, at_once=100)
    names = ["api", "preparer", "warmer", *system.simulators()]
    before = system.pids()
    samples: list[dict[str, tuple[int, int]]] = []
    for number in range(total // batch):
        bodies = requests(batch, context.seed + number, context.start, context.end)
        tally = await callers.submit(bodies, context.seed)
        await callers.ended(tally, 300)
        ends = await ends_of(system, tally)
        result.require(ends.statuses["completed"] == batch, f"batch {number}: {dict(ends.statuses)}")
        samples.append({name: _use(before[name]) for name in names})
    settled = samples[len(samples) // 3 :]
    slopes = {}
    for name in names:
        first, last = settled[0][name], settled[-1][name]
        runs = (len(settled) - 1) * batch / 1000
        slopes[name] = round((last[0] - first[0]) / 2**20 / runs, 3) if runs else 0.0
    opened = {name: (settled[0][name][1], settled[-1][name][1]) for name in names}
    async with system.redis("broker") as broker:
        length = await broker.xlen("ondol:backtests")
        groups = await broker.xinfo_groups("ondol:backtests")
        pending = sum(int(group["pending"]) for group in groups)
    result.add(runs=total, mib_per_1000=slopes, stream=length, pending=pending, descriptors=opened)
    result.require(all(system.pids()[name] == before[name] for name in names), "a process was restarted")
    limit = context.count(1, 20)
    result.require(max(slopes.values()) < limit, f"memory grows: {slopes}")
    result.require(length == 0 and pending == 0, f"stream {length}, pending {pending}")
    result.require(all(b <= a + 5 for a, b in opened.values()), f"descriptors grow: {opened}")
    return result


def _use(process: int) -> tuple[int, int]:
    """Return (anonymous resident bytes, descriptors) of a process."""
    status = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
    return kib * 1024, len(list(pathlib.Path(f"/proc/{process}/fd").iterdir()))


async def supervisor(context: Context) -> CheckResult:
    """Kill the supervisor under load: no process remains, the home can be served again, accepted runs complete."""
    result, count = CheckResult(), context.count(400, 120)
    home = context.scratch / "supervised"
    async with serving(home, simulators=2) as system:
        await system.load(context.market)
        await system.warm_run_ended()
        callers = Callers(system, at_once=100, max_wait_s=2)
        bodies = requests(count, context.seed, context.start, context.end)
        work = asyncio.create_task(callers.submit(bodies, context.seed))
        await asyncio.sleep(1.0)
        processes, sockets = system.pids(), pathlib.Path(system.run["servers"]["sockets"])
        panels = pathlib.Path(system.run["servers"]["panel_dir"])
        os.kill(system.process.pid, signal.SIGKILL)
        await system.process.wait()
        orphans = await until_gone(processes, 15)
        tally = await work

    async def swept() -> bool:
        return not sockets.exists() and not panels.exists()

    with suppress(AssertionError):
        await until(swept, 10, "the removal of sockets and panels")
    result.add(accepted=len(tally.accepted), orphans=orphans, left=[str(p) for p in (sockets, panels) if p.exists()])
    result.require(not orphans, f"orphaned: {orphans}")
    result.require(await swept(), "sockets or panels remain")
    began = time.monotonic()
    async with serving(home, simulators=2) as system:
        again_s = time.monotonic() - began
        callers = Callers(system)
        tail_s = await callers.ended(tally, 60)
        ends = await ends_of(system, tally)
        stop_s = await system.stop()
        stayed = [name for name, process in processes.items() if is_alive(process)]
    result.add(again_s=again_s, tail_s=tail_s, completed=ends.statuses["completed"], lost=ends.lost, stop_s=stop_s)
    result.require(ends.statuses["completed"] == len(tally.accepted), f"ends: {dict(ends.statuses)}")
    result.require(ends.lost == 0 and not stayed, f"{ends.lost} lost")
    return result


async def links(context: Context) -> CheckResult:
    """Run a simulator over connections to all servers that are slow, stalled beyond its lease, and lost."""
    result, system, count = CheckResult(), context.system, context.count(600, 120)
    true, _ = await undisturbed(context, count)
    servers = system.run["servers"]
    folder = context.scratch / "links"
    folder.mkdir(exist_ok=True)
    sockets = pathlib.Path(servers["sockets"])
    async with (
        unix_proxy(str(sockets / "postgres" / ".s.PGSQL.5432"), str(folder / ".s.PGSQL.5432")) as database,
        unix_proxy(str(sockets / "redis" / "broker.sock"), str(folder / "broker.sock")) as broker,
        unix_proxy(str(sockets / "redis" / "cache.sock"), str(folder / "cache.sock")) as cache,
    ):
        proxied = {
            "ONDOL_DATABASE_URL": servers["database_url"].replace(str(sockets / "postgres"), str(folder)),
            "ONDOL_BROKER_URL": servers["broker_url"].replace(str(sockets / "redis"), str(folder)),
            "ONDOL_CACHE_URL": servers["cache_url"].replace(str(sockets / "redis"), str(folder)),
        }
        process = await start(system, "simulator", **proxied)
        try:
            await until(lambda: _has_consumer(system, process.pid), 20, "the simulator behind the proxies")
            callers = Callers(system)
            bodies = requests(count, context.seed, context.start, context.end)
            work = asyncio.create_task(callers.submit(bodies, context.seed, rate=count / context.count(40, 20)))
            for proxy in (database, broker, cache) * (1 if context.quick else 2):
                proxy.delay_s = 0.05
                await asyncio.sleep(1)
                proxy.hold()
                await asyncio.sleep(context.count(6, 5))
                proxy.release()
                proxy.delay_s = 0.0
                proxy.cut()
            tally = await work
            tail_s = await callers.ended(tally, 120)
            result.require(process.returncode is None, f"the simulator exited with {process.returncode}")
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    result.add(
        submitted=count, connections=database.connections + broker.connections + cache.connections, tail_s=tail_s
    )
    await verify(result, context, tally, true, count)
    return result


async def _has_consumer(system: System, process: int) -> bool:
    return await _consumers(system, [process], at_work=False) == 1
