"""Sections of `ondol status`: memory as the metrics count it, what is cached, data quality, next jobs."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Sequence
from typing import Any

from shared.dataset.panel_files import SUFFIX
from shared.infra import metrics
from shared.infra.quality_reports import read_report
from shared.infra.redis.cache import Cache
from shared.jobs import scheduled_jobs
from shared.settings import Settings


def process_memory(process: int) -> dict[str, int]:
    """Return the resident bytes of a process as `ondol_process_memory_bytes` has them: private, shared, proportional.

    The mapped panels are part of the shared bytes of each process that reads them.
    """
    return {f"{kind}_bytes": size for kind, size in metrics.memory_bytes(process).items()}


def panel_memory(panel_dir: str) -> dict[str, int]:
    """Return bytes and number of the panel files of this host, which its simulators share (`ondol_panel_bytes`)."""
    sizes = []
    for path in pathlib.Path(panel_dir).glob(f"*{SUFFIX}"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # evicted since the listing
            continue
    return {"bytes": sum(sizes), "files": len(sizes)}


async def cached_parts(cache: Cache, names: Sequence[str]) -> dict[str, int]:
    """Return how many parts the current version has, and how many of them the cache has."""
    return {"parts": len(names), "cached": len(names) - len(await cache.missing_parts(names))}


async def quality(connection: Any) -> dict[str, Any] | None:
    """Return revision and counts by check of the newest quality report; None without one."""
    report = await read_report(connection)
    return None if report is None else {"revision": report.revision, "counts": report.counts()}


def next_jobs(settings: Settings) -> list[dict[str, Any]]:
    """Return the scheduled jobs in the order of their next run (UTC)."""
    now = dt.datetime.now(dt.UTC)
    jobs = [
        {"name": job.name, "next_run": job.next_run(now).astimezone(dt.UTC).isoformat(), "enabled": enabled}
        for job, enabled in scheduled_jobs(settings)
    ]
    return sorted(jobs, key=lambda job: str(job["next_run"]))
