"""PostgreSQL: a pool in which every wait has an end, and migrations under an advisory lock."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from shared.errors import SetupError, UnavailableError
from shared.infra.database.connection_budget import announced, refuse_crowd
from shared.infra.database.sql import statements

MIGRATIONS = pathlib.Path(__file__).parent / "sql" / "migrations"

LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting, recovering, a statement that was cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, no memory, a full disk
    asyncpg.TransactionRollbackError,  # a deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a lost, refused or exhausted connection raises: worth another try, never a mistake of the request."""

QUEUE_S = 20.0
WATCH_S, WATCH_EVERY_S, MISSES, LATE_S = 0.8, 0.3, 2, 0.1
"""A server that does not answer within `WATCH_S`, `MISSES` times on end, is away, unless we were late to look."""
AWAY_S = 5.0
"""One that is away is asked with more patience: every connection that is given up waits in its line when it comes back,
in front of the one that is made next."""

_LIMITS = {
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
    "application_name": "ondol",
    "jit": "off",
}


class Database:
    """A pool whose `connection()` waits a bounded time and says `UnavailableError` afterwards.

    Without `watch`, the time is `acquire_timeout_s`. With it, a crowd may wait up to `QUEUE_S` for a server that
    answers, and nobody waits longer than about two seconds for one that does not: what is under way is cut off, what
    comes is refused.
    """

    def __init__(self, pool: asyncpg.Pool, acquire_timeout_s: float) -> None:
        self.pool = pool
        self._acquire_timeout_s = acquire_timeout_s
        self._watched = False
        self._away = asyncio.Event()
        self._lent: dict[int, asyncpg.pool.PoolConnectionProxy] = {}

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection of the pool; UnavailableError when none is free in time or the server does not answer."""
        connection = await self._taken()
        self._lent[id(connection)] = connection
        try:
            yield connection
        except BaseException:
            del self._lent[id(connection)]
            await self.pool.release(connection, timeout=2)
            raise
        del self._lent[id(connection)]
        await self._returned(connection)

    async def _taken(self) -> asyncpg.pool.PoolConnectionProxy:
        if self._away.is_set():
            raise UnavailableError("PostgreSQL does not answer.")
        try:
            if self._watched and not self.pool.get_idle_size():
                return await self._queued()
            return await self.pool.acquire(timeout=self._acquire_timeout_s)
        except LOST as error:
            raise UnavailableError("PostgreSQL does not answer.") from error

    async def _returned(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        await self.pool.release(connection, timeout=2)

    async def close(self) -> None:
        """Close all connections; they are cut off when that takes too long."""
        try:
            await asyncio.wait_for(self.pool.close(), timeout=5)
        except (TimeoutError, OSError, asyncpg.InterfaceError):
            self.pool.terminate()

    def idle(self) -> int:
        """Open connections that nobody uses."""
        return int(self.pool.get_idle_size())

    async def _queued(self) -> asyncpg.pool.PoolConnectionProxy:
        """A connection, however many wait before us, for as long as the server answers."""
        getting = asyncio.ensure_future(self.pool.acquire(timeout=QUEUE_S))
        leaving = asyncio.ensure_future(self._away.wait())
        try:
            await asyncio.wait({getting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            getting.add_done_callback(self._return)
            getting.cancel()
            raise
        finally:
            leaving.cancel()
        if getting.done():
            return getting.result()
        getting.add_done_callback(self._return)
        getting.cancel()
        raise UnavailableError("PostgreSQL does not answer.")

    def _return(self, getting: asyncio.Future[asyncpg.pool.PoolConnectionProxy]) -> None:
        """Nobody waits for this connection any more."""
        if not getting.cancelled() and getting.exception() is None:
            returning = asyncio.ensure_future(self.pool.release(getting.result()))
            returning.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def watch(self, url: str) -> None:
        """Task: ask the server twice a second, over a connection of its own, whether it answers."""
        self._watched = True
        missed = 0
        loop = asyncio.get_running_loop()
        connection: asyncpg.Connection | None = None
        try:
            while True:
                began = loop.time()
                try:
                    async with asyncio.timeout(AWAY_S if self._away.is_set() else WATCH_S):
                        if connection is None or connection.is_closed():
                            connection = await asyncpg.connect(
                                url, server_settings={**_LIMITS, "application_name": "watch"}
                            )
                        await connection.fetchval("select true")
                except (*LOST, asyncpg.PostgresError):
                    if loop.time() - began <= WATCH_S + LATE_S:  # else it is this process that is slow
                        missed += 1
                    if connection is not None:
                        connection.terminate()
                        connection = None
                else:
                    missed = 0
                    self._away.clear()
                if missed == MISSES:
                    self._away.set()
                    for lent in list(self._lent.values()):
                        lent.terminate()
                await asyncio.sleep(WATCH_EVERY_S)
        finally:
            if connection is not None:
                connection.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
        """A connection inside one transaction."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def answers(self) -> bool:
        """Whether a trivial query comes back in time (for /readyz)."""
        try:
            async with self.connection() as connection:
                return bool(await connection.fetchval("select true", timeout=2) is True)
        except (*LOST, UnavailableError, asyncpg.PostgresError):
            return False


async def connect_pool(
    url: str, *, size: int = 8, acquire_timeout_s: float = 2.5, smallest: int = 1, service: str | None = None
) -> Database:
    """Open a pool of at most `size` connections; SetupError when the server cannot be reached or refuses the login.

    A `service` also gets one when the server has no room for all connections that may be taken.
    """
    try:
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                url,
                min_size=smallest,
                max_size=size,
                timeout=5,
                command_timeout=60,
                server_settings={**_LIMITS, "application_name": announced(service or "pool", size)},
                max_inactive_connection_lifetime=0,
            ),
            timeout=15,
        )
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        raise SetupError(_unreachable(error)) from error
    found = Database(pool, acquire_timeout_s)
    if service is not None:
        await check_room(found)
    return found


async def check_room(found: Database) -> None:
    """Close a service's new pool with a SetupError when the server has no room for all that may be taken."""
    try:
        async with found.connection() as connection:
            await refuse_crowd(connection)
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
    """A connection of its own (bulk work, session locks); cut off when work fails. `limits` are server settings."""
    try:
        connection = await asyncpg.connect(url, timeout=10, server_settings={**_LIMITS, **limits})
    except (*LOST, asyncpg.PostgresError, ValueError) as error:
        raise SetupError(_unreachable(error)) from error
    try:
        yield connection
    except BaseException:
        connection.terminate()  # a COPY that the server rejected would wedge an orderly close
        raise
    await connection.close(timeout=5)


def _unreachable(error: BaseException) -> str:
    reason = str(error) or type(error).__name__
    return f"PostgreSQL cannot be used ({reason}); check ONDOL_DATABASE_URL and that the server runs."


async def migrate(url: str) -> list[str]:
    """Bring the schema up: every numbered file that is not applied yet, in order, one process at a time.

    Returns the names that were applied; SetupError when the database is newer than this program.
    """
    sql = statements("migrate")
    files = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    applied: list[str] = []
    async with lone_connection(url, lock_timeout="60s", statement_timeout="0") as connection:
        await connection.execute(sql["lock"])
        await connection.execute(sql["create"])
        done = {row["name"] for row in await connection.fetch(sql["done"])}
        unknown = sorted(done - {f.stem for f in files})
        if unknown:
            raise SetupError(
                f"The database has migrations that this program lacks ({', '.join(unknown)}); use a newer one."
            )
        for file in files:
            if file.stem not in done:
                async with connection.transaction():
                    await connection.execute(file.read_text(encoding="utf-8"))
                    await connection.execute(sql["note"], file.stem)
                applied.append(file.stem)
    return applied


async def is_migrated(database: Database) -> bool:
    """Whether every migration of this program is applied; services wait, not ready, until it is so."""
    async with database.connection() as connection:
        try:
            rows: list[Any] = await connection.fetch(statements("migrate")["done"])
        except asyncpg.UndefinedTableError:
            return False
    return {f.stem for f in MIGRATIONS.glob("[0-9]*.sql")} <= {row["name"] for row in rows}
