"""How a command reaches the servers and the API: those of the settings, those that serve the home, or its own."""

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
    """What a command talks to: settings with three URLs; the API's address and the names of services where they run."""

    settings: Settings
    api: str | None
    services: frozenset[str]


def api_of(args: argparse.Namespace) -> str | None:
    """The API that `--api` or the environment names or that serves the home, None when there is none."""
    named: str | None = getattr(args, "api", None) or args.environment.get("ONDOL_API_URL")
    if named:
        if not named.startswith(("http://", "https://")):
            raise SetupError(f"{named} is no address of an API; it looks like http://127.0.0.1:8000.")
        return named.rstrip("/")
    if args.settings.has_servers:
        return f"http://{args.settings.api_host}:{args.settings.api_port}"
    from ondol.local import embedded_servers  # not needed where the API is named: such commands are quick

    run = embedded_servers.running(args.home)
    return f"http://127.0.0.1:{run.port}" if run and run.port else None


@asynccontextmanager
async def connected(args: argparse.Namespace, command: str) -> AsyncIterator[System]:
    """Servers for as long as the command runs, with the schema up to date when they are embedded."""
    settings: Settings = args.settings
    if settings.has_servers:
        yield System(settings=settings, api=api_of(args), services=frozenset())
        return
    from ondol.local import embedded_servers
    from shared.infra.database.pool import migrate

    run = embedded_servers.running(args.home)
    if run is not None:
        yield System(
            settings=embedded_servers.with_servers(settings, run.servers),
            api=api_of(args),
            services=frozenset(run.services),
        )
        return
    async with embedded_servers.servers(args.home, command=command, cache_bytes=settings.cache_bytes) as found:
        await migrate(found.database_url)
        yield System(settings=embedded_servers.with_servers(settings, found), api=None, services=frozenset())


@asynccontextmanager
async def api(args: argparse.Namespace, command: str) -> AsyncIterator[str]:
    """The address of an API: the one that runs, or a whole system that is started for as long as the command runs."""
    address = api_of(args)
    if address is not None:
        yield address
        return
    from ondol.cli.commands.serve import system

    refuse_absent(args.home)
    async with system(
        args.settings, args.home, environment=args.environment, port=0, simulators=1, command=command
    ) as run:
        yield f"http://127.0.0.1:{run.port}"


def refuse_absent(home: pathlib.Path) -> None:
    """SetupError when there is no such home."""
    if not home.exists():
        raise SetupError(f"There is no home {home}; load a market first (`ondol load DIR`) or name it with --home.")
