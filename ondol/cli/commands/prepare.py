"""Build the dataset version of the newest data revision, publish it and print it."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from ondol.cli.connection import System, connected
from ondol.cli.terminal import Bar, add_common, print_json
from ondol.local import embedded_servers, processes
from ondol.local.log_files import Log
from shared.contracts.events import DatasetRequested
from shared.errors import SetupError
from shared.infra.database.pool import Database, database, migrate
from shared.infra.database.sql import statements
from shared.infra.redis import client as redis_servers
from shared.infra.redis.streams import append


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol prepare`."""
    parser.add_argument(
        "--timeout", type=float, default=1800.0, metavar="SECONDS", help="longest wait in seconds (default 1800)"
    )
    add_common(parser)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The current version, and whether this call built it."""

    version: str
    revision: int
    built: bool
    seconds: float


def main(args: argparse.Namespace) -> int:
    """Prepare and print the version."""
    bar = Bar(quiet=args.json)
    prepared = asyncio.run(_prepare(args, bar))
    bar.end()
    if args.json:
        print_json(prepared)
    elif prepared.built:
        print(f"dataset {prepared.version} of data revision {prepared.revision}, published in {prepared.seconds:.1f} s")
    else:
        print(f"dataset {prepared.version} of data revision {prepared.revision} is current: nothing to do")
    return 0


async def _prepare(args: argparse.Namespace, bar: Bar) -> Prepared:
    began = time.monotonic()
    async with connected(args, "prepare") as system:
        settings = system.settings
        await migrate(settings.database_url or "")
        async with database(settings.database_url or "", size=2) as pool:
            newest = await _newest(pool)
            if newest is None:
                raise SetupError("No market data are loaded; load some with `ondol load DIR`.")
            current = await _current(pool)
            built = current is None or current[1] < newest
            if built:
                async with _preparer(args, system), redis_servers.broker(settings.broker_url or "") as broker:
                    await asyncio.shield(append(broker, DatasetRequested()))
                    current = await _until_published(pool, newest, args.timeout, bar)
    version, revision = current or ("", 0)
    return Prepared(version=version, revision=revision, built=built, seconds=time.monotonic() - began)


@asynccontextmanager
async def _preparer(args: argparse.Namespace, system: System) -> AsyncIterator[None]:
    """Use the running preparer, or run one for the duration of the block."""
    if args.settings.has_servers or "preparer" in system.services:
        yield
        return
    home = embedded_servers.make_home(args.home)
    variables = {k: v for k, v in args.environment.items() if not k.startswith("ONDOL_")}
    variables |= replace(system.settings, metrics_port=0).to_environment()
    with Log(home / "logs" / "preparer.log") as log:
        process = await processes.start(
            [sys.executable, "-m", "services.preparer"], environment=variables, log=log.fileno()
        )
        try:
            yield
        finally:
            await processes.stop(process, signal.SIGTERM, within_s=15)


async def _newest(pool: Database) -> int | None:
    async with pool.connection() as connection:
        newest: int | None = await connection.fetchval(statements("market")["newest_revision"])
    return newest


async def _current(pool: Database) -> tuple[str, int] | None:
    async with pool.connection() as connection:
        row = await connection.fetchrow(statements("dataset")["current"])
    return (row["version"], row["revision"]) if row else None


async def _until_published(pool: Database, revision: int, timeout_s: float, bar: Bar) -> tuple[str, int]:
    began = time.monotonic()
    while time.monotonic() - began < timeout_s:
        current = await _current(pool)
        if current is not None and current[1] >= revision:
            return current
        bar("preparing, seconds", int(time.monotonic() - began), None)
        await asyncio.sleep(0.05)
    raise SetupError(
        f"No preparer published data revision {revision} within {timeout_s:.0f} s; is one running? See its log."
    )
