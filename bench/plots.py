"""Plots of a run for the README: `python -m bench.plots RESULTS.json FOLDER` (matplotlib comes with the peers)."""

from __future__ import annotations

import json
import pathlib
import statistics
import sys
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "ondol", "font.size": 10, "axes.spines.top": False,
                     "axes.spines.right": False})  # fmt: skip

import matplotlib.pyplot as plt  # noqa: E402

OURS, OTHERS = "#c2410c", "#94a3b8"


def _save(figure: Any, folder: pathlib.Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(folder / f"{name}.png", dpi=144, metadata={"Software": None})
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def engines(raw: dict[str, Any], folder: pathlib.Path) -> None:
    """Plot the CPU of one backtest by engine."""
    titles, values = [], []
    for key, engine in raw["engines"].items():
        figures = engine["runs"].get("2000x250")
        if figures:
            seconds = figures["plain_own"]["engine_cpu_s"] if key == "ondol" else figures["cpu_s"]
            titles.append("Ondol (with statistics)" if key == "ondol" else engine["title"])
            values.append(1e3 * statistics.median(seconds))
    order = sorted(range(len(values)), key=values.__getitem__, reverse=True)
    figure, axes = plt.subplots(figsize=(9.2, 0.42 * len(values) + 1.0))
    colours = [OURS if titles[i].startswith("Ondol") else OTHERS for i in order]
    bars = axes.barh([titles[i] for i in order], [values[i] for i in order], color=colours)
    axes.bar_label(
        bars, [f"{values[i]:,.1f} ms" if values[i] < 1000 else f"{values[i] / 1e3:,.1f} s" for i in order], padding=3
    )
    axes.set_xscale("log")
    axes.set_xlim(min(values) / 3, max(values) * 6)
    axes.set_xlabel("CPU ms of one backtest (log), 2,000 stocks, 1 year")
    _save(figure, folder, "bench-engines")


def latency(raw: dict[str, Any], folder: pathlib.Path) -> None:
    """Plot the latency of a request."""
    answers = raw["system"]["answers"]
    parts = [("stored result", answers["stored"]), ("new request", answers["new"])]
    figure, axes = plt.subplots(figsize=(8.4, 2.4))
    for row, (_, figures) in enumerate(parts):
        axes.barh(row, figures["p99_ms"], color="#fed7aa", height=0.5, label="p99" if row == 0 else None)
        axes.barh(row, figures["p50_ms"], color=OURS, height=0.5, label="p50" if row == 0 else None)
        axes.text(figures["p99_ms"], row, f"  {figures['p50_ms']:.1f} / {figures['p99_ms']:.1f} ms", va="center")
    axes.set_yticks(range(len(parts)), [title for title, _ in parts])
    axes.set_xlim(right=1.3 * max(figures["p99_ms"] for _, figures in parts))
    axes.set_xlabel("ms from POST to the whole response, whole market, one year")
    axes.legend(loc="lower right", frameon=False)
    _save(figure, folder, "bench-latency")


def memory(raw: dict[str, Any], folder: pathlib.Path) -> None:
    """Plot the memory of sixteen simulators by kind."""
    usage = raw["system"]["memory"]
    private = sum(m["private"] for name, m in usage["services"].items() if name.startswith("simulator"))
    parts = {
        "mapped panels, shared": usage["panels_mb"],
        "simulators, private": private,
        "both Redis": sum(usage["redis_rss_mb"].values()),
    }
    figure, axes = plt.subplots(figsize=(8.4, 1.9))
    left = 0.0
    for (title, size), colour in zip(parts.items(), (OURS, "#fb923c", OTHERS), strict=True):
        axes.barh([""], [size], left=left, color=colour, label=f"{title}: {size:,.0f} MB")
        left += size
    axes.axvline(2048, color="black", linewidth=1, linestyle=":")
    axes.set_xlabel("MB, sixteen busy simulators over all years (dotted: 2 GB)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.45), ncols=3, frameon=False, fontsize=9)
    _save(figure, folder, "bench-memory")


def main() -> None:
    """Plot the figures of the command line's file."""
    raw, folder = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    engines(raw, folder)
    for draw, part in ((latency, "answers"), (memory, "memory")):
        if "error" not in raw.get("system", {}).get(part, {"error": ""}):
            draw(raw, folder)


if __name__ == "__main__":
    main()
