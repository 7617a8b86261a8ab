"""Streams, leases, cache and pool on real servers: losses, claims and rejections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from ondol.local.run_file import Servers
from shared.contracts.events import BACKTESTS, DATASETS, BacktestRequested, MarketLoaded
from shared.errors import SetupError, UnavailableError
from shared.infra.database.pool import MIGRATIONS, database, is_migrated, lone_connection, migrate
from shared.infra.redis import client as clients
from shared.infra.redis import leases
from shared.infra.redis.cache import MAX_VALUE_BYTES, cache
from shared.infra.redis.streams import Broadcast, Consumer, append, append_many, backlog, key_of, pending_ids
from shared.settings import Settings

GROUP = "simulators"


@pytest_asyncio.fixture
async def broker(settings: Settings) -> AsyncIterator[Redis]:
    async with clients.broker(settings.broker_url or "") as found:
        yield found


def _consumer(broker: Redis, name: str, *, lease_ms: int = 5000) -> Consumer:
    return Consumer(broker, BACKTESTS, GROUP, name, lease_ms=lease_ms)


async def test_entries_before_the_group_are_delivered(broker: Redis) -> None:
    await append(broker, BacktestRequested(computation_id="early"))
    consumer = _consumer(broker, "one")
    assert await consumer.read(block_ms=10) == []  # the group is made at 0
    delivery = (await consumer.read(block_ms=10))[0]
    assert delivery.event == BacktestRequested(computation_id="early")
    await consumer.ack(delivery.entry)
    assert await broker.xlen(key_of(BACKTESTS)) == 0


async def test_each_entry_is_delivered_to_one_consumer(broker: Redis) -> None:
    one, two = _consumer(broker, "one"), _consumer(broker, "two")
    await one.create_group()
    await append_many(broker, [BacktestRequested(computation_id=str(n)) for n in range(4)])
    taken = [(await consumer.read(block_ms=10))[0] for consumer in (one, two, one, two)]
    assert len({delivery.entry for delivery in taken}) == 4
    assert await pending_ids(broker, BACKTESTS) == {"0", "1", "2", "3"}
    found = await backlog(broker, BACKTESTS, GROUP)
    assert (found.length, found.pending, found.lag) == (4, 4, 0)


async def test_restarted_consumer_reads_its_own_entries(broker: Redis) -> None:
    consumer = _consumer(broker, "one")
    await consumer.create_group()
    await append(broker, BacktestRequested(computation_id="a"))
    entry = (await consumer.read(block_ms=10))[0].entry
    assert [d.entry for d in await _consumer(broker, "one").read(block_ms=10)] == [entry]


async def test_inherited_entries_are_marked_and_read_first(broker: Redis) -> None:
    dead = _consumer(broker, "one")
    await dead.create_group()
    await append_many(broker, [BacktestRequested(computation_id=str(n)) for n in range(5)])
    left = [(await dead.read(block_ms=10))[0] for _ in range(3)]
    assert not any(delivery.inherited for delivery in left)
    successor = _consumer(broker, "one")
    taken = [(await successor.read(block_ms=10))[0] for _ in range(5)]  # none is done before the next is taken
    assert [delivery.entry for delivery in taken[:3]] == [delivery.entry for delivery in left]
    assert [delivery.inherited for delivery in taken] == [True] * 3 + [False] * 2
    assert len({delivery.entry for delivery in taken}) == 5


async def test_only_unrenewed_entries_are_claimed(broker: Redis) -> None:
    dead, other = _consumer(broker, "dead", lease_ms=200), _consumer(broker, "other", lease_ms=200)
    await dead.create_group()
    await append(broker, BacktestRequested(computation_id="a"))
    entry = (await dead.read(block_ms=10))[0].entry
    for _ in range(5):
        await dead.renew(entry)
        assert await other.read(block_ms=80) == []
    async with asyncio.timeout(5):
        while not (found := await other.read(block_ms=20)):
            pass
    assert (found[0].entry, found[0].claimed) == (entry, True)


async def test_released_entry_is_claimed_at_once(broker: Redis) -> None:
    leaving, other = _consumer(broker, "leaving"), _consumer(broker, "other")
    await leaving.create_group()
    await append(broker, BacktestRequested(computation_id="a"))
    entry = (await leaving.read(block_ms=10))[0].entry
    await leaving.release(entry)
    assert [d.entry for d in await other.read(block_ms=10)] == [entry]


async def test_consumer_recovers_from_a_flush(broker: Redis) -> None:
    consumer = _consumer(broker, "one")
    await consumer.create_group()
    await broker.flushall()
    assert await consumer.read(block_ms=10) == []
    await append(broker, BacktestRequested(computation_id="a"))
    assert len(await consumer.read(block_ms=10)) == 1


async def test_foreign_bytes_are_delivered_without_event(broker: Redis) -> None:
    consumer = _consumer(broker, "one")
    await consumer.create_group()
    await broker.xadd(key_of(BACKTESTS), {b"event": b"\x80\x04\x95cos\nsystem\n"})
    await broker.xadd(key_of(BACKTESTS), {b"other": b"1"})
    assert [d.event for _ in range(2) for d in await consumer.read(block_ms=10)] == [None, None]


async def test_every_broadcast_reader_receives_every_event(broker: Redis) -> None:
    await append(broker, MarketLoaded(revision=1))
    readers = [Broadcast(broker, DATASETS), Broadcast(broker, DATASETS)]
    for reader in readers:
        await reader.start()
    await append(broker, MarketLoaded(revision=2))
    for reader in readers:
        assert [event for _, event in await reader.read(block_ms=10)] == [MarketLoaded(revision=2)]


async def test_lease_is_exclusive_and_renewed(broker: Redis, settings: Settings) -> None:
    url = settings.broker_url or ""
    async with leases.hold(broker, url, "build", lease_ms=300, renew_s=0.05) as mine:
        assert mine is not None
        end = asyncio.get_running_loop().time() + 0.6
        while asyncio.get_running_loop().time() < end:
            async with leases.hold(broker, url, "build") as other:
                assert other is None
        assert not mine.lost
    async with leases.hold(broker, url, "build") as after:
        assert after is not None


async def test_lost_lease_is_not_released_for_another(broker: Redis) -> None:
    stale = await leases.acquire(broker, "build")
    assert stale is not None
    await broker.delete(leases.PREFIX + "build")
    newer = await leases.acquire(broker, "build")
    assert newer is not None
    await leases.release(broker, stale)
    assert not await leases.renew(broker, stale)
    assert stale.lost
    assert await leases.renew(broker, newer)


async def test_lost_cache_reads_as_empty(settings: Settings) -> None:
    async with cache(settings.cache_url or "") as found:
        names = {f"part{n}": bytes([n]) for n in range(100)}
        assert await found.put_parts(names) == 100
        assert await found.get_parts([*names, "absent"]) == names
        assert await found.missing_parts(["absent", "part1"]) == ["absent"]
        await found.put_result("large", bytes(MAX_VALUE_BYTES + 1))
        assert await found.get_result("large") is None
    gone = clients.client("unix:///nonexistent.sock")
    found.redis = gone
    assert await found.get_parts(["part1", "part2"]) == {}
    assert await found.put_parts({"x": b""}) == 0
    await gone.aclose()


async def test_evicting_broker_is_rejected(servers: Servers) -> None:
    redis = clients.client(servers.broker_url)
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(SetupError, match="noeviction"):
            async with clients.broker(servers.broker_url):
                pass
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.aclose()


async def test_exhausted_pool_raises_in_time(settings: Settings) -> None:
    async with database(settings.database_url or "", size=1, acquire_timeout_s=0.05) as record:
        async with record.connection():
            with pytest.raises(UnavailableError):
                async with record.connection():
                    pass
        assert await record.answers()
        assert await is_migrated(record)


async def test_newer_migrations_are_rejected(settings: Settings) -> None:
    url = settings.database_url or ""
    assert await migrate(url) == []
    async with lone_connection(url) as connection:
        await connection.execute("insert into migration (name) values ('9999_later')")
    with pytest.raises(SetupError, match="9999_later"):
        await migrate(url)


def test_migrations_have_numbers_of_their_own() -> None:
    numbers = [int(file.stem.partition("_")[0]) for file in sorted(MIGRATIONS.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_concurrent_migrations_run_once(settings: Settings) -> None:
    url = settings.database_url or ""
    async with lone_connection(url) as connection:
        await connection.execute("drop schema public cascade; create schema public")
    applied = await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert sum(1 for names in applied if names) == 1
