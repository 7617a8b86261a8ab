"""Runs that begin before their lease, and before their row: what they may write, and what they leave alone."""

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

from services.simulator import run_store
from services.simulator.consumer import Desk, work_on
from services.simulator.panel_store import Versions
from services.simulator.runner import Tools
from shared.contracts.events import BACKTESTS, BacktestRequested
from shared.infra.database.fast_pool import quick_database
from shared.infra.redis import client as redis_servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.streams import Consumer, Delivery
from shared.settings import Settings
from shared.simulation import run
from shared.simulation.result.storage import unpack
from tests.support.api_helpers import ask, connection_of, prepared
from tests.support.api_with_market import request
from tests.support.system import Client, api_of

__all__ = ["prepared"]


@dataclass
class House:
    """An api, a simulator's tools in this process, and the hints that the api gave."""

    settings: Settings
    client: Client
    tools: Tools
    consumer: Consumer
    connection: asyncpg.Connection
    freed: int = 0

    async def hint(self, **changes: Any) -> BacktestRequested:
        """Ask for a backtest; its hint."""
        await ask(self.client, request(**changes))
        (delivery,) = await self.consumer.take(block_ms=5000)
        await self.consumer.done(delivery.entry)
        assert isinstance(delivery.event, BacktestRequested)
        return delivery.event

    async def work(self, hint: BacktestRequested, **told: bool) -> str:
        """What became of a hint, and its slot."""

        def free() -> None:
            self.freed += 1

        delivery = Delivery(entry="0-1", event=hint, claimed=told.get("claimed", False))
        _, outcome = await work_on(self.tools, Desk(1), delivery, hint, free)
        return outcome

    async def row(self, hint: BacktestRequested) -> asyncpg.Record:
        """The computation of a hint."""
        return await self.connection.fetchrow("select * from computation where id = $1", hint.computation_id)


@asynccontextmanager
async def house_of(settings: Settings, engine: Callable[..., Any] = run) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(settings))
        record = await stack.enter_async_context(
            quick_database(settings.database_url or "", name="test", size=2, acquire_timeout_s=5)
        )
        broker = await stack.enter_async_context(redis_servers.broker(settings.broker_url or ""))
        cache = await stack.enter_async_context(open_cache(settings.cache_url or ""))
        pools = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(2)]
        tools = Tools(
            database=record, broker=broker, cache=cache, executor=pools[0], questions=pools[1], run=engine,
            worker="test", versions=Versions(
                directory=settings.panel_dir, budget_bytes=settings.panel_bytes, cache=cache, broker=broker,
                database=record,
            ),
        )  # fmt: skip
        consumer = Consumer(broker, BACKTESTS, "simulators", "test")
        await consumer.create_group()
        connection = await stack.enter_async_context(connection_of(settings))
        yield House(settings, client, tools, consumer, connection)


SLOW_S = 0.15


@pytest.fixture(autouse=True)
def _soon_is_not_a_matter_of_the_machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    is_slow = "slow" in request.node.name
    monkeypatch.setattr(run_store, "EARLY_S", SLOW_S / 3 if is_slow else 30.0)


def slow(*arguments: Any, **named: Any) -> Any:
    time.sleep(SLOW_S)
    return run(*arguments, **named)


async def test_a_short_run_is_written_into_the_row_that_waits(prepared: Settings) -> None:
    async with house_of(prepared) as house:
        hint = await house.hint()
        assert hint.row_follows
        assert await house.work(hint) == "completed"
        row = await house.row(hint)
        assert (row["status"], row["attempts"], row["lease"], row["worker"]) == ("completed", 1, 1, None)
        assert row["started_at"] <= row["finished_at"]
        assert house.freed == 1


@pytest.mark.parametrize("how", ["slow", "claimed", "without text"])
async def test_the_same_result_comes_under_a_lease(prepared: Settings, how: str) -> None:
    async with house_of(prepared) as house:
        early = await house.hint()
        await house.work(early)
    async with house_of(prepared, slow if how == "slow" else run) as house:
        await house.connection.execute("update computation set shared = false")
        hint = await house.hint()
        assert await house.work(
            replace(hint, request=None) if how == "without text" else hint, claimed=how == "claimed"
        ) == "completed"  # fmt: skip
        first, second = await house.row(early), await house.row(hint)
        assert first["id"] != second["id"]
        assert (second["attempts"], second["lease"]) == (2 if how == "claimed" else 1, 1)
        assert second["result_digest"] == first["result_digest"]
        told = orjson.loads(unpack(second["result"]))["timing"]
        assert dt.datetime.fromisoformat(told["started_at"]) == second["started_at"]
        assert dt.datetime.fromisoformat(told["finished_at"]) == second["finished_at"]
        assert house.freed == 1


@pytest.mark.parametrize("field", ["request", "dataset_version"])
async def test_a_hint_that_says_something_else_than_the_row_changes_no_result(prepared: Settings, field: str) -> None:
    async with house_of(prepared) as house:
        right = await house.hint(initial_cash=3e7)
        await house.work(right)
        other = await house.hint(initial_cash=2e7)
        await house.connection.execute("update computation set shared = false")
        hint = await house.hint(initial_cash=3e7)
        forged = replace(hint, **{field: {"request": other.request, "dataset_version": "no such version"}[field]})
        assert await house.work(forged) == "completed"
        row = await house.row(hint)
        assert row["result_digest"] == (await house.row(right))["result_digest"]
        assert await house.tools.cache.get_result(str(row["id"])) == row["result"]


@pytest.mark.parametrize("text", ["", "{", '{"strategy": 7}'])
async def test_a_hint_with_a_request_that_is_none_leads_to_its_row(prepared: Settings, text: str) -> None:
    async with house_of(prepared) as house:
        hint = await house.hint()
        assert await house.work(replace(hint, request=text)) == "completed"


@pytest.mark.parametrize("engine", [run, slow])
async def test_a_row_that_comes_after_its_run_is_waited_for(prepared: Settings, engine: Callable[..., Any]) -> None:
    async with house_of(prepared, engine) as house:
        hint = await house.hint()
        await house.connection.execute("create table kept as select * from computation")
        await house.connection.execute("create table kept_rows as select * from backtest")
        await house.connection.execute("delete from backtest; delete from computation")
        working = asyncio.ensure_future(house.work(hint))
        await asyncio.sleep(2 * SLOW_S)
        assert not working.done()
        await house.connection.execute("insert into computation select * from kept")
        await house.connection.execute("insert into backtest select * from kept_rows")
        assert await working == "completed"
        assert (await house.row(hint))["attempts"] == 1


async def test_a_row_that_never_comes_is_given_up(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_store, "ROW_PAUSES_S", (0.001, 0.01))
    async with house_of(prepared) as house:
        hint = await house.hint()
        await house.connection.execute("delete from backtest; delete from computation")
        assert await house.work(hint) == "fenced"
        assert await house.tools.cache.get_result(hint.computation_id) is None
        assert house.freed == 1


async def test_nobody_waits_for_the_row_of_an_old_hint(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_store, "ROW_PAUSES_S", (3600.0,))
    async with house_of(prepared) as house:
        hint = await house.hint()
        await house.connection.execute("delete from backtest; delete from computation")
        async with asyncio.timeout(60):
            assert await house.work(replace(hint, created_at=hint.created_at - run_store.LATE_S)) == "fenced"


@pytest.mark.parametrize("engine", [run, slow])
async def test_a_row_that_was_cancelled_or_has_ended_is_left_alone(
    prepared: Settings, engine: Callable[..., Any]
) -> None:
    async with house_of(prepared, engine) as house:
        hint = await house.hint()
        await house.connection.execute("update computation set status = 'cancelled'")
        assert await house.work(hint) == ("fenced" if engine is run else "")
        assert (await house.row(hint))["result"] is None
        await house.connection.execute("update computation set status = 'queued'")
        assert await house.work(hint) == "completed"
        before = await house.row(hint)
        assert await house.work(hint) == ("fenced" if engine is run else "")
        assert await house.row(hint) == before


async def test_a_run_that_fails_early_ends_its_row_with_the_reason(prepared: Settings) -> None:
    async with house_of(prepared) as house:
        hint = await house.hint()
        await house.connection.execute("update computation set dataset_version = 'gone'")
        assert await house.work(replace(hint, dataset_version="gone")) == "failed"
        assert (await house.row(hint))["status"] == "failed"


async def test_a_run_that_its_row_does_not_take_goes_on_under_the_lease(prepared: Settings) -> None:
    async with house_of(prepared) as house:
        await house.connection.execute("""
            create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
            create trigger refuse before update on computation for each row
                when (new.status = 'completed' and old.lease = 0) execute function refuse()""")
        hint = await house.hint()
        assert await house.work(hint) == "completed"
        assert ((await house.row(hint))["attempts"], (await house.row(hint))["lease"]) == (1, 1)


async def test_only_who_asks_first_is_announced_before_the_row(prepared: Settings) -> None:
    async with house_of(prepared) as house:
        asks: list[Awaitable[Any]] = [ask(house.client, request()) for _ in range(5)]
        await asyncio.gather(*asks)
        assert (await told(house)).count(True) == 1
        await ask(house.client, request(initial_cash=5e7), Idempotency_Key="one")
        assert await told(house) == [False]
        for _ in range(2):
            await ask(house.client, request(), Cache_Control="no-store")
            assert await told(house) == [True]
        assert await house.connection.fetchval("select count(*) from computation") == 4


async def told(house: House) -> list[bool]:
    """Of each hint since the last look, whether it came before its row."""
    found = []
    while deliveries := await house.consumer.take(block_ms=50):
        event = deliveries[0].event
        assert isinstance(event, BacktestRequested)
        await house.consumer.done(deliveries[0].entry)
        found.append(event.row_follows)
    return found
