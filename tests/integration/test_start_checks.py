"""The checks of a service before it serves: two different Redis servers, and the connection budget."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import SetupError
from shared.infra.database.connection_budget import application_name
from shared.infra.database.fast_pool import fast_database
from shared.infra.database.pool import connect_pool, database, lone_connection
from shared.infra.database.sql import statements
from shared.infra.redis.client import refuse_same_server
from shared.settings import Settings
from tests.integration.test_cluster import cluster

SERVICES = ("api", "preparer", "simulator", "warmer")


async def started(service: str, settings: Settings) -> tuple[int | None, str]:
    """(exit code, standard error) of a service that ends at its start."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}", env=env | settings.to_environment() | {"ONDOL_METRICS_PORT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, errors.decode()


async def connection_usage(settings: Settings) -> dict[str, Any]:
    async with lone_connection(settings.database_url or "") as connection:
        return dict(await connection.fetchrow(statements("connections")["connection_usage"]))


@pytest.mark.parametrize("service", SERVICES)
async def test_one_server_as_broker_and_cache_is_rejected(service: str, settings: Settings) -> None:
    shared = replace(settings, cache_url=(settings.broker_url or "").replace("db=0", "db=1"))
    assert shared.cache_url != shared.broker_url
    code, errors = await started(service, shared)
    assert code == 2
    assert "ONDOL_BROKER_URL and ONDOL_CACHE_URL point to the same Redis server" in errors
    assert len(errors.strip().splitlines()) == 1, errors


@pytest.mark.parametrize("service", SERVICES)
async def test_services_need_max_connections(service: str, settings: Settings) -> None:
    available = (await connection_usage(settings))["available"]
    async with database(settings.database_url or "", size=available - 40):
        code, errors = await started(service, replace(settings, database_pool_size=60))
    assert code == 2
    for part in ("max_connections", "ONDOL_DATABASE_POOL_SIZE", f"admits {available} connections"):
        assert part in errors
    assert len(errors.strip().splitlines()) == 1, errors


async def test_connection_usage_counts_pools_and_others(settings: Settings) -> None:
    url = settings.database_url or ""
    before = await connection_usage(settings)
    assert before["available"] == 500 - 3
    async with AsyncExitStack() as stack:
        for size in (30, 40):
            await stack.enter_async_context(database(url, size=size))
        await stack.enter_async_context(fast_database(url, name="api", size=50, acquire_timeout_s=1))
        found = await connection_usage(settings)
        assert found["pools"] == before["pools"] + 3
        assert abs(found["reserved"] - before["reserved"] - 120) <= 2  # the supervisor connects now and then
    after = await connection_usage(settings)
    assert after["pools"] == before["pools"]


async def test_pool_over_budget_is_rejected_and_closed(settings: Settings) -> None:
    url = settings.database_url or ""
    free = (seen := await connection_usage(settings))["available"] - seen["reserved"]
    async with database(url, size=free - 10, service="one"):
        with pytest.raises(SetupError, match="raise max_connections"):
            await connect_pool(url, size=20, service="two")
        with pytest.raises(SetupError, match="raise max_connections"):
            async with fast_database(url, name="three", size=20, acquire_timeout_s=1):
                raise AssertionError
        async with database(url, size=4, service="four"):
            pass
        assert (await connection_usage(settings))["pools"] == seen["pools"] + 1


async def test_pool_name_is_unambiguous_and_fits(settings: Settings) -> None:
    async with lone_connection(settings.database_url or "", application_name="ondol-9999-x") as connection:
        assert (await connection.fetchrow(statements("connections")["connection_usage"]))["reserved"] < 1000
    assert len(application_name("simulator", 200)) < 64


async def test_broker_inside_the_cache_cluster_is_rejected(settings: Settings, tmp_path: pathlib.Path) -> None:
    await refuse_same_server(settings.broker_url or "", settings.cache_url or "")
    async with cluster(tmp_path) as url:
        await refuse_same_server(settings.broker_url or "", url, cluster=True)
        with pytest.raises(SetupError, match="same Redis server"):
            await refuse_same_server(url, url, cluster=True)
    for broken in ((url, settings.cache_url), (settings.broker_url, url)):
        with pytest.raises(SetupError, match="cannot be used"):
            await refuse_same_server(*map(str, broken))
    with pytest.raises(SetupError, match="ONDOL_CACHE_URL"):
        await refuse_same_server(settings.broker_url or "", url, cluster=True)
