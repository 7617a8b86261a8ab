"""A broker that answers and refuses writes: such errors pass, and readiness finds them without a change."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from redis.exceptions import ResponseError

from ondol.local.run_file import Servers
from shared.contracts.events import BACKTESTS, DATASETS, SIMULATORS, BacktestRequested
from shared.infra.redis import acl
from shared.infra.redis.client import LOST, accepts_writes, connected, responds
from shared.infra.redis.connection import BrokerClient, RefusedError, raise_errors
from shared.infra.redis.streams import Broadcast, Consumer, append, key_of, live_consumers
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUESTED = BacktestRequested(computation_id="1")
CONFIGS: Mapping[str, tuple[str, int, int]] = {
    "OOM": ("maxmemory", 1, 0),
    "NOREPLICAS": ("min-replicas-to-write", 1, 0),
}


@asynccontextmanager
async def refusing(client: BrokerClient, name: str) -> AsyncIterator[None]:
    """Let a broker refuse writes for the duration of the block."""
    if name == "READONLY":
        await client.replicaof("127.0.0.1", "1")
    else:
        await client.config_set(CONFIGS[name][0], CONFIGS[name][1])
    try:
        yield
    finally:
        if name == "READONLY":
            await client.replicaof("NO", "ONE")
        else:
            await client.config_set(CONFIGS[name][0], CONFIGS[name][2])


@pytest.mark.parametrize("name", ["OOM", "READONLY", "NOREPLICAS"])
async def test_refused_writes_count_as_lost(settings: Settings, name: str) -> None:
    key = key_of(BACKTESTS)
    async with connected(settings.broker_url or "") as client:
        await append(client, REQUESTED)
        async with refusing(client, name):
            with pytest.raises(LOST) as appended:
                await append(client, REQUESTED)
            with pytest.raises(RefusedError):
                await client.execute(("SET", "ondol:one", "1"), ("SET", "ondol:two", "1"), transaction=True)
            with pytest.raises(RefusedError):
                await client.set("ondol:one", "1")
            assert not await accepts_writes(client, key)
            assert await responds(client)
            assert await client.xlen(key) == 1
        assert isinstance(appended.value, RefusedError)
        assert await accepts_writes(client, key)
        assert await client.xlen(key) == 1
        assert not await client.exists("ondol:one", "ondol:two")


async def test_reader_goes_on_after_a_demotion(settings: Settings) -> None:
    async with connected(settings.broker_url or "") as client:
        broadcast = Broadcast(client, BACKTESTS)
        await broadcast.start()
        connection = client.open_connection()
        assert await connection.send(("PING",))
        async with refusing(client, "READONLY"):
            assert await broadcast.read(block_ms=1) == []
        await append(client, REQUESTED)
        assert [event for _, event in await broadcast.read()] == [REQUESTED]
    with pytest.raises(RefusedError):
        raise_errors([ResponseError("UNBLOCKED force unblock from blocking operation, instance state changed")])
    with pytest.raises(ResponseError):
        raise_errors([ResponseError("WRONGTYPE Operation against a key")])


async def test_write_probe_changes_no_key(settings: Settings) -> None:
    async with connected(settings.broker_url or "") as client:
        assert await accepts_writes(client, "ondol:absent")
        assert not await client.exists("ondol:absent")
        await client.set("ondol:text", "abc")
        assert await accepts_writes(client, "ondol:text")
        assert await client.get("ondol:text") == b"abc"


async def test_every_service_may_probe_the_stream(settings: Settings, servers: Servers) -> None:
    for service in acl.SERVICES:
        async with connected(servers.urls_of(service)[0]) as client:
            assert await accepts_writes(client, key_of(DATASETS)), service
            if service != "api":
                assert not await accepts_writes(client, "ondol:foreign"), service


async def test_live_consumers_are_those_that_read(settings: Settings) -> None:
    async with connected(settings.broker_url or "") as client:
        assert await live_consumers(client, BACKTESTS, SIMULATORS, 60_000) == 0
        for name in ("one", "two"):
            consumer = Consumer(client, BACKTESTS, SIMULATORS, name)
            await consumer.create_group()
            await consumer.read(block_ms=1)
        assert await live_consumers(client, BACKTESTS, SIMULATORS, 60_000) == 2
        assert await live_consumers(client, BACKTESTS, SIMULATORS, -1) == 0
