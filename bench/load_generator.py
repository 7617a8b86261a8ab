"""Bursts of requests at a system that serves: what its callers waited, and what it cost each process."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import numpy as np

from bench.client import Load, drive, request_bytes
from bench.local_system import Served
from bench.processes import cpu_by_name
from bench.workload import with_condition
from shared.strategies.catalogue import STANDARD

Figures = dict[str, Any]
REST_S = 1.0
"""Before each round of a burst."""


def body(number: int, first: dt.date, days: int = 365, *, own: bool = False) -> dict[str, Any]:
    """A request that no other number makes: another stop and another first day; `own`: and another condition."""
    sell = {**STANDARD.strategy["sell"], "stop_loss_pct": 5 + number % 997 / 100}
    strategy = {**(with_condition(number) if own else STANDARD.strategy), "sell": sell}
    start = first + dt.timedelta(days=number % 61)
    return {
        "strategy": strategy, "costs": STANDARD.costs, "start": start.isoformat(),
        "end": (start + dt.timedelta(days=days - 1)).isoformat(), "initial_cash": 100_000_000 + number,
    }  # fmt: skip


def backtests(numbers: range, first: dt.date, days: int = 365, *, own: bool = False) -> list[bytes]:
    """Requests as bytes, made before the clock runs."""
    return [request_bytes("POST", "/v1/backtests", body(n, first, days, own=own), Prefer="wait=30") for n in numbers]


def quantiles(load: Load) -> Figures:
    """p50, p90, p99 in milliseconds, and what the burst cost its client."""
    ms = 1e3 * np.array(load.latencies)
    return {
        "p50_ms": float(np.percentile(ms, 50)), "p90_ms": float(np.percentile(ms, 90)),
        "p99_ms": float(np.percentile(ms, 99)), "requests": len(ms), "seconds": load.seconds,
        "client_cpu_s": load.client_cpu_s, "answer_bytes": load.received // max(len(ms), 1), "statuses": load.statuses,
    }  # fmt: skip


def burst(
    served: Served, requests: list[bytes], users: int, deadline_s: float = 1e9, *, rounds: int = 1, keep: bool = False
) -> Figures:
    """Drives a burst and adds the CPU of the whole system for each request; `keep`: and the last answer.

    `rounds`: so many bursts with a rest before each, whose medians are kept beside that of all: the machine is faster
    and slower for seconds at a time.
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
    found = quantiles(load) | {"p50_ms_of_rounds": medians}
    spent = {name: 1e3 * seconds / count for name, seconds in spent.items()}
    if keep:
        found["last"] = load.last
    return found | {"cpu_ms_each": spent, "system_cpu_ms_each": sum(spent.values())}
