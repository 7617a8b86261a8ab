"""Connect a command to servers and an API: those of the settings, of the system serving the home, or new ones."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.errors import SetupError
from shared.settings import Settings


@dataclass(frozen=True, kw_only=True)
class System:
    """Servers of a command: settings with three URLs, and the API's address and service names when they run."""

    settings: Settings
    api: str | None
    services: frozenset[str]


def api_of(args: argparse.Namespace) -> str | None:
    """Return the URL of `--api`, of the environment or of the system serving the home; None without any."""
    named: str | None = getattr(args, "api", None) or args.environment.get("ONDOL_API_URL")
    if named:
        if not named.startswith(("http://", "https://")):
            raise SetupError(f"{named} is not the URL of an API; a valid one is http://127.0.0.1:8000.")
        return named.rstrip("/")
    if args.settings.has_servers:
        return f"http://{args.settings.api_host}:{args.settings.api_port}"
    from ondol.local.run_file import running  # imported late: commands with --api start faster without it

    run = running(args.home)
    if run is None or not run.port:
        return None
    from ondol.local.ports import url_of

    return url_of(run.host, run.port or 0)


@asynccontextmanager
async def connected(args: argparse.Namespace, command: str) -> AsyncIterator[System]:
    """Yield servers for the duration of the command; embedded ones have the current schema."""
    settings: Settings = args.settings
    if settings.has_servers:
        yield System(settings=settings, api=api_of(args), services=frozenset())
        return
    from ondol.local import embedded_servers
    from ondol.local.run_file import running, with_servers
    from shared.infra.database.pool import migrate

    run = running(args.home)
    if run is not None:
        yield System(
            settings=with_servers(settings, run.servers),
            api=api_of(args),
            services=frozenset(run.services),
        )
        return
    async with embedded_servers.servers(args.home, command=command, cache_bytes=settings.cache_bytes) as servers:
        await migrate(servers.database_url)
        yield System(settings=with_servers(settings, servers), api=None, services=frozenset())


@asynccontextmanager
async def api(args: argparse.Namespace, command: str) -> AsyncIterator[str]:
    """Yield the URL of the running API, or of a system started for the duration of the command."""
    address = api_of(args)
    if address is not None:
        yield address
        return
    from ondol.cli.commands.serve import system
    from ondol.local.ports import url_of

    refuse_absent(args.home)
    async with system(
        args.settings, args.home, environment=args.environment, port=0, simulators=1, command=command
    ) as run:
        yield url_of(run.host, run.port or 0)


def refuse_absent(home: pathlib.Path) -> None:
    """Raise SetupError when the folder is no home: it has neither a database nor a pointer to one."""
    if not any((home / name).exists() for name in ("postgres", "postgres.folder")):
        raise SetupError(f"There is no home {home}; load a market first (`ondol load DIR`) or name it with --home.")
