"""Sharing a build: who is there to help, which parts they took, and what came of them.

The preparer that holds the lease puts one job per part of 512 instruments into a queue and begins with the first part
itself. Whoever claims a part in the record builds it; every row is read in the one snapshot of the build, so it does
not matter who. What nobody claims, or nobody finishes in time, the holder of the lease builds.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import structlog
from redis.exceptions import RedisError

from services.preparer import dataset_store
from services.preparer.part_store import Made, made_from_bytes
from shared.contracts.jobs import PREPARE_PART, PREPARE_QUEUE
from shared.infra import arq_jobs
from shared.infra.database.pool import Database
from shared.infra.lifecycle import Heartbeat
from shared.infra.redis import leases
from shared.infra.redis.client import connected
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.leases import Lease

log = structlog.get_logger()

SLOTS = 16
"""So many preparers can be seen by each other."""
POLL_S = 0.03
OFFER_S = 2.0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What those who help have to know of a build; no data.

    snapshot: the snapshot of PostgreSQL in which the build reads. base: the version that it continues from, which stood
    for `base_revision`. code: which code computes, see `sources.code_of`.
    """

    fence: int
    revision: int
    snapshot: str
    base: str | None
    base_revision: int
    code: str


msgspec.json.Decoder(Order)  # met where there is one thread, see shared/model/request.py


class Presence:
    """One preparer among those that are alive: a slot in Redis that is lost five seconds after its owner dies."""

    def __init__(self, broker: BrokerClient, broker_url: str) -> None:
        self.broker_url = broker_url
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._broker = broker
        self._lease: Lease | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Hold a slot while the block runs, from a thread of its own. Whoever finds none is not seen, nor needed."""

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
            self._lease = await _take(own)

    async def others(self) -> int:
        """How many other preparers are alive; 0 when that cannot be known."""
        try:
            tokens = await self._broker.mget([leases.PREFIX + _slot(number) for number in range(SLOTS)])
        except (RedisError, OSError):
            return 0
        own = self._lease.token.encode() if self._lease is not None else None
        return sum(1 for token in tokens if token is not None and token != own)


async def _take(broker: BrokerClient) -> Lease | None:
    for number in range(SLOTS):
        lease = await leases.acquire(broker, _slot(number))
        if lease is not None:
            return lease
    return None


def _slot(number: int) -> str:
    return f"preparer:{number}"


class Crew:
    """One shared build, seen by the preparer that holds the lease.

    What another claimed is waited for `patience_s`, or three times as long as the longest part of one's own took.
    """

    def __init__(self, database: Database, order: Order, name: str, patience_s: float) -> None:
        self.order = order
        self.waiting: set[int] = set()
        """Parts that others claimed and have not finished."""
        self._database = database
        self._name = name
        self._patience_s = patience_s
        self._longest_s = 0.0

    def took(self, seconds: float) -> None:
        """One of one's own parts took so long: a measure for those of others."""
        self._longest_s = max(self._longest_s, seconds)

    async def claim(self, part: int) -> bool:
        """Whether the part is ours to build; otherwise it is waited for."""
        mine = await claim_part(self._database, self.order.fence, part, self._name)
        if not mine:
            self.waiting.add(part)
        return mine

    async def collect(self) -> tuple[dict[int, Made], list[int]]:
        """Parts that others finished, and those that are not to be waited for any longer."""
        found: dict[int, Made] = {}
        async with self._database.connection() as connection:
            rows = await connection.fetch(dataset_store.SQL["reported_parts"], self.order.fence, sorted(self.waiting))
        late = self.waiting - {row["part"] for row in rows}
        for row in rows:
            if row["outcome"] is not None:
                found[row["part"]] = made_from_bytes(row["outcome"])
            elif row["age"] > max(self._patience_s, 3 * self._longest_s):
                late.add(row["part"])
        self.waiting -= late | set(found)
        return found, sorted(late)


@asynccontextmanager
async def offered(broker_url: str, order: Order, parts: Sequence[int]) -> AsyncIterator[None]:
    """Put a job for each part into the queue, the last one first, while the block begins with the first."""
    offering = asyncio.create_task(_offer(broker_url, order, parts))
    try:
        yield
    finally:
        await offering


async def _offer(broker_url: str, order: Order, parts: Sequence[int]) -> None:
    try:
        async with asyncio.timeout(OFFER_S), arq_jobs.queue(broker_url, PREPARE_QUEUE) as jobs:
            for part in reversed(parts):
                name = f"prepare:{order.revision}:{part}:{order.fence}"
                await asyncio.shield(
                    jobs.enqueue_job(PREPARE_PART, msgspec.to_builtins(order), part, _job_id=name, _expires=600)
                )
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("build.not_shared", error=type(error).__name__)


async def claim_part(database: Database, fence: int, part: int, name: str) -> bool:
    """Claim a part of a build; False when somebody has it, or when the build is over."""
    async with database.transaction() as connection:
        await connection.execute(dataset_store.SQL["later"])
        return await connection.fetchval(dataset_store.SQL["claim_part"], fence, part, name) is not None
