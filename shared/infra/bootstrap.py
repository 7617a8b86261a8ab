"""How the process of a service begins: settings, logs that hide every secret, one sentence for a wrong environment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import uvloop

from shared.errors import SetupError
from shared.infra.logs import configure
from shared.infra.memory import trim_heap_when_idle
from shared.infra.redis.client import refuse_same_server
from shared.settings import Settings


def serve(service: str, run: Callable[[Settings], Coroutine[Any, Any, None]], environment: Mapping[str, str]) -> int:
    """Read the settings and run until SIGTERM; returns the exit code: 2 when the environment is wrong, else 0."""
    try:
        settings = Settings.from_environment(environment)
        configure(service, settings.log_level, settings.secrets)
        uvloop.run(_frugally(_checked(run, settings)))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _checked(run: Callable[[Settings], Coroutine[Any, Any, None]], settings: Settings) -> None:
    """Run, unless what the settings name cannot work; pools look for their room in PostgreSQL when they open."""
    if settings.has_servers:
        await refuse_same_server(settings.broker_url or "", settings.cache_url or "", cluster=settings.cache_cluster)
    await run(settings)


async def _frugally(running: Coroutine[Any, Any, None]) -> None:
    giving_back = asyncio.create_task(trim_heap_when_idle())
    try:
        await running
    finally:
        giving_back.cancel()
