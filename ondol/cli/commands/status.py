"""What serves this home, its market data, the current dataset, the work in hand, and the memory of it all."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
from typing import Any

from ondol.cli.connection import connected, refuse_absent
from ondol.cli.terminal import add_common, print_json
from ondol.local import embedded_servers
from shared.errors import SetupError
from shared.infra.database.pool import database, is_migrated
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import client

_MIB = 1024 * 1024
_SQL = statements("status")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol status`."""
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Print the status."""
    if not args.settings.has_servers:
        refuse_absent(args.home)
    run = embedded_servers.running(args.home)
    found = asyncio.run(_status(args))
    found["serving"] = _serving(run) if run else None
    if args.json:
        print_json(found)
    else:
        _print(found)
    return 0


async def _status(args: argparse.Namespace) -> dict[str, Any]:
    async with connected(args, "status") as system:
        settings = system.settings
        found: dict[str, Any] = {"api": system.api}
        async with database(settings.database_url or "", size=1) as record:
            if not await is_migrated(record):
                raise SetupError("The database lacks the schema; run `ondol migrate`.")
            async with record.connection() as connection:
                for name in ("market", "dataset", "warm"):
                    row = await connection.fetchrow(_SQL[name])
                    found[name] = dict(row) if row else None
                found["work"] = {row["status"]: row["rows"] for row in await connection.fetch(_SQL["work"])}
                found["database_bytes"] = await connection.fetchval(_SQL["database_bytes"])
        for role, url in (("broker", settings.broker_url), ("cache", settings.cache_url)):
            redis = client(url or "")
            used, limit = await Cache(redis).memory()
            await redis.aclose()
            found[role] = {"used_bytes": used, "limit_bytes": limit}
    return found


def _serving(run: embedded_servers.Run) -> dict[str, Any]:
    processes = {**run.servers.processes, **run.services}
    return {
        "process": run.process,
        "command": run.command,
        "api": f"http://127.0.0.1:{run.port}" if run.port else None,
        "metrics": {name: f"http://127.0.0.1:{port}/metrics" for name, port in run.metrics.items()},
        "processes": {name: {"process": number, **_memory(number)} for name, number in processes.items()},
    }


def _memory(process: int) -> dict[str, int]:
    """Resident bytes: private to the process, and its share of what it has in common with others."""
    found: dict[str, int] = {}
    try:
        lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return found
    for line in lines:
        name, _, rest = line.partition(":")
        if name in {"Private_Clean", "Private_Dirty"}:
            found["private_bytes"] = found.get("private_bytes", 0) + int(rest.split()[0]) * 1024
        elif name == "Pss":
            found["proportional_bytes"] = int(rest.split()[0]) * 1024
    return found


def _print(found: dict[str, Any]) -> None:
    for name, text in (
        ("serving", _serving_text(found["serving"])),
        ("market", _market_text(found["market"])),
        ("dataset", _dataset_text(found["dataset"])),
        ("backtests", ", ".join(f"{count:,} {status}" for status, count in found["work"].items()) or "none"),
        ("warm run", _warm_text(found["warm"])),
        ("memory", _memory_text(found)),
    ):
        print(f"{name:<10} {text}")


def _serving_text(serving: dict[str, Any] | None) -> str:
    if serving is None:
        return "nothing serves this home (`ondol serve`)"
    head = f"{serving['api'] or 'servers only'} (ondol {serving['command']}, process {serving['process']})"
    lines = [
        f"{name:<12} process {one['process']:<8} private {one.get('private_bytes', 0) / _MIB:7.1f} MiB"
        for name, one in serving["processes"].items()
    ]
    return f"\n{'':<11}".join([head, *lines])


def _market_text(market: dict[str, Any]) -> str:
    if market["revision"] is None:
        return "no data (`ondol load DIR`)"
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
    return f"{warm['status']} ({warm['trigger']}, started {warm['started_at']})" if warm else "none yet"


def _memory_text(found: dict[str, Any]) -> str:
    cache, broker = found["cache"], found["broker"]
    return (
        f"cache {cache['used_bytes'] / _MIB:.1f} of {cache['limit_bytes'] / _MIB:.0f} MiB, "
        f"broker {broker['used_bytes'] / _MIB:.1f} MiB; database {found['database_bytes'] / _MIB:.1f} MiB on disk"
    )
