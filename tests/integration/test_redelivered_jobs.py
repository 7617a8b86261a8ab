"""Redelivered jobs run alone, so that a job that crashes its simulator takes no other job down."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.simulator.consumer import InFlight, consume
from services.simulator.short_work import ShortWork
from shared.contracts.events import BACKTESTS, SIMULATORS, BacktestRequested
from shared.infra.redis import client as redis_client
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Consumer, Delivery, append
from shared.settings import Settings

LEASE_MS = 1000


@pytest_asyncio.fixture
async def broker(settings: Settings) -> AsyncIterator[BrokerClient]:
    """A client of the broker."""
    async with redis_client.broker(settings.broker_url or "") as found:
        yield found


class Handler:
    """Processes each entry for a moment and records which other entries were in process meanwhile."""

    def __init__(self, in_flight: InFlight, count: int) -> None:
        self.in_flight = in_flight
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
        await consumer.ack(delivery.entry)
        self.in_flight.slots[BACKTESTS].release()
        self.left -= 1
        if not self.left:
            self.done.set()


@pytest.mark.parametrize("how", ["inherited", "claimed"])
async def test_redelivered_jobs_run_alone(broker: BrokerClient, how: str, tmp_path: pathlib.Path) -> None:
    before = Consumer(broker, BACKTESTS, SIMULATORS, "same" if how == "inherited" else "gone")
    await before.create_group()
    for name in ("suspect-1", "suspect-2"):
        await append(broker, BacktestRequested(computation_id=name))
        assert len(await before.read(block_ms=10)) == 1
    await asyncio.sleep(2 * LEASE_MS / 1000)
    for name in ("long", "a", "b", "c", "d"):
        await append(broker, BacktestRequested(computation_id=name))
    in_flight = InFlight(2, ShortWork(str(tmp_path)))
    handler = Handler(in_flight, 7)
    consumer = Consumer(broker, BACKTESTS, SIMULATORS, "same", lease_ms=LEASE_MS if how == "claimed" else 60_000)
    task = asyncio.ensure_future(consume(consumer, in_flight, in_flight.slots[BACKTESTS], handler))
    async with asyncio.timeout(20):
        await handler.done.wait()
    task.cancel()
    await asyncio.gather(task, *in_flight.tasks, return_exceptions=True)
    assert handler.beside["suspect-1"] == handler.beside["suspect-2"] == set()
    assert any(handler.beside[name] for name in ("long", "a", "b", "c", "d"))
