"""Show the processes, market data, dataset, backtests, warm run and memory of a home."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

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


@dataclass(frozen=True, kw_only=True)
class Market:
    """The loaded market data; `revision` None before the first load, and days None without prices."""

    revision: int | None
    instruments: int
    price_rows: int
    statements: int
    dividends: int
    index_rows: int
    first_day: dt.date | None
    last_day: dt.date | None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The current dataset version; `stored_bytes` are those of all versions."""

    version: str
    revision: int
    built_at: dt.datetime
    parts: int
    stored_bytes: int


@dataclass(frozen=True, kw_only=True)
class WarmRun:
    """The newest warm run."""

    id: int
    trigger: str
    status: str
    dataset_version: str | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class RedisMemory:
    """Used memory of a Redis server and its limit."""

    used_bytes: int
    limit_bytes: int


@dataclass(frozen=True, kw_only=True)
class Serving:
    """The supervisor of the home; processes: name -> `process` (its id) and its memory in bytes by kind."""

    process: int
    command: str
    api: str | None
    metrics: dict[str, str]
    processes: dict[str, dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What `ondol status --json` prints."""

    api: str | None
    market: Market
    dataset: Dataset | None
    warm: WarmRun | None
    work: dict[str, int]
    """Computations by status."""
    quality: dict[str, Any] | None
    database_bytes: int
    broker: RedisMemory
    cached: dict[str, int]
    cache: RedisMemory
    panels: dict[str, int]
    next_jobs: list[dict[str, Any]]
    serving: Serving | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol status`."""
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Print the status."""
    if not args.settings.has_servers:
        refuse_absent(args.home)
    run = running(args.home)
    status = asyncio.run(_status(args, _serving(run) if run else None))
    if args.json:
        print_json(status)
    else:
        _print(status)
    return 0


async def _status(args: argparse.Namespace, serving: Serving | None) -> Status:
    async with connected(args, "status") as system:
        settings = system.settings
        async with database(settings.database_url or "", size=1) as pool:
            if not await is_migrated(pool):
                raise SetupError("The database lacks the schema; run `ondol migrate`.")
            async with pool.connection() as connection:
                market, dataset, warm = [
                    await connection.fetchrow(_SQL[name]) for name in ("market", "dataset", "warm")
                ]
                work = {row["status"]: row["rows"] for row in await connection.fetch(_SQL["work"])}
                report = await quality(connection)
                parts: list[str] = await connection.fetchval(_SQL["parts"]) or []
                database_bytes = await connection.fetchval(_SQL["database_bytes"])
        broker, cache = client(settings.broker_url or ""), client(settings.cache_url or "")
        try:
            return Status(
                api=system.api,
                market=Market(**market),
                dataset=Dataset(**dataset) if dataset else None,
                warm=WarmRun(**warm) if warm else None,
                work=work,
                quality=report,
                database_bytes=database_bytes,
                broker=await _memory(broker),
                cached=await cached_parts(Cache(cache), parts),
                cache=await _memory(cache),
                panels=await asyncio.to_thread(panel_memory, settings.panel_dir),
                next_jobs=next_jobs(settings),
                serving=serving,
            )
        finally:
            await broker.aclose()
            await cache.aclose()


async def _memory(redis: Redis) -> RedisMemory:
    used, limit = await Cache(redis).memory()
    return RedisMemory(used_bytes=used, limit_bytes=limit)


def _serving(run: Run) -> Serving:
    processes = {**run.servers.processes, **run.services}
    return Serving(
        process=run.process,
        command=run.command,
        api=url_of(run.host, run.port) if run.port else None,
        metrics={name: f"http://127.0.0.1:{port}/metrics" for name, port in run.metrics.items()},
        processes={name: {"process": number, **process_memory(number)} for name, number in processes.items()},
    )


def _print(status: Status) -> None:
    for name, text in (
        ("serving", _serving_text(status.serving)),
        ("market", _market_text(status.market)),
        ("dataset", _dataset_text(status.dataset)),
        ("backtests", ", ".join(f"{count:,} {name}" for name, count in status.work.items()) or "none"),
        ("warm run", _warm_text(status.warm)),
        ("warm", _cached_text(status.cached)),
        ("quality", _quality_text(status.quality)),
        ("next jobs", _jobs_text(status.next_jobs)),
        ("memory", _memory_text(status)),
    ):
        print(f"{name:<10} {text}")


def _serving_text(serving: Serving | None) -> str:
    if serving is None:
        return "no system serves this home (`ondol serve`)"
    head = f"{serving.api or 'servers only'} (ondol {serving.command}, process {serving.process})"
    lines = [
        f"{name:<12} process {one['process']:<8} private {one.get('private_bytes', 0) / _MIB:7.1f} MiB, "
        f"shared {one.get('shared_bytes', 0) / _MIB:7.1f} MiB"
        for name, one in serving.processes.items()
    ]
    return f"\n{'':<11}".join([head, *lines])


def _market_text(market: Market) -> str:
    if market.revision is None:
        return "no data loaded (`ondol load DIR`)"
    return (
        f"revision {market.revision}: {market.instruments:,} stocks, {market.price_rows:,} price rows, "
        f"{market.first_day} to {market.last_day}, {market.statements:,} statements, "
        f"{market.dividends:,} dividends"
    )


def _dataset_text(dataset: Dataset | None) -> str:
    if dataset is None:
        return "none yet (`ondol prepare`)"
    return (
        f"{dataset.version[:16]} of revision {dataset.revision}, built {dataset.built_at:%Y-%m-%d %H:%M} UTC, "
        f"{dataset.parts:,} parts, {dataset.stored_bytes / _MIB:.1f} MiB stored"
    )


def _warm_text(warm: WarmRun | None) -> str:
    if not warm:
        return "none yet"
    start = f"started {warm.started_at:%Y-%m-%d %H:%M} UTC" if warm.started_at else "not started"
    return f"{warm.status} ({warm.trigger}, {start})"


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


def _memory_text(status: Status) -> str:
    cache, broker = status.cache, status.broker
    return (
        f"cache {cache.used_bytes / _MIB:.1f} of {cache.limit_bytes / _MIB:.0f} MiB, "
        f"broker {broker.used_bytes / _MIB:.1f} MiB, "
        f"panels {status.panels['bytes'] / _MIB:.1f} MiB in {status.panels['files']} files; "
        f"database {status.database_bytes / _MIB:.1f} MiB on disk"
    )
