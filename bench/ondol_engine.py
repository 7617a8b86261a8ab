"""This engine, measured like a peer: a process of its own over mapped panels.

Arguments: repeats, folder of the trades, folders of workloads.
"""

from __future__ import annotations

import time

BEGIN = time.process_time()

import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from bench.peers.arrays import peak_rss_mb  # noqa: E402
from shared.model.request import BacktestRequest  # noqa: E402
from shared.simulation import run  # noqa: E402

IMPORTED = time.process_time() - BEGIN
ROUND, PAUSE_S = 15, 0.7
"""Pause between repeats, so that they cover seconds like those of slower engines: the machine's speed varies."""


def _private_mb() -> float:
    with open("/proc/self/smaps_rollup", encoding="ascii") as table:
        kinds = {line.split(":")[0]: line.split()[1] for line in table if ":" in line}
    return (int(kinds["Private_Clean"]) + int(kinds["Private_Dirty"])) / 1024


def measure(folder: pathlib.Path, repeats: int, out: pathlib.Path) -> dict[str, Any]:
    """Return engine time (evaluate, simulate, statistics) and whole time (with the result) of the standard strategy.

    `full` is with ticks and limits, `plain` without them as in the peers, `_own` with another condition in each run.
    """
    from bench.workload import open_workload, standard

    workload = open_workload(folder)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ondol-bench-") as scratch:
        panels = workload.mapped(pathlib.Path(scratch))
        plain, full = standard(panels, workload.rows, plain=True), standard(panels, workload.rows)
        outcome = run(plain, panels.reader())
        days = panels.days[-workload.rows :]
        dates = {str(np.datetime64(int(day), "D")): row for row, day in enumerate(days)}
        ordinal = panels.instruments.ordinal
        sign = {"buy": 1, "sell": -1}
        trades = [
            (dates[t["date"]], ordinal[t["stock_code"]], sign[t["side"]] * t["shares"], t["price"])
            for t in outcome.result["trades"]
        ]
        (out / f"{workload.name}.json").write_text(json.dumps(trades))
        results: dict[str, Any] = {"trades": len(trades), "final": outcome.result["equity"][-1]["equity"]}
        kinds: tuple[tuple[str, Callable[[int], BacktestRequest]], ...] = (
            ("plain_own", lambda number: standard(panels, workload.rows, plain=True, condition=number)),
            ("plain", lambda _: plain),
            ("full_own", lambda number: standard(panels, workload.rows, condition=number)),
            ("full", lambda _: full),
        )
        for name, request_of in kinds:
            run(request_of(repeats), panels.reader())
            cpu, engine, whole, parts = [], [], [], []
            for number in range(repeats):
                if number and not number % ROUND:
                    time.sleep(PAUSE_S)
                request = request_of(number)
                begin, at = time.process_time(), time.perf_counter()
                outcome = run(request, panels.reader())
                whole.append(1e3 * (time.perf_counter() - at))
                cpu.append(time.process_time() - begin)
                parts.append(outcome.timing)
                engine.append(sum(outcome.timing[k] for k in ("evaluate_ms", "simulate_ms", "statistics_ms")))
            shares = [c * e / w for c, e, w in zip(cpu, engine, whole, strict=True)]
            results[name] = {
                "cpu_s": cpu, "engine_cpu_s": shares, "engine_ms": engine, "whole_ms": whole,
                "body_bytes": len(outcome.body),
                "parts_ms": {k: float(np.median([p[k] for p in parts])) for k in parts[0]},
            }  # fmt: skip
        results["peak_rss_mb"] = peak_rss_mb()
        results["private_mb"] = _private_mb()
        return results


if __name__ == "__main__":
    repeats, out = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    runs = {pathlib.Path(f).name: measure(pathlib.Path(f), repeats, out) for f in sys.argv[3:]}
    print(json.dumps({"import_cpu_s": IMPORTED, "runs": runs}))
