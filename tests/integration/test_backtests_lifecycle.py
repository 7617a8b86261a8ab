"""What holds from acceptance to end, whatever happens in between: no data, cancellation, kills, losses."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack
from functools import partial

import asyncpg
import msgspec
import pytest

from ondol.local import embedded_servers
from ondol.local.ports import free_port
from services.simulator.consumer import Desk
from services.simulator.reconciler import reconcile
from services.simulator.run_store import SQL
from services.simulator.runner import Work
from services.simulator.service import GROUP, heartbeat, names
from shared.contracts.events import BACKTESTS
from shared.infra.database.pool import database
from shared.infra.redis import client as redis_servers
from shared.infra.redis.streams import Consumer, key_of
from shared.model.request import BacktestRequest
from shared.settings import Settings
from tests.support.api_helpers import ask, connection_of, ended, prepared, until
from tests.support.api_with_market import load_synthetic, request
from tests.support.servers import fresh_settings
from tests.support.system import Client, api_of, simulator

__all__ = ["prepared"]


async def test_without_market_data_the_answer_names_the_remedy(settings: Settings) -> None:
    async with api_of(settings) as client:
        status, problem, _ = await client.call("POST", "/v1/backtests", request())
        assert status == 409
        assert "ondol load" in problem["detail"]
        for path in ("/v1/screen", "/v1/stocks", "/v1/rankings/market_cap"):
            assert (await client.call("GET", path))[0] == 409


async def test_a_request_before_the_first_version_waits_for_it(settings: Settings) -> None:
    async with connection_of(settings) as connection:
        await connection.execute("insert into data_revision (source, rows) values ('test', 0)")
    async with api_of(settings) as client, simulator(settings):
        waiting = await ask(client, request())
        assert waiting["status"] == "preparing"
        cancelled = await ask(client, request(initial_cash=2e7))
        assert (await client.call("DELETE", f"/v1/backtests/{cancelled['id']}"))[1]["status"] == "cancelled"
        await load_synthetic(settings, stocks=30)
        document = await ended(client, waiting["id"])
        assert document["status"] == "completed"
        assert document["dataset"]
        assert (await client.call("GET", f"/v1/backtests/{cancelled['id']}"))[1]["status"] == "cancelled"


async def test_a_queued_backtest_is_cancelled_for_its_owner_and_runs_on_for_others(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        first, second = await ask(client, request()), await ask(client, request())
        path = f"/v1/backtests/{first['id']}"
        assert (await client.call("DELETE", path))[1]["status"] == "cancelled"
        assert (await client.call("DELETE", path))[1]["status"] == "cancelled"
        alone = await ask(client, request(initial_cash=2e7))
        assert (await client.call("DELETE", f"/v1/backtests/{alone['id']}"))[0] == 200
        async with simulator(prepared):
            assert (await ended(client, second["id"]))["status"] == "completed"
        assert (await client.call("GET", path))[1]["status"] == "cancelled"
        assert (await client.call("GET", f"/v1/backtests/{alone['id']}"))[1]["status"] == "cancelled"
        again = await ask(client, request(initial_cash=2e7))
        assert again["status"] == "queued"
        assert not again["cached"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_result_that_is_forgotten_this_instant_is_computed_anew(prepared: Settings, restarted: bool) -> None:
    async with simulator(prepared), connection_of(prepared) as connection:
        async with api_of(prepared) as client:
            first = await ended(client, (await ask(client, request()))["id"])
            if not restarted:  # this api knows the result, another one looks for it
                assert (await ask(client, request()))["cached"]
                await _forgotten_while_asked(client, connection)
        if restarted:
            async with api_of(prepared) as client:
                await _forgotten_while_asked(client, connection)
        assert first["status"] == "completed"


async def _forgotten_while_asked(client: Client, connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute("delete from backtest")
        await connection.execute("delete from computation")
        asking = asyncio.ensure_future(client.call("POST", "/v1/backtests", request(), Prefer="wait=30"))
        await until(partial(_someone_waits, connection), "the request did not meet the deletion")
    status, document, _ = await asking
    assert (status, document["status"], document["cached"]) == (200, "completed", False)


async def _someone_waits(connection: asyncpg.Connection) -> bool:
    query = (
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())"
    )
    found: bool = await connection.fetchval(query)
    return found


async def test_the_work_stops_when_the_last_row_has_gone(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        rows = [await ask(client, request()) for _ in range(3)]
        for row in rows[:-1]:
            await client.call("DELETE", f"/v1/backtests/{row['id']}")
        states = "select status from computation"
        assert await connection.fetchval(states) == "queued"
        await client.call("DELETE", f"/v1/backtests/{rows[-1]['id']}")
        assert await connection.fetchval(states) == "cancelled"


async def test_a_running_simulator_hears_of_a_cancellation_at_its_next_heartbeat(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        row = await ask(client, request())
        computation = await connection.fetchval("select id from computation")
        taken = await connection.fetchrow(SQL["take"], computation, 30.0, "worker", False, None)
        work = Work(
            id=computation, lease=taken["lease"], entry="0-1", version=taken["dataset_version"], origin="user",
            request=msgspec.json.decode(taken["request"], type=BacktestRequest), attempts=1, queue_ms=0.0,
            started_at=taken["started_at"], began=0.0,
        )  # fmt: skip
        desk = Desk(1)
        desk.works[str(work.id)] = work
        async with heartbeat(prepared, desk, "worker") as beat:
            await beat()
            assert not work.stop
            assert (await client.call("DELETE", f"/v1/backtests/{row['id']}"))[1]["status"] == "cancelled"
            await beat()
            assert work.stop


async def test_a_stale_owner_writes_nothing(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        await ask(client, request())
        computation = await connection.fetchval("select id from computation")
        first = await connection.fetchrow(SQL["take"], computation, 0.0, "first", False, None)
        second = await connection.fetchrow(SQL["take"], computation, 30.0, "second", False, None)
        assert second["lease"] > first["lease"]
        assert await connection.fetchrow(SQL["take"], computation, 30.0, "third", False, None) is None
        values = (b"", "digest", "{}", second["started_at"])
        assert await connection.fetchval(SQL["complete"], computation, first["lease"], *values) is None
        assert await connection.fetchval(SQL["renew"], computation, first["lease"], 1.0, 0.5, "running") is None
        assert await connection.fetchval(SQL["complete"], computation, second["lease"], *values) == computation


async def test_a_row_that_kills_its_simulator_three_times_fails_with_that_reason(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        connection = await stack.enter_async_context(connection_of(prepared))
        record = await stack.enter_async_context(database(prepared.database_url or "", size=2))
        broker = await stack.enter_async_context(redis_servers.broker(prepared.broker_url or ""))
        row = await ask(client, request())
        computation = await connection.fetchval("select id from computation")
        for _ in range(3):
            assert await connection.fetchrow(SQL["take"], computation, 0.0, "victim", False, None) is not None
        condemned, announced = await reconcile(record, broker)
        assert (condemned, announced) == (1, 0)
        document = await ended(client, row["id"])
        assert document["status"] == "failed"
        assert document["error"]["kind"] == "killed_simulator"


async def test_a_simulator_takes_up_at_once_what_its_dead_predecessor_held(prepared: Settings) -> None:
    port = free_port()
    name, dead = names(socket.gethostname(), port, 1)
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        row = await ask(client, request())
        async with redis_servers.broker(prepared.broker_url or "") as broker:
            consumer = Consumer(broker, BACKTESTS, GROUP, name)
            await consumer.create_group()
            assert len(await consumer.take(block_ms=10)) == 1
        computation = await connection.fetchval("select id from computation")
        assert await connection.fetchrow(SQL["take"], computation, 3600.0, dead, False, None) is not None
        async with simulator(prepared, metrics_port=port):
            assert (await ended(client, row["id"]))["status"] == "completed"
        assert await connection.fetchval("select attempts from computation") == 2


async def test_only_leases_of_the_same_name_are_inherited(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        held = {}
        for number, port in enumerate((910, 9101)):
            await ask(client, request(initial_cash=1e7 + number))
            held[port] = await connection.fetchval("select id from computation where status = 'queued'")
            worker = names("host", port, 7)[1]
            assert await connection.fetchrow(SQL["take"], held[port], 3600.0, worker, False, None) is not None
        found = await connection.fetch(SQL["inherit"], names("host", 910, 8)[0] + "-")
        assert [row["id"] for row in found] == [held[910]]
        assert await connection.fetchrow(SQL["take"], held[9101], 3600.0, "other", False, None) is None
        assert await connection.fetchrow(SQL["take"], held[910], 3600.0, "other", False, None) is not None


async def test_a_lost_hint_is_announced_again_and_a_live_one_is_not(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        connection = await stack.enter_async_context(connection_of(prepared))
        record = await stack.enter_async_context(database(prepared.database_url or "", size=2))
        broker = await stack.enter_async_context(redis_servers.broker(prepared.broker_url or ""))
        await ask(client, request())
        await connection.execute("update computation set created_at = created_at - interval '1 minute'")
        assert await reconcile(record, broker) == (0, 0)
        await broker.delete(key_of(BACKTESTS))
        assert await reconcile(record, broker) == (0, 1)
        assert await reconcile(record, broker) == (0, 0)


async def left(settings: Settings) -> int:
    async with connection_of(settings) as connection:
        found: int = await connection.fetchval("select count(*) from computation where status = 'queued'")
    return found


async def test_every_backtest_ends_once_when_simulators_are_killed_at_work(prepared: Settings) -> None:
    bodies = [request(initial_cash=1e7 + n) for n in range(50)]
    async with api_of(prepared) as client:
        async with simulator(prepared):
            calm = [await ask(client, body, Prefer="wait=30", Cache_Control="no-store") for body in bodies]
        rows = [await ask(client, body) for body in bodies]
        for _ in range(3):
            before = await left(prepared)
            async with simulator(prepared) as process:

                async def some_work(before: int = before) -> bool:
                    return await left(prepared) < max(before, 1)

                await until(some_work, "work of the simulator")
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()
        async with simulator(prepared):
            documents = [await ended(client, row["id"]) for row in rows]
        async with connection_of(prepared) as connection:
            assert await connection.fetchval("select max(attempts) from computation where shared") <= 3
    digests = [d["result"]["provenance"]["result_digest"] for d in documents]
    assert digests == [d["result"]["provenance"]["result_digest"] for d in calm]


async def test_a_flushed_broker_and_a_flushed_cache_lose_nothing(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        rows = [await ask(client, request(initial_cash=1e7 + n)) for n in range(10)]
        for url in (prepared.broker_url, prepared.cache_url):
            redis = redis_servers.client(url or "")
            await redis.flushall()
            await redis.aclose()
        # the parts that were in the cache come back from the record, as the preparer brings them
        async with connection_of(prepared) as connection:
            parts = {r["name"]: r["bytes"] for r in await connection.fetch("select name, bytes from chunk_part")}
        await client.api.cache.put_parts(parts)
        await stack.enter_async_context(simulator(prepared))
        for row in rows:
            assert (await ended(client, row["id"]))["status"] == "completed"
        await client.api.cache.redis.flushall()
        client.api.results.recent = type(client.api.results.recent)(0)
        for row in rows:
            assert "equity" in (await client.call("GET", f"/v1/backtests/{row['id']}"))[1]["result"]


async def test_sigterm_hands_work_back_or_finishes_it(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        rows = [await ask(client, request(initial_cash=1e7 + n)) for n in range(30)]
        async with simulator(prepared):
            await ended(client, rows[0]["id"])
        async with connection_of(prepared) as connection:
            states = await connection.fetch("select status, attempts from computation")
        assert {s["status"] for s in states} <= {"queued", "completed"}
        assert all(s["attempts"] == 0 for s in states if s["status"] == "queued")
        async with simulator(prepared):
            for row in rows:
                assert (await ended(client, row["id"]))["status"] == "completed"


async def test_a_lost_postgres_is_503_with_a_time_to_come_back(servers: embedded_servers.Servers) -> None:
    async with fresh_settings(servers) as settings, api_of(settings) as client:
        await client.api.database.close()
        status, problem, headers = await client.call("GET", "/v1/backtests")
        assert status == 503
        assert problem["type"].endswith("unavailable")
        assert "Retry-After" in headers
