"""Proxies in front of a test's servers, and scenarios on other event loops."""

from __future__ import annotations

import asyncio
import pathlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvloop

from tests.chaos.proxy import Proxy, unix_proxy

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def run_on(loop: str, scenario: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    """Run a scenario on a new event loop in a thread; raise its errors and unhandled ones of the loop."""

    def run() -> None:
        untaken: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: untaken.append(context))
            runner.run(scenario())
        assert not untaken

    return asyncio.to_thread(run)


@asynccontextmanager
async def redis_behind_proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Yield a proxy in front of a Redis on a unix socket, and the URL of the proxy."""
    path = urlsplit(url).path
    with tempfile.TemporaryDirectory(prefix="ondol-link-") as folder:
        at = str(pathlib.Path(folder) / "redis.sock")
        async with unix_proxy(path, at) as proxy:
            yield proxy, url.replace(path, at)


@asynccontextmanager
async def postgres_behind_proxy(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Yield a proxy in front of a PostgreSQL on a unix socket, and the URL of the proxy."""
    host = parse_qs(urlsplit(url).query)["host"][0]
    with tempfile.TemporaryDirectory(prefix="ondol-link-") as folder:
        async with unix_proxy(f"{host}/.s.PGSQL.5432", f"{folder}/.s.PGSQL.5432") as proxy:
            yield proxy, url.replace(host, folder)
