"""Metrics of a simulator."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from services.simulator.job import Job
from services.simulator.outcome import Ending, RunResult
from shared.contracts.queries import QUERY_LIMIT_S
from shared.dataset.panel_files import SUFFIX
from shared.infra import metrics
from shared.infra.memory import unlinked_bytes

if TYPE_CHECKING:  # which imports the metrics of runs
    from services.simulator.queue_store import Analysis

STAGES = ("queue", "load", "evaluate", "simulate", "total")

_SECONDS = tuple((f"{stage}_ms", metrics.BACKTEST_SECONDS.labels(stage)) for stage in STAGES)


def observe_run(job: Job, result: RunResult) -> None:
    """Record the stages and cache reads of a run; a chunk that the preparer had to provide is a miss."""
    for name, histogram in _SECONDS:
        histogram.observe(result.timing.get(name, 0.0) / 1e3)
    for tier, count in result.cache["by_tier"].items():
        missed = job.waited and tier == "t2"
        metrics.CACHE_REQUESTS.labels(tier, "miss" if missed else "hit", job.origin).inc(count)
    for tier, size in result.cache["bytes_by_tier"].items():
        metrics.CACHE_BYTES.labels(tier).inc(size)


def run_started(job: Job) -> None:
    """Record how long a computation has waited, at its first start."""
    if job.attempts == 1:
        metrics.WAIT_SECONDS.labels(job.origin).observe(job.queue_ms / 1e3)


def analysis_started(analysis: Analysis) -> None:
    """Record how long a long query has waited, at its first start; its deadline follows from its acceptance."""
    if analysis.lease == 1:
        accepted = analysis.query.deadline - QUERY_LIMIT_S
        metrics.WAIT_SECONDS.labels("analysis").observe(max(0.0, time.time() - accepted))


def sweep_started(wait_s: float) -> None:
    """Record how long a sweep or walk-forward has waited for its first part."""
    metrics.WAIT_SECONDS.labels("sweep").observe(wait_s)


def ended(ending: Ending) -> None:
    """Count a job that this process has ended or released."""
    metrics.BACKTESTS.labels(ending).inc()
    if ending == "stale_lease":
        metrics.FENCED_RUNS.inc()


def result_stored(size: int) -> None:
    """Count the bytes of a result."""
    metrics.STORED_BYTES.labels("backtest").inc(size)


def part_ended(variants: int, failed: int, seconds: float, size: int) -> None:
    """Count the variants of a part of a sweep, and record how long it took and the bytes that were stored."""
    metrics.STORED_BYTES.labels("sweep").inc(size)
    metrics.SWEEP_VARIANTS.labels("failed").inc(failed)
    metrics.SWEEP_VARIANTS.labels("completed").inc(variants - failed)
    metrics.SWEEP_PART_SECONDS.observe(seconds)


def walk_forward_ended(status: str, seconds: float, size: int) -> None:
    """Count a walk-forward that this process has ended, and record how long its last part took and its bytes."""
    metrics.STORED_BYTES.labels("sweep").inc(size)
    metrics.WALK_FORWARDS.labels(status).inc()
    metrics.WALK_FORWARD_END_SECONDS.observe(seconds)


def exposition(panel_dir: str) -> bytes:
    """Return the text of /metrics; the size of the panel folder is read at this moment."""
    with os.scandir(panel_dir) as entries:
        metrics.PANEL_BYTES.set(sum(_size(entry) for entry in entries if entry.name.endswith(SUFFIX)))
    metrics.UNLINKED_PANEL_BYTES.set(unlinked_bytes(panel_dir))
    return metrics.exposition()


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # evicted since the listing
        return 0
