"""A PostgreSQL pool for the hot path: no reset between two uses of a connection, which saves a round trip each time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.errors import SetupError
from shared.infra.postgres import LOST, Database

LIMITS = {
    "statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "20s", "jit": "off",
}  # fmt: skip


async def _nothing(_: asyncpg.Connection) -> None:
    return None


@asynccontextmanager
async def quick_database(url: str, *, name: str, size: int, acquire_timeout_s: float) -> AsyncIterator[Database]:
    """A pool whose users leave nothing behind on a connection (no session settings, locks, listeners or cursors).

    SetupError when the server cannot be reached.
    """
    try:
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                url, min_size=1, max_size=size, timeout=5, command_timeout=20, max_inactive_connection_lifetime=0,
                server_settings=LIMITS | {"application_name": f"ondol-{name}"}, reset=_nothing,
            ),
            timeout=15,
        )  # fmt: skip
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SetupError(
            f"PostgreSQL cannot be used ({reason}); check ONDOL_DATABASE_URL and that the server runs."
        ) from error
    try:
        yield Database(pool, acquire_timeout_s)
    finally:
        try:
            await asyncio.wait_for(pool.close(), timeout=5)
        except (TimeoutError, OSError, asyncpg.InterfaceError):
            pool.terminate()
