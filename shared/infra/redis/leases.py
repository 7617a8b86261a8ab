"""Leases: a Redis lock with a token, renewed by a heartbeat; it expires when its owner stops renewing it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from redis.exceptions import RedisError, WatchError

from shared.infra.lifecycle import Heartbeat
from shared.infra.redis.client import connected
from shared.infra.redis.connection import BrokerClient

PREFIX = "ondol:lease:"
LEASE_MS = 5000
RENEW_S = 1.0


class Lease:
    """An advisory lock. Writes are fenced in PostgreSQL, since a paused owner cannot know that its lease expired."""

    def __init__(self, name: str, token: str) -> None:
        self.name = name
        self.token = token
        self.lost = False
        """Another owner may have acquired it; stop at the next step."""


async def acquire(broker: BrokerClient, name: str, *, lease_ms: int = LEASE_MS) -> Lease | None:
    """Acquire the lease; None when another owner holds it."""
    token = secrets.token_hex(16)
    taken = await broker.set(PREFIX + name, token, nx=True, px=lease_ms)
    return Lease(name, token) if taken else None


async def renew(broker: BrokerClient, lease: Lease, *, lease_ms: int = LEASE_MS) -> bool:
    """Extend the lease if its token is unchanged, else set `lease.lost` (WATCH and MULTI, no script)."""
    if not await _if_owned(broker, lease, extend_ms=lease_ms):
        lease.lost = True
    return not lease.lost


async def release(broker: BrokerClient, lease: Lease) -> None:
    """Delete the lease if its token is unchanged."""
    await _if_owned(broker, lease, extend_ms=None)


async def _if_owned(broker: BrokerClient, lease: Lease, *, extend_ms: int | None) -> bool:
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
async def hold(
    broker: BrokerClient, broker_url: str, name: str, *, lease_ms: int = LEASE_MS, renew_s: float = RENEW_S
) -> AsyncIterator[Lease | None]:
    """Hold a lease while the block runs, renewed by a heartbeat thread; yield None when another owner has it."""
    lease = await acquire(broker, name, lease_ms=lease_ms)
    if lease is None:
        yield None
        return

    async def renew_held(own: BrokerClient) -> None:
        if not lease.lost:
            await renew(own, lease, lease_ms=lease_ms)

    try:
        with Heartbeat(
            partial(connected, broker_url), renew_held, interval_s=renew_s, lost=(RedisError, OSError)
        ):  # fmt: skip
            yield lease
    finally:
        try:
            await release(broker, lease)
        except (RedisError, OSError):
            lease.lost = True
