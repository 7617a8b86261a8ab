"""The fast pool on a real PostgreSQL: reuse, lost connections, and cancelled callers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.errors import UnavailableError
from shared.infra.database.fast_pool import FastPool, _is_lost, fast_database
from shared.infra.database.pool import LOST, Database, lone_connection
from shared.settings import Settings
from tests.chaos.proxy import Proxy
from tests.support.tcp_proxy import LOOPS, postgres_behind_proxy, run_on

OPEN = "select count(*) from pg_stat_activity where application_name like 'ondol-test-%'"

pytestmark = pytest.mark.parametrize("loop", LOOPS)


@asynccontextmanager
async def linked(settings: Settings, size: int = 2, max_wait_s: float = 2.0) -> AsyncIterator[tuple[Proxy, FastPool]]:
    async with (
        postgres_behind_proxy(settings.database_url or "") as (proxy, url),
        fast_database(url, name="test", size=size, acquire_timeout_s=max_wait_s) as found,
    ):
        assert isinstance(found, FastPool)
        yield proxy, found


async def backend(database: Database) -> int:
    """Return the server process of the next connection of the pool."""
    async with database.connection() as connection:
        return int(await connection.fetchval("select pg_backend_pid()"))


async def until_lost(*connections: asyncpg.pool.PoolConnectionProxy) -> None:
    """Wait until this process has noticed that these connections are lost."""
    async with asyncio.timeout(10):
        while not all(map(_is_lost, connections)):  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)


async def all_free(database: FastPool, size: int) -> None:
    """Check that this many connections can be acquired at once, answer, and are released."""
    async with asyncio.timeout(20):
        barrier = asyncio.Barrier(size)

        async def one(number: int) -> None:
            async with database.connection() as connection:
                await barrier.wait()
                assert await connection.fetchval("select $1::integer", number) == number

        await asyncio.gather(*(one(number) for number in range(size)))
    assert database.idle() == database.pool.get_size()
    assert not database._in_use


async def test_released_connection_is_reused_unchanged(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, database):
            assert {await backend(database) for _ in range(20)} == {await backend(database)}
            assert proxy.connections == 1
            await all_free(database, 2)

    await run_on(loop, scenario)


async def test_lost_idle_connection_is_not_reused(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, database):
            before = await backend(database)
            idle = list(database._idle_connections)
            assert len(idle) == 1
            async with lone_connection(settings.database_url or "") as other:
                await other.execute("select pg_terminate_backend($1)", before)
            await until_lost(*idle)
            assert await backend(database) != before
            await all_free(database, 2)
            idle = list(database._idle_connections)
            assert len(idle) == 2
            proxy.cut()
            await until_lost(*idle)
            await all_free(database, 2)

    await run_on(loop, scenario)


async def test_connection_lost_after_reply_is_replaced(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, database):
            async with database.connection() as connection:
                assert await connection.fetchval("select 7") == 7
                proxy.cut()
                await until_lost(connection)
            await all_free(database, 2)

    await run_on(loop, scenario)


async def test_cut_connection_raises_a_retryable_error(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, database):

            async def sleep() -> None:
                async with database.connection() as connection:
                    await connection.execute("select pg_sleep(60)")

            for _ in range(3):
                asleep = [asyncio.ensure_future(sleep()) for _ in range(2)]
                async with asyncio.timeout(10):
                    while len(database._in_use) < 2:  # noqa: ASYNC110  there is no event to wait for
                        await asyncio.sleep(0.01)
                await asyncio.sleep(0.02)
                proxy.cut()
                found = await asyncio.gather(*asleep, return_exceptions=True)
                assert all(isinstance(error, LOST) for error in found), found
                await all_free(database, 2)

    await run_on(loop, scenario)


async def test_cancelled_statement_leaves_no_late_reply(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings, size=1) as (_, database):

            async def ask() -> None:
                async with database.connection() as connection:
                    await connection.fetchval("select 'late' from pg_sleep(0.2)")

            for wait_s in (0.0, 0.001, 0.02, 0.1, 0.19, 0.2, 0.21):
                asking = asyncio.ensure_future(ask())
                await asyncio.sleep(wait_s)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
                async with database.connection() as connection:
                    assert await connection.fetchval("select 'mine'") == "mine"
            await all_free(database, 1)

    await run_on(loop, scenario)


async def test_cancelled_waiter_leaves_the_queue(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings, size=1, max_wait_s=20) as (_, database):
            order: list[int] = []

            async def ask(number: int) -> None:
                async with database.connection():
                    order.append(number)

            async with database.connection():
                waiting = [asyncio.ensure_future(ask(number)) for number in range(6)]
                await asyncio.sleep(0.05)
                for one in waiting[::2]:
                    one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert order == [1, 3, 5]
            assert database._queued_callers == 0
            await all_free(database, 1)

    await run_on(loop, scenario)


@pytest.mark.parametrize("watched", [False, True])
async def test_cancelled_callers_leak_no_connection(loop: str, watched: bool, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings, size=3, max_wait_s=20) as (_, database):
            watching = asyncio.ensure_future(database.watch(settings.database_url or "")) if watched else None
            dice = random.Random(7)
            answered = 0

            async def ask(number: int) -> None:
                nonlocal answered
                async with database.connection() as connection:
                    assert await connection.fetchval("select $1::integer from pg_sleep(0.002)", number) == number
                answered += 1

            asking = [asyncio.ensure_future(ask(number)) for number in range(300)]
            for one in asking:
                if dice.random() < 0.5:
                    await asyncio.sleep(dice.random() * 0.004)
                    one.cancel()
            found = await asyncio.gather(*asking, return_exceptions=True)
            assert {type(error) for error in found} <= {type(None), asyncio.CancelledError}, set(map(type, found))
            assert answered > 100
            assert database._queued_callers == 0
            await all_free(database, 3)
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)

    await run_on(loop, scenario)


async def test_acquire_timeout_fails_only_its_caller(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings, size=1, max_wait_s=0.1) as (_, database):
            async with database.connection() as connection:
                with pytest.raises(UnavailableError):
                    await backend(database)
                assert await connection.fetchval("select 1") == 1
            assert database._queued_callers == 0
            await all_free(database, 1)

    await run_on(loop, scenario)


async def test_open_transaction_is_not_passed_on(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings, size=1) as (_, database):
            asyncio.get_running_loop().set_exception_handler(None)  # asyncpg reports the open transaction
            async with database.connection() as connection:
                await connection.execute("begin")
                await connection.execute("create table half_made (x integer)")
            async with database.connection() as connection:
                assert not connection.is_in_transaction()
                assert await connection.fetchval("select to_regclass('half_made')") is None

            async def fail() -> None:
                async with database.transaction() as connection:
                    await connection.execute("create table half_made (x integer)")
                    await connection.execute("select 1 / 0")

            with pytest.raises(asyncpg.DivisionByZeroError):
                await fail()
            async with database.connection() as connection:
                assert await connection.fetchval("select to_regclass('half_made')") is None
            await all_free(database, 1)

    await run_on(loop, scenario)


async def test_stopped_server_fails_fast_and_recovers(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with (
            linked(settings, size=2, max_wait_s=20) as (proxy, database),
            postgres_behind_proxy(settings.database_url or "") as (seen_by_watch, watched),
        ):
            watching = asyncio.ensure_future(database.watch(watched))

            async def sleep() -> None:
                async with database.connection() as connection:
                    await connection.execute("select pg_sleep(60)")

            asleep = [asyncio.ensure_future(sleep()) for _ in range(5)]
            await asyncio.sleep(0.1)
            proxy.hold()
            seen_by_watch.hold()
            async with asyncio.timeout(15):
                found = await asyncio.gather(*asleep, return_exceptions=True)
            assert all(isinstance(error, (UnavailableError, *LOST)) for error in found), found
            with pytest.raises(UnavailableError):
                await backend(database)
            proxy.release()
            seen_by_watch.release()
            async with asyncio.timeout(15):
                while database._down.is_set():  # noqa: ASYNC110  the watch clears it
                    await asyncio.sleep(0.05)
            await all_free(database, 2)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    await run_on(loop, scenario)


async def test_close_leaves_no_connection_open(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (_, database):
            await all_free(database, 2)
        async with lone_connection(settings.database_url or "") as connection, asyncio.timeout(10):
            while await connection.fetchval(OPEN):  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.02)

    await run_on(loop, scenario)
