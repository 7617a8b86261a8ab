"""Submit backtests to a running API and wait for their end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest_asyncio

from ondol.local.run_file import Servers
from shared.settings import Settings
from tests.support.api_with_market import prepared_settings
from tests.support.system import Client

TIMEOUT_S = 60.0


@pytest_asyncio.fixture
async def prepared(servers: Servers) -> AsyncIterator[Settings]:
    """Yield settings of a database with a published market of 30 stocks."""
    async with prepared_settings(servers, stocks=30) as settings:
        yield settings


@asynccontextmanager
async def connection_of(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Open a database connection for the duration of the block."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(poll: Callable[[], Awaitable[Any]], what: str) -> Any:
    """Poll until the value is true and return it; fail after TIMEOUT_S."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        value = await poll()
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {TIMEOUT_S:.0f} s")


async def submit(client: Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """Submit a backtest and return its document."""
    status, document, _ = await client.call("POST", "/v1/backtests", body, **headers)
    assert status in (200, 202), document
    assert isinstance(document, dict)
    return document


async def ended(client: Client, identity: str, **headers: str) -> dict[str, Any]:
    """Wait for the end of a backtest and return its document."""

    async def poll() -> dict[str, Any] | None:
        _, document, _ = await client.call("GET", f"/v1/backtests/{identity}", **headers)
        return document if document["status"] in ("completed", "failed", "cancelled") else None

    document: dict[str, Any] = await until(poll, "the end of the backtest")
    return document
