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
    words: tuple[str, ...] = ()
    same_trades: bool = False
    longest: int = 750


PEERS = (
    Peer("numba", "numba day loop over dense arrays", "bench.peers.numba_loop", 9,
         "ranks given; no statistics", same_trades=True),
    Peer("numpy", "numpy, day by day", "bench.peers.numpy_days", 3, "ranks given; no statistics", same_trades=True),
    Peer("vectorbt", "vectorbt 1.2, flexible order function", "bench.peers.vectorbt_flexible", 5,
         "value only, no statistics", same_trades=True),
    Peer("vectorbt_statistics", "vectorbt 1.2, flexible, with its statistics", "bench.peers.vectorbt_flexible", 3,
         "as this engine: trades, equity, statistics", words=("statistics",), same_trades=True),
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
    """Ours and every peer, one after the other; ratios are against this engine's CPU for the same rules."""
    found: dict[str, Any] = {"ondol": _child(work, "ondol", [sys.executable, "-m", "bench.ours"], 41, folders)}
    if not pathlib.Path(python).exists():
        tell(f"no peers: {python} does not exist (make bench makes it)")
        return found
    for peer in PEERS:
        if only and peer.key not in only.split(","):
            continue
        there = [f for f in folders if int(f.name.rpartition("x")[2]) <= peer.longest and f.name.startswith("2000x")]
        tell(f"{peer.title} …")
        try:
            found[peer.key] = _child(
                work, peer.key, [python, "-m", peer.module], peer.repeats, there, words=peer.words
            ) | {"title": peer.title, "note": peer.note}  # fmt: skip
        except ChildError as error:
            found[peer.key] = {"title": peer.title, "error": str(error)[-400:], "runs": {}}
            continue
        for name, figures in found[peer.key]["runs"].items():
            ours = found["ondol"]["runs"][name]
            figures["ratio"] = statistics.median(figures["cpu_s"]) / statistics.median(ours["plain"]["cpu_s"])
            if peer.same_trades:
                figures["same_trades"] = figures["trades_digest"] == ours["trades_digest"]
    return found


def _child(
    work: pathlib.Path, key: str, command: list[str], repeats: int, folders: list[pathlib.Path], *,
    words: tuple[str, ...] = (),
) -> dict[str, Any]:  # fmt: skip
    out = work / f"trades-{key}"
    out.mkdir(exist_ok=True)
    ended = run([*command, str(repeats), str(out), *map(str, folders), *words])
    found: dict[str, Any] = ended.json()
    found |= {"process_cpu_s": ended.cpu_s, "process_s": ended.seconds}
    for name, figures in found["runs"].items():
        file = out / f"{name}.json"
        figures["trades_digest"] = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
    shutil.rmtree(out)
    return found


def growth(rows: int, stocks: int, tell: Told) -> dict[str, Any]:
    """P12."""
    ended = run([sys.executable, "-m", "bench.growth", str(rows), str(stocks), "7"])
    found: dict[str, Any] = ended.json()
    tell(f"{rows} days x {stocks} stocks: {min(found['engine_ms']):.1f} ms engine time")
    return found
