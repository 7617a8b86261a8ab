"""Bursts of requests to a running system: latencies of the callers, and CPU of each process."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import numpy as np

from bench.client import Load, drive, request_bytes
from bench.local_system import Served
from bench.processes import cpu_by_name
from bench.workload import EXECUTION, strategy
from shared.strategies.catalogue import STANDARD

Figures = dict[str, Any]
REST_S = 1.0
"""Pause before each round of a burst."""


def body(number: int, first: dt.date, days: int = 365, *, own: bool = False) -> dict[str, Any]:
    """Return a request that is unique for `number` by its stop and first day; with `own` also by its condition."""
    sell = {**STANDARD.strategy["sell"], "stop_loss_pct": 5 + number % 997 / 100}
    rules = {**strategy(number if own else None), "sell": sell}
    start = first + dt.timedelta(days=number % 61)
    return {
        "strategy": rules, "costs": STANDARD.costs, "execution": EXECUTION, "start": start.isoformat(),
        "end": (start + dt.timedelta(days=days - 1)).isoformat(), "initial_cash": 100_000_000 + number,
    }  # fmt: skip


def backtests(numbers: range, first: dt.date, days: int = 365, *, own: bool = False) -> list[bytes]:
    """Return requests as bytes, prepared before the measurement."""
    return [request_bytes("POST", "/v1/backtests", body(n, first, days, own=own), Prefer="wait=30") for n in numbers]


def quantiles(load: Load) -> Figures:
    """Return p50, p90 and p99 in milliseconds, and the CPU of the client."""
    ms = 1e3 * np.array(load.latencies)
    return {
        "p50_ms": float(np.percentile(ms, 50)), "p90_ms": float(np.percentile(ms, 90)),
        "p99_ms": float(np.percentile(ms, 99)), "requests": len(ms), "seconds": load.seconds,
        "client_cpu_s": load.client_cpu_s, "answer_bytes": load.received // max(len(ms), 1), "statuses": load.statuses,
    }  # fmt: skip


def burst(
    served: Served,
    requests: list[bytes],
    users: int,
    deadline_s: float = 1e9,
    *,
    rounds: int = 1,
    keep_last: bool = False,
) -> Figures:
    """Send a burst and return its figures with the CPU of the system per request; with `keep_last` the last body too.

    The burst is split into `rounds` with a pause before each, whose medians are returned too, because the speed of the
    machine varies over seconds.
    """
    run = served.run()
    named = {**run["services"], **run["servers"]["processes"]}
    load, medians = Load(), []
    spent: dict[str, float] = {}
    for part in range(rounds):
        if rounds > 1:
            time.sleep(REST_S)
        before = cpu_by_name(named)
        one = asyncio.run(drive(served.port, requests[part::rounds], users, deadline_s))
        for name, seconds in cpu_by_name(named).items():
            spent[name] = spent.get(name, 0.0) + seconds - before.get(name, 0.0)
        medians.append(1e3 * float(np.median(one.latencies)))
        load.add(one)
    count = max(len(load.latencies), 1)
    figures = quantiles(load) | {"p50_ms_of_rounds": medians}
    spent = {name: 1e3 * seconds / count for name, seconds in spent.items()}
    if keep_last:
        figures["last"] = load.last
    return figures | {"cpu_ms_each": spent, "system_cpu_ms_each": sum(spent.values())}
