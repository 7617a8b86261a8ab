"""Single flight: a Redis lock with a token that a heartbeat renews and that a dead owner loses."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from shared.infra.lifecycle import Beat, Heartbeat
from shared.infra.redis import client as servers

PREFIX = "ondol:lease:"
LEASE_MS = 5000
RENEW_S = 1.0


class Lease:
    """The right to do one thing. It is advice: writes are fenced in PostgreSQL, since a paused owner cannot know."""

    def __init__(self, name: str, token: str) -> None:
        self.name = name
        self.token = token
        self.lost = False
        """Another owner may have begun; stop at the next step."""


async def take(broker: Redis, name: str, *, lease_ms: int = LEASE_MS) -> Lease | None:
    """The lease, or None when somebody holds it."""
    token = secrets.token_hex(16)
    taken = await broker.set(PREFIX + name, token, nx=True, px=lease_ms)
    return Lease(name, token) if taken else None


async def renew(broker: Redis, lease: Lease, *, lease_ms: int = LEASE_MS) -> bool:
    """Extend the lease if it is still ours; otherwise `lease.lost` is set (WATCH and MULTI, no script)."""
    if not await _if_mine(broker, lease, extend_ms=lease_ms):
        lease.lost = True
    return not lease.lost


async def give_back(broker: Redis, lease: Lease) -> None:
    """Release the lease if it is still ours."""
    await _if_mine(broker, lease, extend_ms=None)


async def _if_mine(broker: Redis, lease: Lease, *, extend_ms: int | None) -> bool:
    key = PREFIX + lease.name
    async with broker.pipeline(transaction=True) as pipe:
        try:
            await pipe.watch(key)
            if await pipe.get(key) != lease.token.encode():
                return False
            pipe.multi()  # type: ignore[no-untyped-call]
            if extend_ms is None:
                pipe.unlink(key)
            else:
                pipe.pexpire(key, extend_ms)
            await pipe.execute()
        except WatchError:
            return False
    return True


@asynccontextmanager
async def held(
    broker: Redis, broker_url: str, name: str, *, lease_ms: int = LEASE_MS, renew_s: float = RENEW_S
) -> AsyncIterator[Lease | None]:
    """Hold a lease while the block runs, renewed from a thread that computing cannot starve; None when it is taken."""
    lease = await take(broker, name, lease_ms=lease_ms)
    if lease is None:
        yield None
        return

    @asynccontextmanager
    async def open_beat() -> AsyncIterator[Beat]:
        own = servers.client(broker_url)

        async def beat() -> None:
            if not lease.lost:
                await renew(own, lease, lease_ms=lease_ms)

        try:
            yield beat
        finally:
            await own.aclose()

    try:
        with Heartbeat(open_beat, interval_s=renew_s, lost=(RedisError, OSError)):
            yield lease
    finally:
        try:
            await give_back(broker, lease)
        except (RedisError, OSError):
            lease.lost = True
