"""The whole system under measurement: load, prepare, warm, serve, answer, over a home of its own and over HTTP."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import pathlib
import shutil
import signal
import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from redis import Redis

from bench.client import Connection, drive, request_bytes
from bench.load_generator import Figures, backtests, burst
from bench.local_system import Served, serving
from bench.processes import ChildError, cpu_s, memory_mb, ondol, parent_of, started_monotonic

Told = Callable[[str], None]
PATIENCE_S = 120.0
QUIET_S = 4.0


# ---- loading and preparing ---------------------------------------------------------------------------------------


def market(folder: pathlib.Path, stocks: int, years: int) -> float:
    """Writes the synthetic market; seconds."""
    return ondol("synthesize", str(folder), "--stocks", str(stocks), "--years", str(years), "--seed", "1").seconds


def split_last_day(source: pathlib.Path, base: pathlib.Path, increment: pathlib.Path) -> None:
    """The market without its last day, and that day alone."""
    shutil.copytree(source, base, dirs_exist_ok=True)
    increment.mkdir(parents=True, exist_ok=True)
    prices = pl.read_parquet(source / "prices.parquet")
    last = prices["date"].max()
    prices.filter(pl.col("date") < last).write_parquet(base / "prices.parquet", compression="lz4")
    prices.filter(pl.col("date") == last).write_parquet(increment / "prices.parquet", compression="lz4")
    companies = pl.read_parquet(source / "companies.parquet")
    companies.write_parquet(increment / "companies.parquet")


def restated(source: pathlib.Path, target: pathlib.Path) -> None:
    """The same market with another volume in every row."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "companies.parquet", target)
    prices = pl.read_parquet(source / "prices.parquet")
    prices.with_columns(pl.col("volume") * 2).write_parquet(target / "prices.parquet", compression="lz4")


def load(folder: pathlib.Path, home: pathlib.Path) -> Figures:
    """Loads a market directory with the command; rows a second by its own report and by the wall of the command."""
    ended = ondol("load", str(folder), "--home", str(home), "--json")
    report = ended.json()
    rows = report["rows"]["prices"]
    return {
        "rows": rows, "rows_per_s": rows / report["seconds"], "load_s": report["seconds"], "verb_s": ended.seconds,
        "peak_rss_mb": ended.peak_rss_mb, "verb_cpu_s": ended.cpu_s,
    }  # fmt: skip


def published(served: Served, folder: pathlib.Path) -> Figures:
    """Loads into a system that serves, and waits until its preparer has published; by stage as the preparer counts."""
    before = _stages(served)
    report = ondol("load", str(folder), "--home", str(served.home), "--json").json()
    begin, cpu = time.perf_counter(), cpu_s(served.process)
    while True:
        newest = next((v for v in served.get("/v1/datasets")["items"] if v["current"]), None)
        if newest is not None and newest["revision"] >= report["revision"]:
            break
        if time.perf_counter() - begin > PATIENCE_S:
            raise ChildError("nothing was published in time")
        time.sleep(0.02)
    seconds = time.perf_counter() - begin
    after = _stages(served)
    stages = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {
        "published_s": max(seconds, stages.get("total", 0.0)), "waited_s": seconds, "stages_s": stages,
        "system_cpu_s": cpu_s(served.process) - cpu,
    }  # fmt: skip


def _stages(served: Served) -> dict[str, float]:
    found = served.metrics()
    start = 'ondol_prepare_seconds_sum{stage="'
    return {name.removeprefix(start)[:-2]: value for name, value in found.items() if name.startswith(start)}


# ---- loading and preparing: the parts ----------------------------------------------------------------------------


def loading(work: pathlib.Path, folder: pathlib.Path, tell: Told) -> Figures:
    """P11: rows into an empty table, the same rows restated, and loaded again without effect."""
    home, other = work / "home-load", work / "market-restated"
    found: Figures = {"empty": load(folder, home)}
    tell(f"loaded {found['empty']['rows']:,} rows at {found['empty']['rows_per_s']:,.0f}/s")
    restated(folder, other)
    found["restated"] = load(other, home)
    tell(f"restated at {found['restated']['rows_per_s']:,.0f}/s")
    found["again"] = load(other, home)
    shutil.rmtree(home)
    shutil.rmtree(other)
    return found


def preparing(work: pathlib.Path, folder: pathlib.Path, home: pathlib.Path, tell: Told) -> Figures:
    """P7: everything from PostgreSQL, and one more day."""
    base, increment = work / "market-base", work / "market-day"
    split_last_day(folder, base, increment)
    with serving(home, simulators=2) as served:
        found: Figures = {"whole": published(served, base)}
        tell(f"prepared in {found['whole']['published_s']:.2f} s")
        found["one_day"] = published(served, increment)
        tell(f"one more day in {found['one_day']['published_s']:.2f} s")
    shutil.rmtree(base)
    shutil.rmtree(increment)
    return found


# ---- warming and answering ---------------------------------------------------------------------------------------


def warming(home: pathlib.Path, tell: Told) -> Figures:
    """P8 and P13: the full warm run from nothing, and when nothing changed."""
    found: Figures = {}
    for name in ("cold", "unchanged"):
        begin = time.perf_counter()
        ended = ondol("warm", "--home", str(home), "--json")
        run = ended.json()
        found[name] = {
            "seconds": time.perf_counter() - begin, "status": run["status"], "summary": run.get("summary"),
            "phases": [
                {key: phase.get(key) for key in ("phase", "items", "fresh", "failed", "hits", "misses", "seconds")}
                for phase in run.get("progress") or []
            ],
        }  # fmt: skip
        tell(f"warm run, {name}: {found[name]['seconds']:.2f} s")
    return found


def first_day(served: Served) -> dt.date:
    """A day from which at least a year and sixty days of data follow, with as much look-back as there is."""
    newest = served.get("/v1/datasets/current")
    last = dt.date.fromisoformat(newest["last_day"])
    return last - dt.timedelta(days=365 + 62)


def answering(served: Served, tell: Told, *, seconds: float, users: tuple[int, ...] = (100, 1000)) -> Figures:
    """P2-P5 on a warm system."""
    first = first_day(served)
    asyncio.run(drive(served.port, backtests(range(10_000, 10_080), first), 2))
    found: Figures = {}
    asked = backtests(range(500), first)
    found["new"] = burst(served, asked, 1, rounds=5)
    tell(f"a new request: p50 {found['new']['p50_ms']:.1f} ms, p99 {found['new']['p99_ms']:.1f} ms")
    found["own_condition"] = burst(served, backtests(range(10_000, 10_300), first, own=True), 1, rounds=5)
    tell(f"the same, each with a condition of its own: p50 {found['own_condition']['p50_ms']:.1f} ms")
    found["stored"] = burst(served, asked, 1, rounds=5, keep=True)
    tell(f"a stored one: p50 {found['stored']['p50_ms']:.2f} ms")
    at = 20_000
    for count in users:
        found[f"users_{count}"] = burst(served, backtests(range(at, at + count), first), count)
        tell(f"{count} users at once: {found[f'users_{count}']['seconds']:.2f} s")
        at += count
    identity = json.loads(found["stored"].pop("last"))["id"]
    found["get"] = burst(served, [request_bytes("GET", f"/v1/backtests/{identity}")] * 3000, 8)
    tell(f"GET of a stored one: {1e3 / found['get']['system_cpu_ms_each']:.0f} for each second of CPU")
    before = _stored(served)
    most = int(seconds * 1000)
    found["sustained"] = burst(served, backtests(range(100_000, 100_000 + most), first), 16, seconds)
    sustained = found["sustained"]
    sustained["per_second"] = sustained["requests"] / sustained["seconds"]
    sustained["results_stored"] = _stored(served) - before
    tell(f"sustained: {sustained['per_second']:.0f}/s")
    return found


def _stored(served: Served) -> int:
    return int(served.metrics().get('ondol_backtests_total{outcome="completed"}', 0))


def first_answer(home: pathlib.Path, tell: Told, repeats: int = 5) -> Figures:
    """P6: from the birth of a simulator process to its first answer.

    Its elder is killed and the question asked in the same instant, so that it may have been delivered to the dead one:
    `seconds` counts from the birth of the successor, `since_kill_s` is what the caller waited.
    """
    seconds, waited = [], []
    with serving(home, simulators=1) as served:
        first = first_day(served)
        number = 10 * int(time.time())  # a home that was measured before has stored results
        asyncio.run(drive(served.port, backtests(range(number, number + 1), first), 1))
        for n in range(1, repeats + 1):
            elder = served.run()["services"]["simulator-1"]
            (asked,) = backtests(range(number + n, number + n + 1), first)

            async def wait(asked: bytes = asked, elder: int = elder) -> tuple[float, float]:
                connection = Connection(served.port)
                begin = time.clock_gettime(time.CLOCK_BOOTTIME)
                os.kill(elder, signal.SIGKILL)
                answer = await connection.send(asked)
                if answer.status != 200:
                    raise ChildError(f"the first answer was {answer.status} {answer.body[:400]!r}")
                return begin, time.clock_gettime(time.CLOCK_BOOTTIME)

            killed, answered = asyncio.run(wait())
            younger = served.run()["services"]["simulator-1"]
            born = started_monotonic(younger)
            if younger == elder or born is None:
                raise ChildError("the killed simulator has no successor")
            seconds.append(answered - born)
            waited.append(answered - killed)
    tell(f"first answer of a simulator: {sorted(seconds)[len(seconds) // 2]:.2f} s")
    return {"seconds": seconds, "since_kill_s": waited}


def memory(home: pathlib.Path, tell: Told, simulators: int = 16) -> Figures:
    """P9, P10 and the API's part of P15: memory of everything while many simulators work over all years.

    Simulators are looked at right after the burst, and once more when they have been quiet for some seconds. What they
    share with the process that they are forked from is no private memory; the total contains it (`own`).
    """
    with serving(home, simulators=simulators) as served:
        newest = served.get("/v1/datasets/current")
        start = dt.date.fromisoformat(newest["first_day"]) + dt.timedelta(days=30)
        span = (dt.date.fromisoformat(newest["last_day"]) - start).days - 62
        folder = served.run()["servers"]["panel_dir"]
        fresh = memory_mb(served.run()["services"]["api"])
        number = 10_000 * int(time.time())
        burst(served, backtests(range(number, number + 20 * simulators), start, span), simulators)
        run = served.run()
        services = {name: memory_mb(process, folder) for name, process in run["services"].items()}
        servers = {name: memory_mb(process) for name, process in run["servers"]["processes"].items()}
        nursery = parent_of(run["services"]["simulator-1"])
        if nursery not in (None, served.process):
            services["nursery"] = memory_mb(nursery or 0, folder)
        panels = sum(f.stat().st_blocks * 512 for f in pathlib.Path(folder).rglob("*") if f.is_file())
        metrics = served.metrics()
        cached = cache_mb(run["servers"]["cache_url"])
        time.sleep(QUIET_S)
        quiet = {name: memory_mb(process, folder) for name, process in run["services"].items()}
    private = _of_simulators(services, "private")
    own = [*_of_simulators(services, "own"), services.get("nursery", {}).get("own", 0.0)]
    redis = {name: m["rss"] for name, m in servers.items() if "postgres" not in name}
    found = {
        "api_fresh": fresh, "services": services, "quiet": quiet, "servers": servers, "panels_mb": panels / 2**20,
        "simulator_private_mb": {"median": float(np.median(private)), "most": max(private)},
        "simulator_quiet_mb": {
            "median": float(np.median(_of_simulators(quiet, "private"))), "most": max(_of_simulators(quiet, "private"))
        },
        "simulator_own_mb": {"median": float(np.median(own[:-1])), "most": max(own[:-1])}, "redis_rss_mb": redis,
        "cache_mb": cached,
        "redis_used_mb": {k: v / 2**20 for k, v in metrics.items() if k.startswith("ondol_redis_memory_bytes")},
        "total_mb": sum(own) + panels / 2**20 + sum(redis.values()),
        "dataset": {k: newest.get(k) for k in ("days", "stocks", "parts", "sizes", "first_day", "last_day")},
    }  # fmt: skip
    tell(f"{simulators} simulators, panels and both Redis: {found['total_mb']:.0f} MB; private {max(private):.0f} MB")
    return found


def cache_mb(url: str) -> dict[str, float]:
    """Kind of key -> what Redis says that the keys of this kind use, in MB (10^6 bytes)."""
    found: dict[str, float] = {}
    with Redis.from_url(url) as cache:
        for key in cache.scan_iter("ondol:*", count=1000):
            kind = key.decode().split(":")[1]
            found[kind] = found.get(kind, 0.0) + (cache.memory_usage(key, samples=0) or 0) / 1e6
    return found


def _of_simulators(services: dict[str, dict[str, float]], kind: str) -> list[float]:
    return [memory[kind] for name, memory in services.items() if name.startswith("simulator")]


def imports() -> Figures:
    """P15: resident memory and time of importing the services, as their processes do it."""
    from bench.processes import run

    found = {}
    for name in ("api", "simulator", "preparer", "warmer"):
        text = (
            "import os; from shared.infra.process import light_start\n"
            f"with light_start(os.environ): import services.{name}.service"
        )
        ended = run([sys.executable, "-c", text])
        found[name] = {"rss_mb": ended.peak_rss_mb, "seconds": ended.seconds, "cpu_s": ended.cpu_s}
    return found
