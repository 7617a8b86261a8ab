"""Asking a running api for backtests, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest_asyncio

from shared.settings import Settings
from tests.support.api_with_market import load_synthetic
from tests.support.system import Client

PATIENCE_S = 60.0


@pytest_asyncio.fixture
async def prepared(settings: Settings) -> Settings:
    """Settings of a database with a published market of 30 stocks."""
    await load_synthetic(settings, stocks=30)
    return settings


@asynccontextmanager
async def connection_of(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is closed at the end."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def until(found: Callable[[], Awaitable[Any]], what: str) -> Any:
    """The first true answer, asked again and again before a deadline."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        value = await found()
        if value:
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {PATIENCE_S:.0f} s")


async def ask(client: Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """An accepted request."""
    status, document, _ = await client.call("POST", "/v1/backtests", body, **headers)
    assert status in (200, 202), document
    assert isinstance(document, dict)
    return document


async def ended(client: Client, identity: str, **headers: str) -> dict[str, Any]:
    """A backtest at its end."""

    async def look() -> dict[str, Any] | None:
        _, document, _ = await client.call("GET", f"/v1/backtests/{identity}", **headers)
        return document if document["status"] in ("completed", "failed", "cancelled") else None

    found: dict[str, Any] = await until(look, "the end of the backtest")
    return found
