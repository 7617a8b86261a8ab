"""Work that was in hands that failed is done by itself, so that it takes no other work with it when it fails again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from services.simulator.consumer import Desk, consume
from services.simulator.service import GROUP
from shared.contracts.events import BACKTESTS, BacktestRequested
from shared.infra.redis import client as servers
from shared.infra.redis.streams import Consumer, Delivery, append
from shared.settings import Settings

LEASE_MS = 1000


@pytest_asyncio.fixture
async def broker(settings: Settings) -> AsyncIterator[Redis]:
    """A broker of its own."""
    async with servers.broker(settings.broker_url or "") as found:
        yield found


class Handler:
    """Works on entries for a moment each, and notes who was at work when one began."""

    def __init__(self, desk: Desk, count: int) -> None:
        self.desk = desk
        self.beside: dict[str, set[str]] = {}
        self.working: set[str] = set()
        self.left = count
        self.done = asyncio.Event()

    async def __call__(self, consumer: Consumer, delivery: Delivery) -> None:
        assert isinstance(delivery.event, BacktestRequested)
        name = delivery.event.computation_id
        for other in self.working:
            self.beside[other].add(name)
        self.beside[name] = set(self.working)
        self.working.add(name)
        await asyncio.sleep(0.2 if name == "long" else 0.02)
        self.working.discard(name)
        await consumer.done(delivery.entry)
        self.desk.slots[BACKTESTS].release()
        self.left -= 1
        if not self.left:
            self.done.set()


@pytest.mark.parametrize("how", ["inherited", "claimed"])
async def test_what_was_in_other_hands_runs_alone(broker: Redis, how: str) -> None:
    before = Consumer(broker, BACKTESTS, GROUP, "same" if how == "inherited" else "gone")
    await before.create_group()
    for name in ("suspect-1", "suspect-2"):
        await append(broker, BacktestRequested(computation_id=name))
        assert len(await before.take(block_ms=10)) == 1
    await asyncio.sleep(2 * LEASE_MS / 1000)
    for name in ("long", "a", "b", "c", "d"):
        await append(broker, BacktestRequested(computation_id=name))
    desk = Desk(2)
    handler = Handler(desk, 7)
    consumer = Consumer(broker, BACKTESTS, GROUP, "same", lease_ms=LEASE_MS if how == "claimed" else 60_000)
    task = asyncio.ensure_future(consume(consumer, desk, desk.slots[BACKTESTS], handler))
    async with asyncio.timeout(20):
        await handler.done.wait()
    task.cancel()
    await asyncio.gather(task, *desk.tasks, return_exceptions=True)
    assert handler.beside["suspect-1"] == handler.beside["suspect-2"] == set()
    assert any(handler.beside[name] for name in ("long", "a", "b", "c", "d"))
