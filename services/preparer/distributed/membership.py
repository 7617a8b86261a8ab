"""Which preparers are alive: each holds one of a fixed number of leases in Redis."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from shared.infra.lifecycle import Heartbeat
from shared.infra.redis import leases
from shared.infra.redis.client import connected
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.leases import Lease

SLOTS = 16
"""Maximum number of preparers that can detect each other."""


class Membership:
    """The slot of one preparer; it expires five seconds after its process dies."""

    def __init__(self, broker: BrokerClient, broker_url: str) -> None:
        self.broker_url = broker_url
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._broker = broker
        self._lease: Lease | None = None

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Hold a slot while the block runs, renewed by a heartbeat thread. Without a free slot it is not a member."""
        with Heartbeat(self._connected, self._renew, interval_s=leases.RENEW_S, lost=(RedisError, OSError)):
            yield

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[BrokerClient]:
        """Open the connection of the heartbeat thread; release the slot at the end."""
        async with connected(self.broker_url) as own:
            yield own
            if self._lease is not None:
                await leases.release(own, self._lease)

    async def _renew(self, own: BrokerClient) -> None:
        if self._lease is not None:
            await leases.renew(own, self._lease)
        if self._lease is None or self._lease.lost:
            self._lease = await _acquire_slot(own)

    async def others(self) -> int:
        """Return how many other preparers are alive; 0 when the broker does not answer."""
        try:
            tokens = await self._broker.mget([leases.PREFIX + _slot(number) for number in range(SLOTS)])
        except (RedisError, OSError):
            return 0
        own = self._lease.token.encode() if self._lease is not None else None
        return sum(1 for token in tokens if token is not None and token != own)


async def _acquire_slot(broker: BrokerClient) -> Lease | None:
    for number in range(SLOTS):
        lease = await leases.acquire(broker, _slot(number))
        if lease is not None:
            return lease
    return None


def _slot(number: int) -> str:
    return f"preparer:{number}"
