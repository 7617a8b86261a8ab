"""A PostgreSQL pool for the hot path: connections are reused without a reset and without extra tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.errors import SetupError
from shared.infra.database.connection_budget import application_name
from shared.infra.database.pool import LOST, Database, close_if_over_budget

LIMITS = {
    "statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "20s", "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}  # fmt: skip


async def _no_reset(_: asyncpg.Connection) -> None:
    return None


def _is_lost(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    """Return whether the connection is closed; asyncpg detaches a closed one from its holder (InterfaceError)."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


class FastPool(Database):
    """A pool that passes released connections to the next caller directly, unless callers wait in the queue.

    asyncpg's acquire and release create three tasks, which cost more than a small statement (docs/adr/0003).
    """

    def __init__(self, pool: asyncpg.Pool, acquire_timeout_s: float) -> None:
        super().__init__(pool, acquire_timeout_s)
        self._idle_connections: list[asyncpg.pool.PoolConnectionProxy] = []
        self._queued_callers = 0

    async def _acquire(self) -> asyncpg.pool.PoolConnectionProxy:
        while self._idle_connections and not self._down.is_set():
            connection = self._idle_connections.pop()
            if not _is_lost(connection):
                return connection
            await self.pool.release(connection, timeout=2)
        self._queued_callers += 1
        try:
            return await super()._acquire()
        finally:
            self._queued_callers -= 1

    async def _release(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        if self._queued_callers or _is_lost(connection) or connection.is_in_transaction():
            await self.pool.release(connection, timeout=2)
        else:
            self._idle_connections.append(connection)

    async def close(self) -> None:
        """Close all connections; terminate them when that takes longer than five seconds."""
        while self._idle_connections:
            await self.pool.release(self._idle_connections.pop(), timeout=2)
        await super().close()

    def idle(self) -> int:
        """Return the number of idle connections."""
        return super().idle() + len(self._idle_connections)


@asynccontextmanager
async def fast_database(url: str, *, name: str, size: int, acquire_timeout_s: float) -> AsyncIterator[Database]:
    """Open a FastPool; its users leave no session state behind (settings, locks, listeners, cursors).

    SetupError when the server cannot be reached, or when the connection budget would be exceeded.
    """
    try:
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                url, min_size=1, max_size=size, timeout=5, command_timeout=20, max_inactive_connection_lifetime=0,
                server_settings=LIMITS | {"application_name": application_name(name, size)}, reset=_no_reset,
            ),
            timeout=15,
        )  # fmt: skip
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SetupError(
            f"PostgreSQL cannot be used ({reason}); check ONDOL_DATABASE_URL and that the server runs."
        ) from error
    found = FastPool(pool, acquire_timeout_s)
    await close_if_over_budget(found)
    try:
        yield found
    finally:
        await found.close()
