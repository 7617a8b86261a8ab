"""PostgreSQL: a connection pool with bounded waits, and migrations under an advisory lock."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from shared.errors import SetupError, UnavailableError
from shared.infra.database.connection_budget import application_name, check_budget
from shared.infra.database.sql import statements
from shared.messages import say

MIGRATIONS = pathlib.Path(__file__).parent / "sql" / "migrations"

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting, recovering, a statement that was cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, no memory, a full disk
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was stopped for a while
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""Errors of a lost, refused or exhausted connection: the operation may be tried again."""

QUEUE_S = 20.0
WATCH_S, WATCH_EVERY_S, MISSES, LATE_S = 0.8, 0.3, 2, 0.1
"""A server is down when `MISSES` consecutive probes fail within `WATCH_S`; slower failures mean that we were late."""
DOWN_PROBE_S = 5.0
"""While the server is down, probe less often: abandoned connections queue ahead of new ones on recovery."""

_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "application_name": "ondol",
    "jit": "off",
}


class Database:
    """A pool whose `connection()` waits a bounded time and then raises UnavailableError.

    Without `watch` the time is `acquire_timeout_s`. With it, callers wait up to `QUEUE_S` for a server that answers,
    and at most about two seconds for one that is down: open connections are terminated, new requests are rejected.
    """

    def __init__(self, pool: asyncpg.Pool, acquire_timeout_s: float) -> None:
        self.pool = pool
        self._acquire_timeout_s = acquire_timeout_s
        self._watched = False
        self._down = asyncio.Event()
        self._in_use: dict[int, asyncpg.pool.PoolConnectionProxy] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """Yield a connection of the pool; UnavailableError when none is free in time or the server is down."""
        connection = await self._acquire()
        self._in_use[id(connection)] = connection
        try:
            yield connection
        except BaseException:
            del self._in_use[id(connection)]
            await self.pool.release(connection, timeout=2)
            raise
        del self._in_use[id(connection)]
        await self._release(connection)

    async def _acquire(self) -> asyncpg.pool.PoolConnectionProxy:
        if self._down.is_set():
            raise UnavailableError(say("database_unavailable"))
        try:
            if self._watched and not self.pool.get_idle_size():
                return await self._acquire_queued()
            return await self.pool.acquire(timeout=self._acquire_timeout_s)
        except LOST as error:
            raise UnavailableError(say("database_unavailable")) from error

    async def _release(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        await self.pool.release(connection, timeout=2)

    async def close(self) -> None:
        """Close all connections; terminate them when that takes longer than five seconds."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout=5)
        except (TimeoutError, OSError, asyncpg.InterfaceError):
            self.pool.terminate()

    def idle(self) -> int:
        """Return the number of idle connections."""
        return int(self.pool.get_idle_size())

    async def _acquire_queued(self) -> asyncpg.pool.PoolConnectionProxy:
        """Wait in the pool's queue for up to `QUEUE_S`, or until the server is down."""
        acquiring = asyncio.ensure_future(self.pool.acquire(timeout=QUEUE_S))
        down = asyncio.ensure_future(self._down.wait())
        try:
            await asyncio.wait({acquiring, down}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            acquiring.add_done_callback(self._release_unused)
            acquiring.cancel()
            raise
        finally:
            down.cancel()
        if acquiring.done():
            return acquiring.result()
        acquiring.add_done_callback(self._release_unused)
        acquiring.cancel()
        raise UnavailableError(say("database_unavailable"))

    def _release_unused(self, acquiring: asyncio.Future[asyncpg.pool.PoolConnectionProxy]) -> None:
        """Release a connection that was acquired after its caller had stopped waiting."""
        if not acquiring.cancelled() and acquiring.exception() is None:
            releasing = asyncio.ensure_future(self.pool.release(acquiring.result()))
            releasing.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def watch(self, url: str) -> None:
        """Task: probe the server over a connection of its own, about three times a second."""
        self._watched = True
        missed = 0
        loop = asyncio.get_running_loop()
        connection: asyncpg.Connection | None = None
        try:
            while True:
                began = loop.time()
                try:
                    async with asyncio.timeout(DOWN_PROBE_S if self._down.is_set() else WATCH_S):
                        if connection is None or connection.is_closed():
                            connection = await asyncpg.connect(
                                url, server_settings={**_LIMITS, "application_name": "watch"}
                            )
                        await connection.fetchval("select true")
                except (*LOST, asyncpg.PostgresError):
                    if loop.time() - began <= WATCH_S + LATE_S:  # otherwise this process was slow
                        missed += 1
                    if connection is not None:
                        connection.terminate()
                        connection = None
                else:
                    missed = 0
                    self._down.clear()
                if missed == MISSES:
                    self._down.set()
                    for used in list(self._in_use.values()):
                        used.terminate()
                await asyncio.sleep(WATCH_EVERY_S)
        finally:
            if connection is not None:
                connection.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """Yield a connection inside one transaction."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def answers(self) -> bool:
        """Return whether a trivial query is answered in time (for /readyz)."""
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("select true", timeout=2) is True)
        except (*LOST, UnavailableError, asyncpg.PostgresError):
            return False


async def connect_pool(
    url: str, *, size: int = 8, acquire_timeout_s: float = 2.5, min_size: int = 1, service: str | None = None
) -> Database:
    """Open a pool of at most `size` connections; SetupError when the server cannot be reached or refuses the login.

    With a `service` the connection budget of the server is checked as well.
    """
    try:
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                url,
                min_size=min_size,
                max_size=size,
                timeout=5,
                command_timeout=60,
                server_settings={**_LIMITS, "application_name": application_name(service or "pool", size)},
                max_inactive_connection_lifetime=0,
            ),
            timeout=15,
        )
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        raise SetupError(_unreachable(error)) from error
    found = Database(pool, acquire_timeout_s)
    if service is not None:
        await close_if_over_budget(found)
    return found


async def close_if_over_budget(found: Database) -> None:
    """Close a new pool and raise SetupError when its connections would exceed the server's limit."""
    try:
        async with found.connection() as connection:
            await check_budget(connection)
    except (UnavailableError, *LOST, asyncpg.PostgresError) as error:
        await found.close()
        raise SetupError(_unreachable(error)) from error
    except BaseException:
        await found.close()
        raise


@asynccontextmanager
async def database(
    url: str, *, size: int = 8, acquire_timeout_s: float = 2.5, service: str | None = None
) -> AsyncIterator[Database]:
    """`connect_pool` for an `async with`; the pool is closed, or terminated when it does not close in time."""
    found = await connect_pool(url, size=size, acquire_timeout_s=acquire_timeout_s, service=service)
    try:
        yield found
    finally:
        await found.close()


@asynccontextmanager
async def lone_connection(url: str, **limits: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection outside a pool (bulk work, session locks), terminated on errors. `limits`: server settings."""
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings={**_LIMITS, **limits})
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        raise SetupError(_unreachable(error)) from error
    try:
        yield connection
    except BaseException:
        connection.terminate()  # after a rejected COPY an orderly close would block
        raise
    await connection.close(timeout=5)


def _unreachable(error: BaseException) -> str:
    reason = str(error) or type(error).__name__
    return f"PostgreSQL cannot be used ({reason}); check ONDOL_DATABASE_URL and that the server runs."


async def migrate(url: str) -> list[str]:
    """Apply every numbered migration that is missing, in order, one process at a time.

    Returns the names that were applied; SetupError when the database is newer than this program.
    """
    sql = statements("migrate")
    files = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    async with lone_connection(url, lock_timeout="60s", statement_timeout="0") as connection:
        await connection.execute(sql["lock"])
        await connection.execute(sql["create"])
        done = {row["name"] for row in await connection.fetch(sql["done"])}
        unknown = sorted(done - {f.stem for f in files})
        if unknown:
            raise SetupError(
                f"The database has migrations that this program does not have ({', '.join(unknown)}); use a newer one."
            )
        return await apply_migrations(connection, [file for file in files if file.stem not in done])


async def apply_migrations(connection: asyncpg.Connection, files: Sequence[pathlib.Path]) -> list[str]:
    """Apply migrations in order, each in a transaction (or savepoint) of its own, and return their names."""
    sql = statements("migrate")
    await connection.execute(sql["create"])
    for file in files:
        async with connection.transaction():
            await connection.execute(file.read_text(encoding="utf-8"))
            await connection.execute(sql["note"], file.stem)
    return [file.stem for file in files]


async def is_migrated(database: Database) -> bool:
    """Return whether every migration of this program is applied; services wait for it before they are ready."""
    async with database.connection() as connection:
        try:
            rows: list[Any] = await connection.fetch(statements("migrate")["done"])
        except asyncpg.UndefinedTableError:
            return False
    return {f.stem for f in MIGRATIONS.glob("[0-9]*.sql")} <= {row["name"] for row in rows}
