"""Show the processes, market data, dataset, backtests, warm run and memory of a home."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.connection import connected, refuse_absent
from ondol.cli.status_sections import cached_parts, next_jobs, panel_memory, process_memory, quality
from ondol.cli.terminal import add_common, print_json
from ondol.local.ports import url_of
from ondol.local.run_file import Run, running
from shared.errors import SetupError
from shared.infra.database.pool import database, is_migrated
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import client

_MIB = 1024 * 1024
_SQL = statements("status")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol status`."""
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Print the status."""
    if not args.settings.has_servers:
        refuse_absent(args.home)
    run = running(args.home)
    status = asyncio.run(_status(args))
    status["serving"] = _serving(run) if run else None
    if args.json:
        print_json(status)
    else:
        _print(status)
    return 0


async def _status(args: argparse.Namespace) -> dict[str, Any]:
    async with connected(args, "status") as system:
        settings = system.settings
        status: dict[str, Any] = {"api": system.api}
        async with database(settings.database_url or "", size=1) as pool:
            if not await is_migrated(pool):
                raise SetupError("The database lacks the schema; run `ondol migrate`.")
            async with pool.connection() as connection:
                for name in ("market", "dataset", "warm"):
                    row = await connection.fetchrow(_SQL[name])
                    status[name] = dict(row) if row else None
                status["work"] = {row["status"]: row["rows"] for row in await connection.fetch(_SQL["work"])}
                status["quality"] = await quality(connection)
                parts: list[str] = await connection.fetchval(_SQL["parts"]) or []
                status["database_bytes"] = await connection.fetchval(_SQL["database_bytes"])
        for role, url in (("broker", settings.broker_url), ("cache", settings.cache_url)):
            redis = client(url or "")
            used, limit = await Cache(redis).memory()
            if role == "cache":
                status["cached"] = await cached_parts(Cache(redis), parts)
            await redis.aclose()
            status[role] = {"used_bytes": used, "limit_bytes": limit}
        status["panels"] = await asyncio.to_thread(panel_memory, settings.panel_dir)
        status["next_jobs"] = next_jobs(settings)
    return status


def _serving(run: Run) -> dict[str, Any]:
    processes = {**run.servers.processes, **run.services}
    return {
        "process": run.process,
        "command": run.command,
        "api": url_of(run.host, run.port) if run.port else None,
        "metrics": {name: f"http://127.0.0.1:{port}/metrics" for name, port in run.metrics.items()},
        "processes": {name: {"process": number, **process_memory(number)} for name, number in processes.items()},
    }


def _print(status: dict[str, Any]) -> None:
    for name, text in (
        ("serving", _serving_text(status["serving"])),
        ("market", _market_text(status["market"])),
        ("dataset", _dataset_text(status["dataset"])),
        ("backtests", ", ".join(f"{count:,} {status}" for status, count in status["work"].items()) or "none"),
        ("warm run", _warm_text(status["warm"])),
        ("warm", _cached_text(status["cached"])),
        ("quality", _quality_text(status["quality"])),
        ("next jobs", _jobs_text(status["next_jobs"])),
        ("memory", _memory_text(status)),
    ):
        print(f"{name:<10} {text}")


def _serving_text(serving: dict[str, Any] | None) -> str:
    if serving is None:
        return "no system serves this home (`ondol serve`)"
    head = f"{serving['api'] or 'servers only'} (ondol {serving['command']}, process {serving['process']})"
    lines = [
        f"{name:<12} process {one['process']:<8} private {one.get('private_bytes', 0) / _MIB:7.1f} MiB, "
        f"shared {one.get('shared_bytes', 0) / _MIB:7.1f} MiB"
        for name, one in serving["processes"].items()
    ]
    return f"\n{'':<11}".join([head, *lines])


def _market_text(market: dict[str, Any]) -> str:
    if market["revision"] is None:
        return "no data loaded (`ondol load DIR`)"
    return (
        f"revision {market['revision']}: {market['instruments']:,} stocks, {market['price_rows']:,} price rows, "
        f"{market['first_day']} to {market['last_day']}, {market['statements']:,} statements, "
        f"{market['dividends']:,} dividends"
    )


def _dataset_text(dataset: dict[str, Any] | None) -> str:
    if dataset is None:
        return "none yet (`ondol prepare`)"
    return (
        f"{dataset['version'][:16]} of revision {dataset['revision']}, built {dataset['built_at']:%Y-%m-%d %H:%M} UTC, "
        f"{dataset['parts']:,} parts, {dataset['stored_bytes'] / _MIB:.1f} MiB stored"
    )


def _warm_text(warm: dict[str, Any] | None) -> str:
    if not warm:
        return "none yet"
    start = f"started {warm['started_at']:%Y-%m-%d %H:%M} UTC" if warm["started_at"] else "not started"
    return f"{warm['status']} ({warm['trigger']}, {start})"


def _cached_text(cached: dict[str, int]) -> str:
    if not cached["parts"]:
        return "nothing yet"
    return f"{cached['cached']:,} of {cached['parts']:,} parts of the dataset are in the cache"


def _quality_text(report: dict[str, Any] | None) -> str:
    if report is None:
        return "no report yet"
    found = ", ".join(f"{check} {count:,}" for check, count in report["counts"].items() if count) or "nothing found"
    return f"revision {report['revision']}: {found} (`ondol quality`)"


def _jobs_text(jobs: list[dict[str, Any]]) -> str:
    shown = [f"{job['name']} {job['next_run'][:16].replace('T', ' ')}" for job in jobs if job["enabled"]]
    return ", ".join(shown) + " UTC" if shown else "none is enabled"


def _memory_text(status: dict[str, Any]) -> str:
    cache, broker = status["cache"], status["broker"]
    return (
        f"cache {cache['used_bytes'] / _MIB:.1f} of {cache['limit_bytes'] / _MIB:.0f} MiB, "
        f"broker {broker['used_bytes'] / _MIB:.1f} MiB, "
        f"panels {status['panels']['bytes'] / _MIB:.1f} MiB in {status['panels']['files']} files; "
        f"database {status['database_bytes'] / _MIB:.1f} MiB on disk"
    )
