"""Pipelined connections on a real Redis: order, losses, late replies and cancelled callers, on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.contracts.events import BACKTESTS, BacktestRequested
from shared.infra.redis import client as clients
from shared.infra.redis import connection as redis_connection
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient, PipelinedConnection, raise_errors
from shared.infra.redis.streams import append, pending_ids
from shared.settings import Settings
from tests.chaos.proxy import Proxy
from tests.support.tcp_proxy import LOOPS, redis_behind_proxy, run_on

pytestmark = pytest.mark.parametrize("loop", LOOPS)


@pytest.fixture(autouse=True)
def long_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let replies of a busy machine be late; tests of the timeout set one of their own."""
    monkeypatch.setattr(redis_connection, "SHARED_TIMEOUT_S", 30.0)


@asynccontextmanager
async def linked(settings: Settings) -> AsyncIterator[tuple[Proxy, BrokerClient]]:
    async with redis_behind_proxy(settings.broker_url or "") as (proxy, url):
        client = clients.client(url)
        try:
            yield proxy, client
        finally:
            await client.aclose()


async def waits(connection: PipelinedConnection, count: int = 1) -> None:
    """Wait until this many commands are pending."""
    async with asyncio.timeout(10):
        while len(connection._pending) < count:  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0)


async def lost(*sent: Awaitable[object]) -> bool:
    """Return whether all pending calls failed with ConnectionError."""
    found = await asyncio.gather(*sent, return_exceptions=True)
    return all(isinstance(error, RedisConnectionError) for error in found)


async def test_thousand_callers_share_one_connection(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):

            async def ask(number: int) -> None:
                await asyncio.sleep(0.001 * (number % 7))
                key, value = f"k{number % 50}", b"%d" % number
                replies = await client.send(("SET", key, value), ("ECHO", value), ("PING",))
                assert replies[1:] == [value, b"PONG"]

            await asyncio.gather(*(ask(number) for number in range(1000)))
            assert proxy.connections == 1

    await run_on(loop, scenario)


async def test_large_fragmented_replies_are_complete(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            proxy.delay_s = 0.001
            values = [bytes([number]) * 700_000 for number in range(4)]
            for number, value in enumerate(values):
                await client.send(("SET", f"large{number}", value))
            found = await asyncio.gather(*(client.send(("GET", f"large{number}"), ("PING",)) for number in range(4)))
            assert [replies[0] for replies in found] == values

    await run_on(loop, scenario)


async def test_error_reply_belongs_to_its_command_only(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            await client.send(("SET", "text", "x"))
            wrong, right = await asyncio.gather(client.send(("INCR", "text"), ("PING",)), client.send(("PING",)))
            assert isinstance(wrong[0], ResponseError)
            assert (wrong[1], right) == (b"PONG", [b"PONG"])
            with pytest.raises(ResponseError):
                raise_errors(wrong)
            within = await client.send(("MULTI",), ("INCR", "text"), ("INCR", "number"), ("EXEC",))
            with pytest.raises(ResponseError):
                raise_errors(within)
            assert raise_errors(await client.send(("GET", "number"))) == [b"1"]
            assert proxy.connections == 1

    await run_on(loop, scenario)


@pytest.mark.parametrize("how", ["cut", "reset", "killed"])
async def test_lost_connection_fails_pending_and_reopens(loop: str, how: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            connection = client.open_connection()
            (own,) = await connection.send(("CLIENT", "ID"))
            waiting = [asyncio.ensure_future(connection.send(("BLPOP", "nothing", 0))) for _ in range(3)]
            await waits(connection, 3)
            if how == "killed":
                await client.execute_command("CLIENT", "KILL", "ID", own)
            else:
                assert proxy.cut() if how == "cut" else proxy.reset()
            async with asyncio.timeout(10):
                assert await lost(*waiting)
            assert await connection.send(("PING",)) == [b"PONG"]
            assert (await connection.send(("CLIENT", "ID"))) != [own]

    await run_on(loop, scenario)


async def test_late_reply_reaches_no_other_caller(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            connection = client.open_connection()
            await connection.send(("PING",))
            proxy.hold()
            impatient = asyncio.ensure_future(connection.send(("ECHO", "late"), timeout_s=0.05))
            patient = asyncio.ensure_future(connection.send(("ECHO", "behind it"), timeout_s=30))
            with pytest.raises(RedisTimeoutError):
                await impatient
            assert await lost(patient)
            proxy.release()
            assert await connection.send(("ECHO", "mine")) == [b"mine"]
            assert proxy.connections == 2

    await run_on(loop, scenario)


async def test_cancelled_caller_takes_no_other_reply(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            connection = client.open_connection()
            await connection.send(("PING",))
            proxy.hold()
            sent = [asyncio.ensure_future(connection.send(("ECHO", str(n)), ("ECHO", f"{n}!"))) for n in range(9)]
            await waits(connection, 9)
            for one in sent[::2]:
                one.cancel()
            proxy.release()
            found = await asyncio.gather(*sent, return_exceptions=True)
            for number, reply in enumerate(found):
                if number % 2:
                    assert reply == [b"%d" % number, b"%d!" % number]
                else:
                    assert isinstance(reply, asyncio.CancelledError)
            assert proxy.connections == 1

    await run_on(loop, scenario)


async def test_cancelled_open_leaves_the_connection_usable(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            proxy.hold()
            connection = client.open_connection()
            first = asyncio.ensure_future(connection.send(("ECHO", "first")))
            second = asyncio.ensure_future(connection.send(("ECHO", "second")))
            async with asyncio.timeout(10):
                while not proxy.connections:  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0)
            await asyncio.sleep(0.05)  # it has sent its login and waits
            first.cancel()
            assert isinstance((await asyncio.gather(first, return_exceptions=True))[0], asyncio.CancelledError)
            proxy.release()
            assert await second == [b"second"]

    await run_on(loop, scenario)


async def test_timeout_includes_the_connect(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            proxy.hold()
            connection = client.open_connection()
            found = await asyncio.gather(
                *(connection.send(("PING",), timeout_s=0.2) for _ in range(3)), return_exceptions=True
            )
            # a caller that is cancelled at the moment of the connect may get the connection error instead
            assert isinstance(found[0], RedisTimeoutError)
            assert all(isinstance(error, (RedisTimeoutError, RedisConnectionError)) for error in found)
            proxy.release()
            assert await connection.send(("PING",)) == [b"PONG"]

    await run_on(loop, scenario)


async def test_half_closed_connection_fails_its_pending(loop: str, settings: Settings) -> None:
    """The server closes its side while data wait to be sent: the connection is half-closed, not lost."""

    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            connection = client.open_connection()
            await connection.send(("PING",))
            proxy.hold()
            old = asyncio.ensure_future(connection.send(("SET", "large", b"x" * 16_000_000), timeout_s=30))
            await waits(connection)
            transport = connection._transport
            assert transport is not None
            proxy.hang_up()
            proxy.leave_held()
            async with asyncio.timeout(10):
                while not transport.is_closing():  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0)
            assert await connection.send(("ECHO", "new")) == [b"new"]
            assert await lost(old)
            assert await connection.send(("ECHO", "newer")) == [b"newer"]
            assert proxy.connections == 2

    await run_on(loop, scenario)


@pytest.mark.parametrize("reply", [b"+unexpected\r\n", b"*1\r\n!!nonsense\r\n"])
async def test_unexpected_reply_closes_the_connection(loop: str, reply: bytes, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            connection = client.open_connection()
            await connection.send(("PING",))
            connection.data_received(reply)
            assert await connection.send(("ECHO", "mine")) == [b"mine"]
            assert proxy.connections == 2

    await run_on(loop, scenario)


async def test_blocking_connection_does_not_delay_others(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (_, client):
            connection = client.open_connection()
            blocked = asyncio.ensure_future(connection.send(("BLPOP", "nothing", 0), timeout_s=30))
            await waits(connection)
            assert await client.send(("PING",)) == [b"PONG"]
            assert not blocked.done()
            await client.aclose()
            assert await lost(blocked)

    await run_on(loop, scenario)


async def test_connection_closed_while_opening_stays_closed(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            proxy.hold()
            connection = client.open_connection()
            opening = [asyncio.ensure_future(connection.send(("BLPOP", "nothing", 0), timeout_s=30)) for _ in range(2)]
            async with asyncio.timeout(10):
                while not proxy.connections:  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0.001)
            await client.aclose()
            proxy.release()
            async with asyncio.timeout(10):
                assert await lost(*opening)
                assert await lost(connection.send(("PING",)))
            assert proxy.connections == 1

    await run_on(loop, scenario)


async def test_missing_server_raises_a_retryable_error(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            assert await client.send(("PING",)) == [b"PONG"]
            proxy.refusing = True
            proxy.cut()
            for _ in range(3):
                with pytest.raises(clients.LOST):
                    await client.send(("PING",))
            proxy.refusing = False
            assert await client.send(("PING",)) == [b"PONG"]

    await run_on(loop, scenario)


async def test_append_survives_a_lost_connection(loop: str, settings: Settings) -> None:
    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            await client.send(("PING",))
            proxy.hold()
            appending = asyncio.ensure_future(append(client, BacktestRequested(computation_id="a")))
            await asyncio.sleep(0.01)
            proxy.cut()
            proxy.release()
            await appending
            assert await pending_ids(client, BACKTESTS) == {"a"}

    await run_on(loop, scenario)


async def test_hanging_server_opens_the_circuit_until_ping(
    loop: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_connection, "SHARED_TIMEOUT_S", 0.2)
    monkeypatch.setattr(redis_connection, "PROBE_S", 0.02)

    async def scenario() -> None:
        async with linked(settings) as (proxy, client):
            await client.send(("PING",))
            assert not client.circuit_open
            proxy.hold()
            with pytest.raises(RedisTimeoutError, match="in time"):
                await client.send(("PING",))
            assert client.circuit_open
            refusals = [client.send(("PING",)), client.ping(), append(client, BacktestRequested(computation_id="x"))]
            for refused in refusals:
                with pytest.raises(RedisTimeoutError, match="for a while"):
                    await refused
            assert await Cache(client).get_parts(["a", "b"]) == {}
            proxy.release()
            async with asyncio.timeout(10):
                while client.circuit_open:  # noqa: ASYNC110  there is no event to wait for
                    await asyncio.sleep(0.01)
            assert await client.send(("ECHO", "back")) == [b"back"]
            assert await client.ping()

    await run_on(loop, scenario)


async def test_closed_client_stops_probing(loop: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_connection, "SHARED_TIMEOUT_S", 0.2)

    async def scenario() -> None:
        async with redis_behind_proxy(settings.broker_url or "") as (proxy, url):
            client = clients.client(url)
            await client.send(("PING",))
            proxy.hold()
            with pytest.raises(RedisTimeoutError):
                await client.send(("PING",))
            await client.aclose()
            assert not client.circuit_open
            proxy.release()

    await run_on(loop, scenario)
