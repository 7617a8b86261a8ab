"""Variants of the standard strategy by the batch kernel and by a pool of processes, measured in a process of its own.

Arguments: the folder of a workload, the number of variants, the number of variants of the long run. Thresholds are
either of a grid, so that many variants share each of them, or every variant has its own. A variant has its own levels
and longest holding time in both.
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from bench.workload import open_workload, standard
from shared.dataset.panels import MappedPanels
from shared.infra.memory import anonymous_bytes, limit_heap, trim_heap
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation import run
from shared.simulation.engine import simulate
from shared.simulation.statistics import RoundTrips, statistics
from shared.simulation.variants import run_variants

THREADS, REPEATS, PART, COMPARED = 2, 5, 1000, 20


def variants(base: BacktestRequest, count: int, seed: int, *, grid: bool) -> list[BacktestRequest]:
    """Return variants of the standard strategy with other thresholds and exits."""
    rng, strategy, change = random.Random(seed), base.strategy, msgspec.structs.replace
    found = []
    for _ in range(count):
        if grid:
            per, part, roe = rng.randrange(5, 25), rng.choice((0.1, 0.2, 0.3, 0.4, 0.5)), rng.randrange(0, 20, 2)
        else:
            per, part, roe = (round(rng.uniform(*ends), 4) for ends in ((5, 25), (0.1, 0.5), (1, 20)))
        where = f"(PER < {per} or pct_rank(PER) < {part}) and ROE > {roe} and close > ts_mean(close, 60)"
        sell = change(
            strategy.sell, stop_loss_pct=round(rng.uniform(5, 20), 2), take_profit_pct=float(rng.randrange(10, 50)),
            max_hold_days=rng.randrange(20, 120),
        )  # fmt: skip
        found.append(change(base, strategy=change(strategy, buy=change(strategy.buy, where=where), sell=sell)))
    return found


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Sample the anonymous memory of this process; the list has its growth in MiB afterwards."""
    trim_heap()
    before, peak, ended = anonymous_bytes(), [0.0], threading.Event()

    def sample() -> None:
        while not ended.wait(0.005):
            peak[0] = max(peak[0], (anonymous_bytes() - before) / 2**20)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def timed(requests: list[BacktestRequest], panels: Panels) -> tuple[float, float]:
    """Return wall and CPU seconds of a part."""
    begin, cpu = time.perf_counter(), time.process_time()
    run_variants(requests, panels, threads=THREADS)
    return time.perf_counter() - begin, time.process_time() - cpu


def measure(folder: pathlib.Path, count: int, long: int) -> dict[str, Any]:
    """Return the figures of this engine."""
    workload = open_workload(folder)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ondol-bench-") as scratch:
        panels = workload.mapped(pathlib.Path(scratch))
        base = standard(panels, workload.rows)
        run(base, panels.reader())
        found: dict[str, Any] = {"count": count, "threads": THREADS}
        with peak_memory() as peak:
            for name in ("grid", "own"):
                requests = variants(base, count, 1, grid=name == "grid")
                times = [timed(requests, panels.reader()) for _ in range(1 + REPEATS)]
                found[name] = {
                    "first_s": times[0][0], "seconds": [wall for wall, _ in times[1:]],
                    "cpu_s": [cpu for _, cpu in times[1:]],
                }  # fmt: skip
                found[name]["differing"] = differing(requests, panels, seed=count)
        found["growth_mb"] = peak[0]
        if long:
            begin, cpu = time.perf_counter(), time.process_time()
            with peak_memory() as peak:
                for part in range(0, long, PART):
                    requests = variants(base, min(PART, long - part), part, grid=False)
                    run_variants(requests, panels.reader(), threads=THREADS)
            found["long"] = {
                "count": long, "seconds": time.perf_counter() - begin, "cpu_s": time.process_time() - cpu,
                "growth_mb": peak[0],
            }  # fmt: skip
        return found


def differing(requests: list[BacktestRequest], panels: MappedPanels, seed: int) -> int:
    """Return how many of some variants differ from a backtest of the same request."""
    table = run_variants(requests, panels.reader(), threads=THREADS)
    chosen = random.Random(seed).sample(range(len(requests)), min(COMPARED, len(requests)))
    return sum(table.statistics(k) != run(requests[k], panels.reader()).result["statistics"] for k in chosen)


_panels: list[MappedPanels] = []


def _open(folder: str, scratch: str) -> None:
    _panels.append(open_workload(pathlib.Path(folder)).mapped(pathlib.Path(scratch)))


def _single_runs(requests: list[BacktestRequest]) -> float:
    """Return the sum of a figure over single runs without their results."""
    total = 0.0
    for request in requests:
        state = simulate(request, _panels[0].reader())
        curve = state.curve()
        trips = RoundTrips(state.ledger.trips, state.panels.days)
        total += statistics(curve, trips, state.totals(state.purchases()), curve.monthly_returns())["total_return"]
    return total


def pool(folder: pathlib.Path, count: int) -> dict[str, Any]:
    """Return wall seconds of single runs in a pool of processes, as many as threads above; panels are mapped before."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ondol-bench-") as scratch:
        workload = open_workload(folder)
        base = standard(workload.mapped(pathlib.Path(scratch)), workload.rows)
        found = {}
        with ProcessPoolExecutor(THREADS, initializer=_open, initargs=(str(folder), scratch)) as processes:
            for name in ("grid", "own"):
                requests = variants(base, count, 1, grid=name == "grid")
                parts = [[requests[k] for k in part] for part in np.array_split(np.arange(count), 4 * THREADS)]
                seconds = []
                for _ in range(3):
                    begin = time.perf_counter()
                    list(processes.map(_single_runs, parts))
                    seconds.append(time.perf_counter() - begin)
                found[name] = seconds[1:]
        return found


if __name__ == "__main__":
    limit_heap(mapped_from_bytes=1 << 18)
    place, number, longest = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print(json.dumps({**measure(place, number, longest), "pool": pool(place, number)}))
