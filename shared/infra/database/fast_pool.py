"""A PostgreSQL pool for the hot path: a used connection is kept at hand, without a reset and without a task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.errors import SetupError
from shared.infra.database.connection_budget import announced
from shared.infra.database.pool import LOST, Database, check_room

LIMITS = {
    "statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "20s", "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}  # fmt: skip


async def _nothing(_: asyncpg.Connection) -> None:
    return None


def _is_lost(connection: asyncpg.pool.PoolConnectionProxy) -> bool:
    """The server or the link ended it; asyncpg takes such a connection away from whoever holds it, also unused."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


class FastPool(Database):
    """A pool that hands connections from one user to the next by itself, as long as nobody stands in line.

    asyncpg's own way of taking and giving back makes three tasks, which cost more than a small statement.
    """

    def __init__(self, pool: asyncpg.Pool, acquire_timeout_s: float) -> None:
        super().__init__(pool, acquire_timeout_s)
        self._at_hand: list[asyncpg.pool.PoolConnectionProxy] = []
        self._asking = 0

    async def _taken(self) -> asyncpg.pool.PoolConnectionProxy:
        while self._at_hand and not self._away.is_set():
            connection = self._at_hand.pop()
            if not _is_lost(connection):
                return connection
            await self.pool.release(connection, timeout=2)
        self._asking += 1
        try:
            return await super()._taken()
        finally:
            self._asking -= 1

    async def _returned(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        if self._asking or _is_lost(connection) or connection.is_in_transaction():
            await self.pool.release(connection, timeout=2)
        else:
            self._at_hand.append(connection)

    async def close(self) -> None:
        """Close all connections; they are cut off when that takes too long."""
        while self._at_hand:
            await self.pool.release(self._at_hand.pop(), timeout=2)
        await super().close()

    def idle(self) -> int:
        """Open connections that nobody uses."""
        return super().idle() + len(self._at_hand)


@asynccontextmanager
async def fast_database(url: str, *, name: str, size: int, acquire_timeout_s: float) -> AsyncIterator[Database]:
    """A pool whose users leave nothing behind on a connection (no session settings, locks, listeners or cursors).

    SetupError when the server cannot be reached, or has no room for all connections that may be taken.
    """
    try:
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                url, min_size=1, max_size=size, timeout=5, command_timeout=20, max_inactive_connection_lifetime=0,
                server_settings=LIMITS | {"application_name": announced(name, size)}, reset=_nothing,
            ),
            timeout=15,
        )  # fmt: skip
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SetupError(
            f"PostgreSQL cannot be used ({reason}); check ONDOL_DATABASE_URL and that the server runs."
        ) from error
    found = FastPool(pool, acquire_timeout_s)
    await check_room(found)
    try:
        yield found
    finally:
        await found.close()
