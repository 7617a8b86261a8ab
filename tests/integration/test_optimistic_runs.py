"""Runs without a lease, and messages published before their row: what is stored and what stays unchanged."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import orjson
import pytest

from services.simulator import optimistic, run_store
from services.simulator.consumer import InFlight, process
from services.simulator.job import Context
from services.simulator.panel_store import PanelStore
from services.simulator.short_work import ShortWork
from shared.contracts.events import BACKTESTS, BacktestRequested
from shared.infra.database.fast_pool import fast_database
from shared.infra.redis import client as redis_servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.streams import Consumer, Delivery
from shared.settings import Settings
from shared.simulation import run
from shared.simulation.result.storage import unpack
from tests.support.api_helpers import connection_of, prepared, submit
from tests.support.api_with_market import request
from tests.support.system import Client, api_of

__all__ = ["prepared"]


@dataclass
class Harness:
    """An API, the context of a simulator in this process, and a consumer of the messages of the API."""

    settings: Settings
    client: Client
    context: Context
    consumer: Consumer
    connection: asyncpg.Connection
    released: int = 0

    async def submit(self, **changes: Any) -> BacktestRequested:
        """Submit a backtest and return its message."""
        await submit(self.client, request(**changes))
        (delivery,) = await self.consumer.read(block_ms=5000)
        await self.consumer.ack(delivery.entry)
        assert isinstance(delivery.event, BacktestRequested)
        return delivery.event

    async def process(self, message: BacktestRequested, *, claimed: bool = False, queued: bool = False) -> str | None:
        """Process a message as a simulator does and return the ending of its job."""

        def release_slot() -> None:
            self.released += 1

        delivery = Delivery(entry="0-1", event=message, claimed=claimed, queued=queued)
        in_flight = InFlight(1, ShortWork(self.client.settings.panel_dir))
        _, ending = await process(self.context, in_flight, delivery, message, release_slot)
        return ending

    async def row(self, message: BacktestRequested) -> asyncpg.Record:
        """Return the computation of a message."""
        return await self.connection.fetchrow("select * from computation where id = $1", message.computation_id)


@asynccontextmanager
async def harness_of(settings: Settings, engine: Callable[..., Any] = run) -> AsyncIterator[Harness]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(settings))
        database = await stack.enter_async_context(
            fast_database(settings.database_url or "", name="test", size=2, acquire_timeout_s=5)
        )
        broker = await stack.enter_async_context(redis_servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or ""))
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]
        panel_store = PanelStore(
            directory=settings.panel_dir, budget_bytes=settings.panel_bytes, cache=cache, broker=broker,
            database=database,
        )  # fmt: skip
        context = Context(
            database=database, broker=broker, cache=cache, run_pool=pools[0], query_pool=pools[1], long_pool=pools[2],
            run_limit_s=60, run=engine,
            worker="test", panel_store=panel_store,
        )  # fmt: skip
        consumer = Consumer(broker, BACKTESTS, "simulators", "test")
        await consumer.create_group()
        connection = await stack.enter_async_context(connection_of(settings))
        yield Harness(settings, client, context, consumer, connection)


SLOW_S = 0.15


@pytest.fixture(autouse=True)
def _optimistic_limit_independent_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    is_slow = "slow" in request.node.name
    monkeypatch.setattr(optimistic, "OPTIMISTIC_S", SLOW_S / 3 if is_slow else 30.0)


def slow(*arguments: Any, **named: Any) -> Any:
    time.sleep(SLOW_S)
    return run(*arguments, **named)


async def test_short_run_completes_the_queued_row(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        message = await harness.submit()
        assert message.row_follows
        assert await harness.process(message) == "completed"
        row = await harness.row(message)
        assert (row["status"], row["attempts"], row["lease"], row["worker"]) == ("completed", 1, 1, None)
        assert row["started_at"] <= row["finished_at"]
        assert harness.released == 1


@pytest.mark.parametrize("how", ["slow", "claimed", "without text"])
async def test_leased_run_stores_the_same_result(prepared: Settings, how: str) -> None:
    async with harness_of(prepared) as harness:
        first = await harness.submit()
        await harness.process(first)
    async with harness_of(prepared, slow if how == "slow" else run) as harness:
        await harness.connection.execute("update computation set shared = false")
        message = await harness.submit()
        assert await harness.process(
            replace(message, request=None) if how == "without text" else message, claimed=how == "claimed"
        ) == "completed"  # fmt: skip
        first, second = await harness.row(first), await harness.row(message)
        assert first["id"] != second["id"]
        assert (second["attempts"], second["lease"]) == (2 if how == "claimed" else 1, 1)
        assert second["result_digest"] == first["result_digest"]
        timing = orjson.loads(unpack(second["result"]))["timing"]
        assert dt.datetime.fromisoformat(timing["started_at"]) == second["started_at"]
        assert dt.datetime.fromisoformat(timing["finished_at"]) == second["finished_at"]
        assert harness.released == 1


@pytest.mark.parametrize("field", ["request", "dataset_version"])
async def test_message_that_differs_from_row_stores_nothing(prepared: Settings, field: str) -> None:
    async with harness_of(prepared) as harness:
        right = await harness.submit(initial_cash=3e7)
        await harness.process(right)
        other = await harness.submit(initial_cash=2e7)
        await harness.connection.execute("update computation set shared = false")
        message = await harness.submit(initial_cash=3e7)
        forged = replace(message, **{field: {"request": other.request, "dataset_version": "no such version"}[field]})
        assert await harness.process(forged) == "completed"
        row = await harness.row(message)
        assert row["result_digest"] == (await harness.row(right))["result_digest"]
        assert await harness.context.cache.get_result(str(row["id"])) == row["result"]


@pytest.mark.parametrize("text", ["", "{", '{"strategy": 7}'])
async def test_undecodable_request_is_read_from_the_row(prepared: Settings, text: str) -> None:
    async with harness_of(prepared) as harness:
        message = await harness.submit()
        assert await harness.process(replace(message, request=text)) == "completed"


@pytest.mark.parametrize("engine", [run, slow])
async def test_row_committed_after_its_run_is_completed(prepared: Settings, engine: Callable[..., Any]) -> None:
    async with harness_of(prepared, engine) as harness:
        message = await harness.submit()
        await harness.connection.execute("create table saved as select * from computation")
        await harness.connection.execute("create table saved_rows as select * from backtest")
        await harness.connection.execute("delete from backtest; delete from computation")
        working = asyncio.ensure_future(harness.process(message))
        await asyncio.sleep(2 * SLOW_S)
        assert not working.done()
        await harness.connection.execute("insert into computation select * from saved")
        await harness.connection.execute("insert into backtest select * from saved_rows")
        assert await working == "completed"
        assert (await harness.row(message))["attempts"] == 1


async def test_row_that_is_never_committed_is_abandoned(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_store, "ROW_PAUSES_S", (0.001, 0.01))
    async with harness_of(prepared) as harness:
        message = await harness.submit()
        await harness.connection.execute("delete from backtest; delete from computation")
        assert await harness.process(message) == "stale_lease"
        assert await harness.context.cache.get_result(message.computation_id) is None
        assert harness.released == 1


async def test_row_of_an_old_message_is_not_awaited(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_store, "ROW_PAUSES_S", (3600.0,))
    async with harness_of(prepared) as harness:
        message = await harness.submit()
        await harness.connection.execute("delete from backtest; delete from computation")
        async with asyncio.timeout(60):
            assert (
                await harness.process(replace(message, created_at=message.created_at - run_store.LATE_S))
                == "stale_lease"
            )


@pytest.mark.parametrize("engine", [run, slow])
async def test_cancelled_or_ended_row_is_unchanged(prepared: Settings, engine: Callable[..., Any]) -> None:
    async with harness_of(prepared, engine) as harness:
        message = await harness.submit()
        await harness.connection.execute("update computation set status = 'cancelled'")
        assert await harness.process(message) == ("stale_lease" if engine is run else None)
        assert (await harness.row(message))["result"] is None
        await harness.connection.execute("update computation set status = 'queued'")
        assert await harness.process(message) == "completed"
        before = await harness.row(message)
        assert await harness.process(message) == ("stale_lease" if engine is run else None)
        assert await harness.row(message) == before


async def test_failing_optimistic_run_stores_the_reason(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        message = await harness.submit()
        await harness.connection.execute("update computation set dataset_version = 'gone'")
        assert await harness.process(replace(message, dataset_version="gone")) == "failed"
        assert (await harness.row(message))["status"] == "failed"


async def test_run_beyond_its_limit_fails_with_the_reason(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        harness.context = replace(harness.context, run_limit_s=0)
        message = await harness.submit()
        assert await harness.process(message) == "failed"
        assert orjson.loads((await harness.row(message))["error"])["kind"] == "overdue"


async def test_queued_message_runs_what_is_next_by_share(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        flood = [await harness.submit(initial_cash=1e7 + number) for number in range(2)]
        await harness.connection.execute("update computation set owner = 'key:flood'")
        await harness.connection.execute("insert into queue_share values ('key:flood', 'user', 1e9, 2e9)")
        other = await harness.submit(initial_cash=3e7)
        for message, expected in ((flood[0], other), (flood[1], flood[1]), (other, flood[0])):
            assert await harness.process(message, queued=True) == "completed"
            assert (await harness.row(expected))["status"] == "completed"
        assert await harness.process(other) == "stale_lease"


async def test_message_of_an_ended_row_runs_the_row_that_waits(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        ended, waiting = [await harness.submit(initial_cash=1e7 + number) for number in range(2)]
        assert await harness.process(ended) == "completed"
        assert await harness.process(ended) == "completed"
        assert (await harness.row(waiting))["status"] == "completed"


async def test_rejected_optimistic_result_is_stored_leased(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        await harness.connection.execute("""
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
            create trigger refuse before update on computation for each row
                when (new.status = 'completed' and old.lease = 0) execute function refuse()""")
        message = await harness.submit()
        assert await harness.process(message) == "completed"
        assert ((await harness.row(message))["attempts"], (await harness.row(message))["lease"]) == (1, 1)


async def test_first_request_is_published_before_the_row(prepared: Settings) -> None:
    async with harness_of(prepared) as harness:
        requests: list[Awaitable[Any]] = [submit(harness.client, request()) for _ in range(5)]
        await asyncio.gather(*requests)
        assert (await announced_before_row(harness)).count(True) == 1
        await submit(harness.client, request(initial_cash=5e7), Idempotency_Key="one")
        assert await announced_before_row(harness) == [False]
        for _ in range(2):
            await submit(harness.client, request(), Cache_Control="no-store")
            assert await announced_before_row(harness) == [True]
        assert await harness.connection.fetchval("select count(*) from computation") == 4


async def announced_before_row(harness: Harness) -> list[bool]:
    """Return `row_follows` of each message since the last call."""
    found = []
    while deliveries := await harness.consumer.read(block_ms=50):
        event = deliveries[0].event
        assert isinstance(event, BacktestRequested)
        await harness.consumer.ack(deliveries[0].entry)
        found.append(event.row_follows)
    return found
