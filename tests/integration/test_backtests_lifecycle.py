"""The life of a backtest through missing data, cancellations, killed processes and lost servers."""

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

from ondol.local.ports import free_port
from ondol.local.run_file import Servers
from services.simulator.consumer import InFlight
from services.simulator.job import Job
from services.simulator.reconciler import reconcile
from services.simulator.renewal import open_renewal, renew_leases
from services.simulator.run_store import SQL
from services.simulator.service import names
from services.simulator.short_work import ShortWork
from shared.contracts.events import BACKTESTS, SIMULATORS
from shared.infra.database.pool import database
from shared.infra.redis import client as redis_servers
from shared.infra.redis.streams import Consumer, key_of
from shared.market import RULES_VERSION
from shared.model.request import BacktestRequest
from shared.settings import Settings
from shared.simulation import ENGINE_VERSION
from tests.support.api_helpers import connection_of, ended, prepared, submit, until
from tests.support.api_with_market import load_synthetic, request
from tests.support.servers import fresh_settings
from tests.support.system import Client, api_of, simulator

__all__ = ["prepared"]

VERSIONS = (ENGINE_VERSION, RULES_VERSION)


async def test_missing_market_data_names_the_remedy(settings: Settings) -> None:
    async with api_of(settings) as client:
        status, problem, _ = await client.call("POST", "/v1/backtests", request())
        assert status == 409
        assert "ondol load" in problem["detail"]
        for path in ("/v1/screen", "/v1/stocks", "/v1/rankings/market_cap"):
            assert (await client.call("GET", path))[0] == 409


async def test_request_waits_for_the_first_dataset_version(settings: Settings) -> None:
    async with connection_of(settings) as connection:
        await connection.execute("insert into data_revision (source, rows) values ('test', 0)")
    async with api_of(settings) as client, simulator(settings):
        waiting = await submit(client, request())
        assert waiting["status"] == "preparing"
        cancelled = await submit(client, request(initial_cash=2e7))
        assert (await client.call("DELETE", f"/v1/backtests/{cancelled['id']}"))[1]["status"] == "cancelled"
        await load_synthetic(settings, stocks=30)
        document = await ended(client, waiting["id"])
        assert document["status"] == "completed"
        assert document["dataset"]
        assert (await client.call("GET", f"/v1/backtests/{cancelled['id']}"))[1]["status"] == "cancelled"


async def test_cancelled_backtest_continues_for_other_owners(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        first, second = await submit(client, request()), await submit(client, request())
        path = f"/v1/backtests/{first['id']}"
        assert (await client.call("DELETE", path))[1]["status"] == "cancelled"
        assert (await client.call("DELETE", path))[1]["status"] == "cancelled"
        alone = await submit(client, request(initial_cash=2e7))
        assert (await client.call("DELETE", f"/v1/backtests/{alone['id']}"))[0] == 200
        async with simulator(prepared):
            assert (await ended(client, second["id"]))["status"] == "completed"
        assert (await client.call("GET", path))[1]["status"] == "cancelled"
        assert (await client.call("GET", f"/v1/backtests/{alone['id']}"))[1]["status"] == "cancelled"
        again = await submit(client, request(initial_cash=2e7))
        assert again["status"] == "queued"
        assert not again["cached"]


@pytest.mark.parametrize("restarted", [False, True])
async def test_result_deleted_during_request_is_recomputed(prepared: Settings, restarted: bool) -> None:
    async with simulator(prepared), connection_of(prepared) as connection:
        async with api_of(prepared) as client:
            first = await ended(client, (await submit(client, request()))["id"])
            if not restarted:  # this API caches the result; a restarted one reads the row
                assert (await submit(client, request()))["cached"]
                await _deleted_during_request(client, connection)
        if restarted:
            async with api_of(prepared) as client:
                await _deleted_during_request(client, connection)
        assert first["status"] == "completed"


async def _deleted_during_request(client: Client, connection: asyncpg.Connection) -> None:
    async with connection.transaction():
        await connection.execute("delete from backtest")
        await connection.execute("delete from computation")
        asking = asyncio.ensure_future(client.call("POST", "/v1/backtests", request(), Prefer="wait=30"))
        await until(partial(_lock_is_awaited, connection), "the request did not meet the deletion")
    status, document, _ = await asking
    assert (status, document["status"], document["cached"]) == (200, "completed", False)


async def _lock_is_awaited(connection: asyncpg.Connection) -> bool:
    query = (
        "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())"
    )
    found: bool = await connection.fetchval(query)
    return found


async def test_computation_stops_with_its_last_backtest(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        rows = [await submit(client, request()) for _ in range(3)]
        for row in rows[:-1]:
            await client.call("DELETE", f"/v1/backtests/{row['id']}")
        states = "select status from computation"
        assert await connection.fetchval(states) == "queued"
        await client.call("DELETE", f"/v1/backtests/{rows[-1]['id']}")
        assert await connection.fetchval(states) == "cancelled"


async def test_heartbeat_stops_a_cancelled_job(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        row = await submit(client, request())
        computation = await connection.fetchval("select id from computation")
        taken = await connection.fetchrow(SQL["acquire_lease"], computation, 30.0, "worker", False, None, *VERSIONS)
        job = Job(
            id=computation, lease=taken["lease"], entry="0-1", version=taken["dataset_version"], origin="user",
            request=msgspec.json.decode(taken["request"], type=BacktestRequest), attempts=1, queue_ms=0.0,
            started_at=taken["started_at"], began=0.0,
        )  # fmt: skip
        in_flight = InFlight(1, ShortWork(prepared.panel_dir))
        in_flight.jobs[str(job.id)] = job
        async with open_renewal(prepared, "worker") as renewal:
            await renew_leases(in_flight, renewal)
            assert not job.stop
            assert (await client.call("DELETE", f"/v1/backtests/{row['id']}"))[1]["status"] == "cancelled"
            await renew_leases(in_flight, renewal)
            assert job.stop


async def test_stale_lease_writes_nothing(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        await submit(client, request())
        computation = await connection.fetchval("select id from computation")
        first = await connection.fetchrow(SQL["acquire_lease"], computation, 0.0, "first", False, None, *VERSIONS)
        second = await connection.fetchrow(SQL["acquire_lease"], computation, 30.0, "second", False, None, *VERSIONS)
        assert second["lease"] > first["lease"]
        assert (
            await connection.fetchrow(SQL["acquire_lease"], computation, 30.0, "third", False, None, *VERSIONS) is None
        )
        values = (b"", "digest", "{}", second["started_at"])
        assert await connection.fetchval(SQL["complete"], computation, first["lease"], *values) is None
        assert await connection.fetchval(SQL["renew_lease"], computation, first["lease"], 1.0, 0.5, "running") is None
        assert await connection.fetchval(SQL["complete"], computation, second["lease"], *values) == computation


async def test_job_that_crashes_three_simulators_fails(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        connection = await stack.enter_async_context(connection_of(prepared))
        record = await stack.enter_async_context(database(prepared.database_url or "", size=2))
        broker = await stack.enter_async_context(redis_servers.broker(prepared.broker_url or ""))
        row = await submit(client, request())
        computation = await connection.fetchval("select id from computation")
        for _ in range(3):
            assert (
                await connection.fetchrow(SQL["acquire_lease"], computation, 0.0, "victim", False, None, *VERSIONS)
                is not None
            )
        failed, published = await reconcile(record, broker)
        assert (failed, published) == (1, 0)
        document = await ended(client, row["id"])
        assert document["status"] == "failed"
        assert document["error"]["kind"] == "killed_simulator"


async def test_restarted_simulator_resumes_jobs_at_once(prepared: Settings) -> None:
    port = free_port()
    name, dead = names(socket.gethostname(), port, 1)
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        row = await submit(client, request())
        async with redis_servers.broker(prepared.broker_url or "") as broker:
            consumer = Consumer(broker, BACKTESTS, SIMULATORS, name)
            await consumer.create_group()
            assert len(await consumer.read(block_ms=10)) == 1
        computation = await connection.fetchval("select id from computation")
        assert (
            await connection.fetchrow(SQL["acquire_lease"], computation, 3600.0, dead, False, None, *VERSIONS)
            is not None
        )
        async with simulator(prepared, metrics_port=port):
            assert (await ended(client, row["id"]))["status"] == "completed"
        assert await connection.fetchval("select attempts from computation") == 2


async def test_only_leases_of_the_same_name_expire(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:
        held = {}
        for number, port in enumerate((910, 9101)):
            await submit(client, request(initial_cash=1e7 + number))
            held[port] = await connection.fetchval("select id from computation where status = 'queued'")
            worker = names("host", port, 7)[1]
            assert (
                await connection.fetchrow(SQL["acquire_lease"], held[port], 3600.0, worker, False, None, *VERSIONS)
                is not None
            )
        found = await connection.fetch(SQL["expire_predecessor_leases"], names("host", 910, 8)[0] + "-")
        assert [row["id"] for row in found] == [held[910]]
        assert (
            await connection.fetchrow(SQL["acquire_lease"], held[9101], 3600.0, "other", False, None, *VERSIONS) is None
        )
        assert (
            await connection.fetchrow(SQL["acquire_lease"], held[910], 3600.0, "other", False, None, *VERSIONS)
            is not None
        )


async def test_only_lost_messages_are_published_again(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        connection = await stack.enter_async_context(connection_of(prepared))
        record = await stack.enter_async_context(database(prepared.database_url or "", size=2))
        broker = await stack.enter_async_context(redis_servers.broker(prepared.broker_url or ""))
        await submit(client, request())
        await connection.execute("update computation set created_at = created_at - interval '1 minute'")
        assert await reconcile(record, broker) == (0, 0)
        await broker.delete(key_of(BACKTESTS))
        assert await reconcile(record, broker) == (0, 1)
        assert await reconcile(record, broker) == (0, 0)


async def left(settings: Settings) -> int:
    async with connection_of(settings) as connection:
        found: int = await connection.fetchval("select count(*) from computation where status = 'queued'")
    return found


async def test_backtests_end_once_when_simulators_are_killed(prepared: Settings) -> None:
    bodies = [request(initial_cash=1e7 + n) for n in range(50)]
    async with api_of(prepared) as client:
        async with simulator(prepared):
            calm = [await submit(client, body, Prefer="wait=30", Cache_Control="no-store") for body in bodies]
        rows = [await submit(client, body) for body in bodies]
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


async def test_flushed_broker_and_cache_lose_nothing(prepared: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(prepared))
        rows = [await submit(client, request(initial_cash=1e7 + n)) for n in range(10)]
        for url in (prepared.broker_url, prepared.cache_url):
            redis = redis_servers.client(url or "")
            await redis.flushall()
            await redis.aclose()
        # restore the parts of the cache from PostgreSQL, as the preparer does
        async with connection_of(prepared) as connection:
            parts = {r["name"]: r["bytes"] for r in await connection.fetch("select name, bytes from dataset_part")}
        await client.api.cache.put_parts(parts)
        await stack.enter_async_context(simulator(prepared))
        for row in rows:
            assert (await ended(client, row["id"]))["status"] == "completed"
        await client.api.cache.redis.flushall()
        client.api.results._recent.clear()
        for row in rows:
            assert "equity" in (await client.call("GET", f"/v1/backtests/{row['id']}"))[1]["result"]


async def test_sigterm_releases_or_finishes_jobs(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        rows = [await submit(client, request(initial_cash=1e7 + n)) for n in range(30)]
        async with simulator(prepared):
            await ended(client, rows[0]["id"])
        async with connection_of(prepared) as connection:
            states = await connection.fetch("select status, attempts from computation")
        assert {s["status"] for s in states} <= {"queued", "completed"}
        assert all(s["attempts"] == 0 for s in states if s["status"] == "queued")
        async with simulator(prepared):
            for row in rows:
                assert (await ended(client, row["id"]))["status"] == "completed"


async def test_lost_postgres_is_503_with_retry_after(servers: Servers) -> None:
    async with fresh_settings(servers) as settings, api_of(settings) as client:
        await client.api.database.close()
        status, problem, headers = await client.call("GET", "/v1/backtests")
        assert status == 503
        assert problem["type"].endswith("unavailable")
        assert "Retry-After" in headers
