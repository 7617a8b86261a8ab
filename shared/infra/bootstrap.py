"""Start a service process: read the settings, configure logs without secrets, report an invalid environment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
import uvloop

from shared.errors import SetupError
from shared.infra.logs import configure
from shared.infra.memory import trim_heap_when_idle
from shared.infra.redis.client import refuse_same_server
from shared.settings import Settings, deprecated_names

log = structlog.get_logger()


def serve(service: str, run: Callable[[Settings], Coroutine[Any, Any, None]], environment: Mapping[str, str]) -> int:
    """Read the settings and run until SIGTERM; return the exit code: 2 when the environment is invalid, else 0."""
    try:
        settings = Settings.from_environment(environment)
        configure(service, settings.log_level, settings.secrets)
        for former, name in deprecated_names(environment).items():
            log.warning("setting.deprecated", setting=former, replacement=name)
        uvloop.run(_trimming(_checked(run, settings)))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _checked(run: Callable[[Settings], Coroutine[Any, Any, None]], settings: Settings) -> None:
    """Run the service unless broker and cache are one server; pools check the connection budget when they open."""
    if settings.has_servers:
        await refuse_same_server(settings.broker_url or "", settings.cache_url or "", cluster=settings.cache_cluster)
    await run(settings)


async def _trimming(running: Coroutine[Any, Any, None]) -> None:
    """Run the service and return freed memory to the system while it is idle."""
    trimming = asyncio.create_task(trim_heap_when_idle())
    try:
        await running
    finally:
        trimming.cancel()
