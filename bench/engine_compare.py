"""P1 and P12: this engine and its peers, each in its own process over the same arrays."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.processes import ChildError, run
from bench.workload import export, make

LogProgress = Callable[[str], None]


@dataclass(frozen=True)
class Peer:
    """Another engine: its module, number of repeats, longest window, and a note about its figure."""

    key: str
    title: str
    module: str
    repeats: int
    note: str
    variant_note: str = ""
    longest: int = 750


PEERS = (
    Peer("numba", "numba day loop over dense arrays", "bench.peers.numba_loop", 9,
         "ranks given; no statistics"),
    Peer("numpy", "numpy, day by day", "bench.peers.numpy_days", 3, "ranks given; no statistics"),
    Peer("vectorbt", "vectorbt 1.2, flexible order function", "bench.peers.vectorbt_flexible", 5,
         "value only, no statistics", "as this engine: trades, equity, statistics"),
    Peer("vectorbt_signals", "vectorbt 1.2, from signals", "bench.peers.vectorbt_signals", 3,
         "no limit of 20 holdings, no maximum holding time"),
    Peer("bt", "bt 1.4", "bench.peers.bt_daily", 1, "closes only"),
    Peer("backtrader", "backtrader 1.9", "bench.peers.backtrader_daily", 0, "stops from the next day on", longest=250),
)  # fmt: skip


COLUMNS_OF_VECTORBT = 2
"""Variants of a call of bench/peers/vectorbt_columns.py."""


def workloads(work: pathlib.Path, sizes: tuple[tuple[int, int], ...], log_progress: LogProgress) -> list[pathlib.Path]:
    """Write each workload for the engines and return the folders."""
    folders = []
    for stocks, rows in sizes:
        workload, panels = make(stocks, rows)
        folder = work / workload.name
        workload.save(folder)
        export(panels, rows, folder)
        folders.append(folder)
        log_progress(f"workload {workload.name}: dataset version {workload.manifest.version}")
    return folders


def compare(
    work: pathlib.Path, folders: list[pathlib.Path], python: str, log_progress: LogProgress, only: str = ""
) -> dict[str, Any]:
    """Measure this engine and every peer in turn.

    Ratios are to this engine's CPU (evaluate, days, statistics) with another condition in each run.
    """
    results: dict[str, Any] = {
        "ondol": _child(work, "ondol", [sys.executable, "-m", "bench.ondol_engine"], 75, folders)
    }
    if not pathlib.Path(python).exists():
        log_progress(f"no peers: {python} does not exist (`make bench` creates it)")
        return results
    for peer in PEERS:
        if only and peer.key not in only.split(","):
            continue
        selected = [f for f in folders if int(f.name.rpartition("x")[2]) <= peer.longest and f.name.startswith("2000x")]
        log_progress(f"{peer.title} …")
        try:
            output = _child(work, peer.key, [python, "-m", peer.module], peer.repeats, selected)
        except ChildError as error:
            results[peer.key] = {"title": peer.title, "error": str(error)[-400:], "runs": {}}
            continue
        variants = output.pop("variants")
        results[peer.key] = {"title": peer.title, "note": peer.note, **output}
        for variant, runs in variants.items():
            results[f"{peer.key}_{variant}"] = {
                **output, "title": f"{peer.title}, with its {variant}", "note": peer.variant_note, "runs": runs,
            }  # fmt: skip
    for key, engine in results.items():
        for name, figures in engine["runs"].items() if key != "ondol" else ():
            ours = results["ondol"]["runs"][name]
            figures["ratio"] = statistics.median(figures["cpu_s"]) / statistics.median(
                ours["plain_own"]["engine_cpu_s"]
            )
            if figures["trades"] is not None:
                figures["same_trades"] = engine["trades_digests"][name] == results["ondol"]["trades_digests"][name]
    return results


def _child(
    work: pathlib.Path, key: str, command: list[str], repeats: int, folders: list[pathlib.Path]
) -> dict[str, Any]:
    out = work / f"trades-{key}"
    out.mkdir(exist_ok=True)
    ended = run([*command, str(repeats), str(out), *map(str, folders)])
    results: dict[str, Any] = ended.json()
    results |= {"process_cpu_s": ended.cpu_s, "process_s": ended.seconds}
    results["trades_digests"] = {f.stem: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(out.glob("*.json"))}
    shutil.rmtree(out)
    return results


def growth(rows: int, stocks: int, log_progress: LogProgress) -> dict[str, Any]:
    """Measure the long history (P12)."""
    ended = run([sys.executable, "-m", "bench.long_history", str(rows), str(stocks), "7"])
    results: dict[str, Any] = ended.json()
    log_progress(f"{rows} days x {stocks} stocks: {min(results['engine_ms']):.1f} ms engine time")
    return results


def sweeps(folder: pathlib.Path, python: str, log_progress: LogProgress) -> dict[str, Any]:
    """Measure the variants of a sweep (P14): this engine, a pool of processes, and vectorbt's columns."""
    results: dict[str, Any] = run(
        [sys.executable, "-m", "bench.sweep_engine", str(folder), "1000", "100000"], timeout_s=600
    ).json()
    log_progress(f"1,000 variants: {statistics.median(results['grid']['seconds']):.2f} s")
    if not pathlib.Path(python).exists():
        log_progress(f"no vectorbt: {python} does not exist (`make bench` creates it)")
        return results
    out = folder / "trades"
    out.mkdir()
    try:
        columns = run([python, "-m", "bench.peers.vectorbt_columns", "3", str(out), str(folder)]).json()
    except ChildError as error:
        return {**results, "vectorbt": {"error": str(error)[-400:]}}
    figures = columns["runs"][folder.name]
    return {**results, "vectorbt": {"variants": COLUMNS_OF_VECTORBT, **figures}}
