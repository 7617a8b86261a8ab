"""Seals: values and events that another wrote, changed or moved are absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.events import BACKTESTS, EVENTS_STREAM, BacktestEnded, BacktestRequested
from shared.contracts.wire import encode
from shared.infra.database.pool import database
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import connected
from shared.infra.redis.seal import BYTES, Seal, read_seal
from shared.infra.redis.streams import Broadcast, Consumer, append, key_of
from shared.settings import Settings

SEAL = Seal(b"k" * 32)
ENDED = BacktestEnded(computation_id="1", status="completed", result_digest="d")


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=100), st.integers(0, 10_000))
def test_seal_opens_only_what_it_sealed(name: str, other: str, body: bytes, place: int) -> None:
    sealed = SEAL.sealed(name, body)
    assert SEAL.opened(name, sealed) == body
    assert sealed[: len(body)] == body
    if other != name:
        assert SEAL.opened(other, sealed) is None
    changed = bytearray(sealed)
    changed[place % len(sealed)] ^= 1
    assert SEAL.opened(name, bytes(changed)) is None
    assert SEAL.opened(name, body) is None or body[-BYTES:] == SEAL.of(name, body[:-BYTES])
    assert Seal(b"other").opened(name, sealed) is None


async def test_database_has_one_seal(settings: Settings) -> None:
    async with database(settings.database_url or "", size=1) as first, database(settings.database_url or "") as second:
        sealed = (await read_seal(first)).sealed("name", b"body")
        assert (await read_seal(second)).opened("name", sealed) == b"body"


@pytest.mark.parametrize("kind", ["result", "manifest"])
async def test_cache_reads_only_sealed_values(settings: Settings, kind: str) -> None:
    async with connected(settings.cache_url or "") as client:
        cache, plain = Cache(client), Cache(client)
        cache.seal = SEAL
        get, put = getattr(cache, f"get_{kind}"), getattr(cache, f"put_{kind}")
        await put("one", b"true")
        assert await get("one") == b"true"
        await getattr(plain, f"put_{kind}")("two", b"planted")
        assert await get("two") is None
        await client.copy(f"ondol:{kind}:one", f"ondol:{kind}:three")
        assert await get("three") is None


async def test_event_without_a_seal_is_not_read(settings: Settings) -> None:
    async with connected(settings.broker_url or "") as client:
        broadcast = Broadcast(client, EVENTS_STREAM)
        await broadcast.start()
        await client.xadd(key_of(EVENTS_STREAM), {b"event": encode(ENDED)})
        await client.xadd(key_of(EVENTS_STREAM), {b"event": encode(ENDED), b"seal": b"x" * BYTES})
        client.seal = SEAL
        await append(client, ENDED)
        assert [event for _, event in await broadcast.read()] == [ENDED]


async def test_delivery_says_whether_it_was_sealed(settings: Settings) -> None:
    async with connected(settings.broker_url or "") as client:
        requested = BacktestRequested(computation_id="1", request="{}")
        await append(client, requested)
        client.seal = SEAL
        await append(client, requested)
        consumer = Consumer(client, BACKTESTS, "group", "one")
        await consumer.create_group()
        found = [(await consumer.read(block_ms=100))[0] for _ in range(2)]
        assert [(delivery.event, delivery.sealed) for delivery in found] == [(requested, False), (requested, True)]
