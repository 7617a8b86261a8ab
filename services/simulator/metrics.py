"""What a simulator counts."""

from __future__ import annotations

import os

from services.simulator.runner import Finished, Work
from shared.dataset.panel_files import SUFFIX
from shared.infra import metrics

STAGES = ("queue", "load", "evaluate", "simulate", "total")


_SECONDS = tuple((f"{stage}_ms", metrics.BACKTEST_SECONDS.labels(stage)) for stage in STAGES)


def ran(work: Work, finished: Finished) -> None:
    """One run has a result; a chunk is a hit when it came without the preparer."""
    for name, histogram in _SECONDS:
        histogram.observe(finished.timing.get(name, 0.0) / 1e3)
    for tier, count in finished.cache["by_tier"].items():
        missed = work.waited and tier == "t2"
        metrics.CACHE_REQUESTS.labels(tier, "miss" if missed else "hit", work.origin).inc(count)
    for tier, size in finished.cache["bytes_by_tier"].items():
        metrics.CACHE_BYTES.labels(tier).inc(size)


def ended(outcome: str) -> None:
    """One computation left this process: completed, failed, cancelled, handed_back, fenced."""
    metrics.BACKTESTS.labels(outcome).inc()
    if outcome == "fenced":
        metrics.REPEATED_RUNS.inc()


def exposition(panel_dir: str) -> bytes:
    """The text of /metrics, with the bytes of the panels that lie in the folder at this moment."""
    with os.scandir(panel_dir) as entries:
        metrics.PANEL_BYTES.set(sum(_size(entry) for entry in entries if entry.name.endswith(SUFFIX)))
    return metrics.exposition()


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # evicted in between
        return 0
