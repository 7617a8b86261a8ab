"""Measurements of the whole system: load, prepare, warm, serve, in a home of its own and over HTTP."""

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

LogProgress = Callable[[str], None]
MAX_WAIT_S = 120.0
QUIET_S = 4.0


# ---- loading and preparing ---------------------------------------------------------------------------------------


def market(folder: pathlib.Path, stocks: int, years: int) -> float:
    """Write the synthetic market and return the seconds."""
    return ondol("synthesize", str(folder), "--stocks", str(stocks), "--years", str(years), "--seed", "1").seconds


def split_last_day(source: pathlib.Path, base: pathlib.Path, increment: pathlib.Path) -> None:
    """Write the market without its last day, and that day alone."""
    shutil.copytree(source, base, dirs_exist_ok=True)
    increment.mkdir(parents=True, exist_ok=True)
    prices = pl.read_parquet(source / "prices.parquet")
    last = prices["date"].max()
    prices.filter(pl.col("date") < last).write_parquet(base / "prices.parquet", compression="lz4")
    prices.filter(pl.col("date") == last).write_parquet(increment / "prices.parquet", compression="lz4")
    companies = pl.read_parquet(source / "companies.parquet")
    companies.write_parquet(increment / "companies.parquet")


def restated(source: pathlib.Path, target: pathlib.Path) -> None:
    """Write the same market with another volume in every row."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "companies.parquet", target)
    prices = pl.read_parquet(source / "prices.parquet")
    prices.with_columns(pl.col("volume") * 2).write_parquet(target / "prices.parquet", compression="lz4")


def load(folder: pathlib.Path, home: pathlib.Path) -> Figures:
    """Load a market directory with the command; return rows per second by its report and by wall time."""
    ended = ondol("load", str(folder), "--home", str(home), "--json")
    report = ended.json()
    rows = report["rows"]["prices"]
    return {
        "rows": rows, "rows_per_s": rows / report["seconds"], "load_s": report["seconds"], "verb_s": ended.seconds,
        "peak_rss_mb": ended.peak_rss_mb, "verb_cpu_s": ended.cpu_s,
    }  # fmt: skip


def published(served: Served, folder: pathlib.Path) -> Figures:
    """Load into a running system, wait for the published version and return the seconds by stage of the preparer."""
    before = _stages(served)
    report = ondol("load", str(folder), "--home", str(served.home), "--json").json()
    begin, cpu = time.perf_counter(), cpu_s(served.process)
    while True:
        newest = next((v for v in served.get("/v1/datasets")["items"] if v["current"]), None)
        if newest is not None and newest["revision"] >= report["revision"]:
            break
        if time.perf_counter() - begin > MAX_WAIT_S:
            raise ChildError("no version was published in time")
        time.sleep(0.02)
    seconds = time.perf_counter() - begin
    after = _stages(served)
    stages = {name: value - before.get(name, 0.0) for name, value in after.items()}
    return {
        "published_s": max(seconds, stages.get("total", 0.0)), "waited_s": seconds, "stages_s": stages,
        "system_cpu_s": cpu_s(served.process) - cpu,
    }  # fmt: skip


def _stages(served: Served) -> dict[str, float]:
    results = served.metrics()
    start = 'ondol_prepare_seconds_sum{stage="'
    return {name.removeprefix(start)[:-2]: value for name, value in results.items() if name.startswith(start)}


# ---- loading and preparing: the parts ----------------------------------------------------------------------------


def loading(work: pathlib.Path, folder: pathlib.Path, log_progress: LogProgress) -> Figures:
    """Measure loading into an empty table, restating all rows, and loading again without change (P11)."""
    home, other = work / "home-load", work / "market-restated"
    results: Figures = {"empty": load(folder, home)}
    log_progress(f"loaded {results['empty']['rows']:,} rows at {results['empty']['rows_per_s']:,.0f}/s")
    restated(folder, other)
    results["restated"] = load(other, home)
    log_progress(f"restated at {results['restated']['rows_per_s']:,.0f}/s")
    results["again"] = load(other, home)
    shutil.rmtree(home)
    shutil.rmtree(other)
    return results


def preparing(work: pathlib.Path, folder: pathlib.Path, home: pathlib.Path, log_progress: LogProgress) -> Figures:
    """Measure a build of everything from PostgreSQL, and of one more day (P7)."""
    base, increment = work / "market-base", work / "market-day"
    split_last_day(folder, base, increment)
    with serving(home, simulators=2) as served:
        results: Figures = {"whole": published(served, base)}
        log_progress(f"prepared in {results['whole']['published_s']:.2f} s")
        results["one_day"] = published(served, increment)
        log_progress(f"one more day in {results['one_day']['published_s']:.2f} s")
    shutil.rmtree(base)
    shutil.rmtree(increment)
    return results


# ---- warming and requests ----------------------------------------------------------------------------------------


def warming(home: pathlib.Path, log_progress: LogProgress) -> Figures:
    """Measure a warm run with an empty cache, and one on an unchanged dataset (P8, P13)."""
    results: Figures = {}
    for name in ("cold", "unchanged"):
        begin = time.perf_counter()
        ended = ondol("warm", "--home", str(home), "--json")
        run = ended.json()
        results[name] = {
            "seconds": time.perf_counter() - begin, "status": run["status"], "summary": run.get("summary"),
            "phases": [
                {key: phase.get(key) for key in ("phase", "items", "fresh", "failed", "hits", "misses", "seconds")}
                for phase in run.get("progress") or []
            ],
        }  # fmt: skip
        log_progress(f"warm run, {name}: {results[name]['seconds']:.2f} s")
    return results


def first_day(served: Served) -> dt.date:
    """Return a first day that leaves a year and sixty days of data, and otherwise the longest look-back."""
    newest = served.get("/v1/datasets/current")
    last = dt.date.fromisoformat(newest["last_day"])
    return last - dt.timedelta(days=365 + 62)


def answering(
    served: Served, log_progress: LogProgress, *, seconds: float, users: tuple[int, ...] = (100, 1000)
) -> Figures:
    """Measure requests on a warm system (P2 to P5)."""
    first = first_day(served)
    asyncio.run(drive(served.port, backtests(range(10_000, 10_080), first), 2))
    results: Figures = {}
    requests = backtests(range(500), first)
    results["new"] = burst(served, requests, 1, rounds=5)
    log_progress(f"new request: p50 {results['new']['p50_ms']:.1f} ms, p99 {results['new']['p99_ms']:.1f} ms")
    results["own_condition"] = burst(served, backtests(range(10_000, 10_300), first, own=True), 1, rounds=5)
    log_progress(f"new request with its own condition: p50 {results['own_condition']['p50_ms']:.1f} ms")
    results["stored"] = burst(served, requests, 1, rounds=5, keep_last=True)
    log_progress(f"stored result: p50 {results['stored']['p50_ms']:.2f} ms")
    at = 20_000
    for count in users:
        results[f"users_{count}"] = burst(served, backtests(range(at, at + count), first), count)
        log_progress(f"{count} concurrent users: {results[f'users_{count}']['seconds']:.2f} s")
        at += count
    identity = json.loads(results["stored"].pop("last"))["id"]
    results["get"] = burst(served, [request_bytes("GET", f"/v1/backtests/{identity}")] * 3000, 8)
    log_progress(f"GET of a stored result: {1e3 / results['get']['system_cpu_ms_each']:.0f} per second of CPU")
    before = _stored(served)
    most = int(seconds * 1000)
    results["sustained"] = burst(served, backtests(range(100_000, 100_000 + most), first), 16, seconds)
    sustained = results["sustained"]
    sustained["per_second"] = sustained["requests"] / sustained["seconds"]
    sustained["results_stored"] = _stored(served) - before
    log_progress(f"sustained: {sustained['per_second']:.0f}/s")
    return results


def _stored(served: Served) -> int:
    return int(served.metrics().get('ondol_backtests_total{outcome="completed"}', 0))


def first_answer(home: pathlib.Path, log_progress: LogProgress, repeats: int = 5) -> Figures:
    """Measure the time from the start of a simulator process to its first response (P6).

    The previous process is killed when the request is sent, which may already have been delivered to it: `seconds`
    counts from the start of the new process, `since_kill_s` is the time of the caller.
    """
    seconds, waited = [], []
    with serving(home, simulators=1) as served:
        first = first_day(served)
        number = 10 * int(time.time())  # distinct from requests of an earlier measurement, whose results are stored
        asyncio.run(drive(served.port, backtests(range(number, number + 1), first), 1))
        for n in range(1, repeats + 1):
            previous = served.run()["services"]["simulator-1"]
            (request,) = backtests(range(number + n, number + n + 1), first)

            async def wait(request: bytes = request, previous: int = previous) -> tuple[float, float]:
                connection = Connection(served.port)
                begin = time.clock_gettime(time.CLOCK_BOOTTIME)
                os.kill(previous, signal.SIGKILL)
                response = await connection.send(request)
                if response.status != 200:
                    raise ChildError(f"the first response was {response.status} {response.body[:400]!r}")
                return begin, time.clock_gettime(time.CLOCK_BOOTTIME)

            killed, answered = asyncio.run(wait())
            younger = served.run()["services"]["simulator-1"]
            born = started_monotonic(younger)
            if younger == previous or born is None:
                raise ChildError("the killed simulator was not restarted")
            seconds.append(answered - born)
            waited.append(answered - killed)
    log_progress(f"first response of a simulator: {sorted(seconds)[len(seconds) // 2]:.2f} s")
    return {"seconds": seconds, "since_kill_s": waited}


def memory(home: pathlib.Path, log_progress: LogProgress, simulators: int = 16) -> Figures:
    """Measure the memory of all processes while many simulators run over all years (P9, P10, the API's part of P15).

    Simulators are measured right after the burst, and again after some idle seconds. Memory shared with the fork server
    is not private; the total contains it (`own`).
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
        fork_server = parent_of(run["services"]["simulator-1"])
        if fork_server not in (None, served.process):
            services["fork_server"] = memory_mb(fork_server or 0, folder)
        panels = sum(f.stat().st_blocks * 512 for f in pathlib.Path(folder).rglob("*") if f.is_file())
        metrics = served.metrics()
        cached = cache_mb(run["servers"]["cache_url"])
        time.sleep(QUIET_S)
        quiet = {name: memory_mb(process, folder) for name, process in run["services"].items()}
    private = _of_simulators(services, "private")
    own = [*_of_simulators(services, "own"), services.get("fork_server", {}).get("own", 0.0)]
    redis = {name: m["rss"] for name, m in servers.items() if "postgres" not in name}
    results = {
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
    log_progress(
        f"{simulators} simulators, panels and both Redis: {results['total_mb']:.0f} MB; private {max(private):.0f} MB"
    )
    return results


def cache_mb(url: str) -> dict[str, float]:
    """Return kind of key -> Redis memory of its keys in MB (10^6 bytes)."""
    results: dict[str, float] = {}
    with Redis.from_url(url) as cache:
        for key in cache.scan_iter("ondol:*", count=1000):
            kind = key.decode().split(":")[1]
            results[kind] = results.get(kind, 0.0) + (cache.memory_usage(key, samples=0) or 0) / 1e6
    return results


def _of_simulators(services: dict[str, dict[str, float]], kind: str) -> list[float]:
    return [memory[kind] for name, memory in services.items() if name.startswith("simulator")]


def imports() -> Figures:
    """Measure resident memory and time of importing each service (P15)."""
    from bench.processes import run

    results = {}
    for name in ("api", "simulator", "preparer", "warmer"):
        text = (
            "import os; from shared.infra.memory import light_start\n"
            f"with light_start(os.environ): import services.{name}.service"
        )
        ended = run([sys.executable, "-c", text])
        results[name] = {"rss_mb": ended.peak_rss_mb, "seconds": ended.seconds, "cpu_s": ended.cpu_s}
    return results
