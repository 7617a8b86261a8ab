"""P1 and P12: this engine and its peers, each a process of its own over the same arrays."""

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

Told = Callable[[str], None]


@dataclass(frozen=True)
class Peer:
    """Another engine: the module that runs it, how often, on which windows, and what to know about its figure."""

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
         "no cap of 20, no longest holding time"),
    Peer("bt", "bt 1.4", "bench.peers.bt_daily", 1, "closes only"),
    Peer("backtrader", "backtrader 1.9", "bench.peers.backtrader_daily", 0, "stops from the next day on", longest=250),
)  # fmt: skip


def workloads(work: pathlib.Path, sizes: tuple[tuple[int, int], ...], tell: Told) -> list[pathlib.Path]:
    """Writes each workload for the engines; the folders."""
    folders = []
    for stocks, rows in sizes:
        workload, panels = make(stocks, rows)
        folder = work / workload.name
        workload.save(folder)
        export(panels, rows, folder)
        folders.append(folder)
        tell(f"workload {workload.name}: dataset version {workload.manifest.version}")
    return folders


def compare(work: pathlib.Path, folders: list[pathlib.Path], python: str, tell: Told, only: str = "") -> dict[str, Any]:
    """Ours and every peer, one after the other; ratios are against this engine's CPU (evaluate, days, statistics)
    with a condition of its own in each run."""
    found: dict[str, Any] = {"ondol": _child(work, "ondol", [sys.executable, "-m", "bench.ondol_engine"], 75, folders)}
    if not pathlib.Path(python).exists():
        tell(f"no peers: {python} does not exist (make bench makes it)")
        return found
    for peer in PEERS:
        if only and peer.key not in only.split(","):
            continue
        there = [f for f in folders if int(f.name.rpartition("x")[2]) <= peer.longest and f.name.startswith("2000x")]
        tell(f"{peer.title} …")
        try:
            answer = _child(work, peer.key, [python, "-m", peer.module], peer.repeats, there)
        except ChildError as error:
            found[peer.key] = {"title": peer.title, "error": str(error)[-400:], "runs": {}}
            continue
        variants = answer.pop("variants")
        found[peer.key] = {"title": peer.title, "note": peer.note, **answer}
        for variant, runs in variants.items():
            found[f"{peer.key}_{variant}"] = {
                **answer, "title": f"{peer.title}, with its {variant}", "note": peer.variant_note, "runs": runs,
            }  # fmt: skip
    for key, engine in found.items():
        for name, figures in engine["runs"].items() if key != "ondol" else ():
            ours = found["ondol"]["runs"][name]
            figures["ratio"] = statistics.median(figures["cpu_s"]) / statistics.median(
                ours["plain_own"]["engine_cpu_s"]
            )
            if figures["trades"] is not None:
                figures["same_trades"] = engine["trades_digests"][name] == found["ondol"]["trades_digests"][name]
    return found


def _child(
    work: pathlib.Path, key: str, command: list[str], repeats: int, folders: list[pathlib.Path]
) -> dict[str, Any]:
    out = work / f"trades-{key}"
    out.mkdir(exist_ok=True)
    ended = run([*command, str(repeats), str(out), *map(str, folders)])
    found: dict[str, Any] = ended.json()
    found |= {"process_cpu_s": ended.cpu_s, "process_s": ended.seconds}
    found["trades_digests"] = {f.stem: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(out.glob("*.json"))}
    shutil.rmtree(out)
    return found


def growth(rows: int, stocks: int, tell: Told) -> dict[str, Any]:
    """P12."""
    ended = run([sys.executable, "-m", "bench.long_history", str(rows), str(stocks), "7"])
    found: dict[str, Any] = ended.json()
    tell(f"{rows} days x {stocks} stocks: {min(found['engine_ms']):.1f} ms engine time")
    return found
