"""Paper accounts, the matrix of factors, sweeps, and backtests beside a sweep, over HTTP in a home of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import pathlib
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.client import drive, request_bytes
from bench.load_generator import Figures, backtests, body, burst
from bench.local_system import Served, serving
from bench.processes import ChildError, cpu_s, ondol
from bench.system import LogProgress, first_day, published, split_last_day

ACCOUNTS = 1_000
ACCOUNT_DAYS = 180
HORIZONS = (1, 5, 20, 60, 120)
VARIANTS = 100_000
TABLE_VARIANTS, TABLE_REPEATS = 1_000, 6
SINGLES = 200
MAX_WAIT_S = 300.0
BUSY = "import os; os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); print(flush=True)\nwhile True: pass"
"""Program of a process that computes only while nothing else wants its core."""
STEPS = 'ondol_paper_steps_total{outcome="done"}'


def measure(work: pathlib.Path, folder: pathlib.Path, log_progress: LogProgress) -> Figures:
    """Load a market without its last day, and measure what stands on it; the last day makes accounts due."""
    home, base, increment = work / "home-research", work / "market-base", work / "market-day"
    split_last_day(folder, base, increment)
    ondol("load", str(base), "--home", str(home))
    with serving(home, simulators=2) as served:
        ondol("warm", "--home", str(home))
        return {
            "matrix": matrix(served, log_progress),
            "table": table(served, log_progress),
            "beside_sweep": beside_sweep(served, log_progress),
            "accounts": accounts(served, increment, log_progress),
        }


def accounts(served: Served, increment: pathlib.Path, log_progress: LogProgress) -> Figures:
    """Create accounts with strategies of their own, load a day, and measure the steps that the warmer makes of it."""
    last = dt.date.fromisoformat(served.get("/v1/datasets/current")["last_day"])
    requests = []
    for number in range(ACCOUNTS):
        request = body(number, last - dt.timedelta(days=ACCOUNT_DAYS), own=True)
        del request["end"]
        requests.append(request_bytes("POST", "/v1/accounts", request | {"name": f"account {number}"}))
    load = asyncio.run(drive(served.port, requests, 4))
    if set(load.statuses) != {201}:
        raise ChildError(f"creating accounts: {load.statuses} {load.last[:400]!r}")
    before = served.metrics("warmer").get(STEPS, 0.0)
    cpu = cpu_s(served.process)
    published(served, increment)
    done, begin = 0.0, None
    deadline = time.perf_counter() + MAX_WAIT_S
    while done < ACCOUNTS:
        now = time.perf_counter()
        done = served.metrics("warmer").get(STEPS, 0.0) - before
        if done and begin is None:
            begin = now
        if now > deadline:
            raise ChildError(f"{done:.0f} of {ACCOUNTS} accounts were stepped in {MAX_WAIT_S:.0f} s")
        time.sleep(0.2)
    assert begin is not None
    results = {
        "accounts": ACCOUNTS, "seconds": time.perf_counter() - begin, "created_s": load.seconds,
        "system_cpu_s": cpu_s(served.process) - cpu,
    }  # fmt: skip
    log_progress(f"{ACCOUNTS} paper accounts stepped in {results['seconds']:.1f} s")
    return results


def matrix(served: Served, log_progress: LogProgress) -> Figures:
    """Request the matrix of all factors over all days, without a stored answer."""
    dataset = served.get("/v1/datasets/current")
    request = {"start": dataset["first_day"], "end": dataset["last_day"], "horizons": HORIZONS}
    cpu, begin = cpu_s(served.process), time.perf_counter()
    found = served.call("POST", "/v1/factor-reports/matrix", request)
    results = {
        "seconds": time.perf_counter() - begin, "system_cpu_s": cpu_s(served.process) - cpu,
        "factors": len(found["factors"]),
    }  # fmt: skip
    log_progress(f"matrix of {results['factors']} factors: {results['seconds']:.1f} s")
    return results


def table(served: Served, log_progress: LogProgress) -> Figures:
    """Measure sweeps of thresholds and exits over all days, from the POST to the whole table; the first is not counted.

    No sweep has a variant of another one.
    """
    dataset = served.get("/v1/datasets/current")
    days = {"start": dataset["first_day"], "end": dataset["last_day"]}
    seconds = []
    for _ in range(1 + TABLE_REPEATS):
        request = _sweep(dt.date.fromisoformat(dataset["first_day"]), TABLE_VARIANTS)
        buy = request["template"]["strategy"]["buy"]
        buy["where"] = buy["where"].replace("PER < 10 ", "PER < $per ").replace("ROE > 10 ", "ROE > $roe ")
        request["parameters"] |= {"per": {"from": 5, "to": 25}, "roe": {"from": 1, "to": 20}}
        request["template"] |= days
        begin = time.perf_counter()
        sweep = served.call("POST", "/v1/sweeps", request, Idempotency_Key=uuid.uuid4().hex)["id"]
        while _done(served, sweep) < TABLE_VARIANTS:
            time.sleep(0.01)
        rows = served.get(f"/v1/sweeps/{sweep}/table?limit={TABLE_VARIANTS}")
        seconds.append(time.perf_counter() - begin)
        if rows["partial"] or len(rows["items"]) != TABLE_VARIANTS:
            raise ChildError(f"the table of sweep {sweep} has {len(rows['items'])} rows")
    results = {"variants": TABLE_VARIANTS, "first_s": seconds[0], "seconds": seconds[1:]}
    log_progress(f"{TABLE_VARIANTS} variants from the request to the table: {min(seconds[1:]):.2f} s")
    return results


def beside_sweep(served: Served, log_progress: LogProgress) -> Figures:
    """Measure single backtests alone, beside busy cores, and beside a sweep of many variants, in two turns of each.

    Busy cores are what no priority of a sweep can be better than: the clock of a core and the caches are shared.
    """
    first = first_day(served)
    results: Figures = {"alone_ms": [], "busy_ms": [], "beside_ms": [], "variants_per_s": []}
    at = 400_000
    asyncio.run(drive(served.port, backtests(range(at - 80, at), first), 2))
    for _ in range(2):
        results["alone_ms"].append(burst(served, backtests(range(at, at + SINGLES), first), 1)["p50_ms"])
        at += SINGLES
        with busy_cores():
            results["busy_ms"].append(burst(served, backtests(range(at, at + SINGLES), first), 1)["p50_ms"])
        at += SINGLES
        sweep = served.call("POST", "/v1/sweeps", _sweep(first), Idempotency_Key=uuid.uuid4().hex)["id"]
        time.sleep(3.0)
        before, begin = _done(served, sweep), time.perf_counter()
        results["beside_ms"].append(burst(served, backtests(range(at, at + SINGLES), first), 1)["p50_ms"])
        at += SINGLES
        done = _done(served, sweep)
        if done >= VARIANTS:
            raise ChildError("the sweep ended before the backtests beside it")
        results["variants_per_s"].append((done - before) / (time.perf_counter() - begin))
        served.call("DELETE", f"/v1/sweeps/{sweep}")
        time.sleep(3.0)
    results["ratio"] = min(results["beside_ms"]) / min(results["alone_ms"])
    results["busy_ratio"] = min(results["busy_ms"]) / min(results["alone_ms"])
    log_progress(
        f"single backtests beside a sweep: {results['ratio']:.2f} times their median alone "
        f"({results['busy_ratio']:.2f} beside processes of the lowest priority)"
    )
    return results


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep every core busy with a process of the lowest priority for the duration of the block."""
    command = [sys.executable, "-c", BUSY]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(os.cpu_count() or 1)]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def _done(served: Served, sweep: str) -> int:
    return int(served.get(f"/v1/sweeps/{sweep}")["done"])


def _sweep(first: dt.date, runs: int = VARIANTS) -> dict[str, Any]:
    """Return a random sweep over the exits of the standard strategy from a day on."""
    template = json.loads(json.dumps(body(0, first)))
    template["strategy"]["sell"] |= {"stop_loss_pct": "$stop", "take_profit_pct": "$target"}
    span = {"from": 5, "to": 40}
    return {
        "template": template, "parameters": {"stop": span, "target": span},
        "search": {"method": "random", "runs": runs, "seed": int(time.time() * 1_000) % 1_000_000_000},
    }  # fmt: skip
