"""Work of another version of the engine is left to its simulators, and computed anew when there is none."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from services.api.backtests.pending import attach_pending
from services.simulator.reconciler import LEFT_BEHIND_S, reconcile
from shared.errors import SetupError
from shared.infra.database.pool import database, migrate
from shared.infra.database.sql import statements
from shared.infra.redis import client as redis_servers
from shared.market import RULES_VERSION
from shared.settings import Settings
from shared.simulation import ENGINE_VERSION
from tests.support.api_helpers import connection_of, prepared, submit, until
from tests.support.api_with_market import request
from tests.support.system import api_of, simulator

__all__ = ["prepared"]

BACKTEST, QUEUE, SWEEP = statements("backtest"), statements("queue"), statements("sweep")
OLD = ("0", "old rules")
OWN = (ENGINE_VERSION, RULES_VERSION)
SELECT = "select engine_version, rules_version, status, result_digest from computation where id = $1"


@pytest_asyncio.fixture
async def connection(prepared: Settings) -> AsyncIterator[asyncpg.Connection]:
    async with connection_of(prepared) as found:
        yield found


async def queued(prepared: Settings, connection: asyncpg.Connection, versions: tuple[str, str] = OLD) -> uuid.UUID:
    """Submit a backtest; return its computation, which is then one of other versions."""
    async with api_of(prepared) as client:
        document = await submit(client, request(initial_cash=55_000_000))
    computation: uuid.UUID = await connection.fetchval(
        "select computation from backtest where id = $1", uuid.UUID(document["id"])
    )
    await connection.execute(
        """update computation set engine_version = $2, rules_version = $3, created_at = now() - interval '1 hour'
           where id = $1""",
        computation, *versions,
    )  # fmt: skip
    return computation


@pytest.mark.parametrize("versions", [OLD, (ENGINE_VERSION, "old rules"), ("0", RULES_VERSION)])
async def test_work_of_another_version_is_not_leased(
    prepared: Settings, connection: asyncpg.Connection, versions: tuple[str, str]
) -> None:
    computation = await queued(prepared, connection, versions)
    values = (4.0, "worker", False, None, *OWN)
    assert await connection.fetchrow(BACKTEST["acquire_lease"], computation, *values) is None
    row = await connection.fetchrow(QUEUE["acquire_next"], False, computation, [], 4.0, "worker", *OWN)
    assert row is None
    row = await connection.fetchrow(QUEUE["acquire_next"], False, computation, [], 4.0, "worker", *versions)
    assert row["id"] == computation


async def test_result_of_another_version_is_not_stored(prepared: Settings, connection: asyncpg.Connection) -> None:
    computation = await queued(prepared, connection, (ENGINE_VERSION, "old rules"))
    text, version = await connection.fetchrow(
        "select request, dataset_version from computation where id = $1", computation
    )
    values = (text, version, ENGINE_VERSION, b"result", "digest", "{}")
    now = await connection.fetchval("select now()")
    own = (computation, *values, now, now, RULES_VERSION)
    assert await connection.fetchrow(BACKTEST["complete_optimistic"], *own) is None
    assert (await connection.fetchrow(SELECT, computation))["status"] == "queued"


async def test_work_waits_while_a_simulator_of_its_version_runs(
    prepared: Settings, connection: asyncpg.Connection
) -> None:
    computation = await queued(prepared, connection)
    await connection.execute(BACKTEST["announce_engine"], *OLD)
    async with database(prepared.database_url or "") as pool, redis_servers.broker(prepared.broker_url or "") as broker:
        await reconcile(pool, broker)
    assert tuple(await connection.fetchrow(SELECT, computation))[:3] == (*OLD, "queued")
    assert LEFT_BEHIND_S > 0


async def test_work_left_behind_ends_as_of_this_version(prepared: Settings, connection: asyncpg.Connection) -> None:
    left = await queued(prepared, connection)
    await connection.execute("update computation set dataset_version = 'of an older format'")
    async with api_of(prepared) as client, simulator(prepared):

        async def completed() -> bool:
            return (await client.call("GET", "/v1/backtests"))[1]["items"][0]["status"] == "completed"

        assert await until(completed, "the end of a backtest of another version")
        document = (await client.call("GET", "/v1/backtests/latest"))[1]
    assert document["engine_version"] == ENGINE_VERSION
    assert document["dataset"] != "of an older format"
    assert (await connection.fetchrow(SELECT, left))["status"] == "cancelled"


async def test_dataset_of_another_format_is_as_if_absent(prepared: Settings, connection: asyncpg.Connection) -> None:
    await connection.execute("update dataset_version set manifest = '{\"format\": 0}'")
    async with api_of(prepared) as client:
        document = await submit(client, request())
        assert (document["status"], document["dataset"]) == ("preparing", None)
        assert await attach_pending(client.api) == 0


async def test_request_that_cannot_be_read_fails_with_reason(
    prepared: Settings, connection: asyncpg.Connection
) -> None:
    await queued(prepared, connection)
    await connection.execute(
        "update backtest set computation = null, request = (request::jsonb || '{\"later\": 1}')::text"
    )
    async with api_of(prepared) as client:
        await attach_pending(client.api)
        document = (await client.call("GET", "/v1/backtests"))[1]["items"][0]
    assert (document["status"], document["error"]["code"]) == ("failed", "request_of_other_version")


async def test_sweep_of_another_version_waits_for_its_simulators(
    prepared: Settings, connection: asyncpg.Connection
) -> None:
    await connection.execute(
        """insert into sweep (id, owner, plan, method, digest, dataset_version, engine_version, rules_version,
                              sequential, variants, parts, cost, created_at)
           values (gen_random_uuid(), 'local', '{}', 'grid', 'd', 'v', $1, $2, false, 1, 1, 1, now())""",
        *OLD,
    )  # fmt: skip
    await connection.execute("insert into sweep_part (sweep, part, first, count) select id, 0, 0, 1 from sweep")
    await connection.execute(BACKTEST["announce_engine"], *OLD)
    assert await connection.fetch(SWEEP["select_open"], *OWN) == []
    assert len(await connection.fetch(SWEEP["select_open"], *OLD)) == 1
    await connection.execute("update engine_version set seen_at = now() - interval '1 minute'")
    assert len(await connection.fetch(SWEEP["select_open"], *OWN)) == 1


async def test_database_of_a_newer_program_is_refused(prepared: Settings, connection: asyncpg.Connection) -> None:
    await connection.execute("insert into migration (name) values ('9999_later')")
    with pytest.raises(SetupError, match="9999_later"):
        await migrate(prepared.database_url or "")
