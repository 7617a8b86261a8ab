"""The cache as a Redis Cluster of three nodes: parts spread over them, and a backtest reads them from there."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import orjson
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ondol.local.ports import free_port
from ondol.local.redis_server import valkey_binary
from shared.infra.redis.cache import cache
from shared.settings import Settings
from tests.support.system import api_of, publish_market, simulator

DATA = pathlib.Path(__file__).parents[1] / "data" / "examples.json"
SLOTS = 16384


@asynccontextmanager
async def cluster(folder: pathlib.Path, nodes: int = 3) -> AsyncIterator[str]:
    """Three empty primaries on loopback that share the slots; yields the URL of the first."""
    ports = [free_port() for _ in range(nodes)]
    processes = []
    for port in ports:
        (folder / str(port)).mkdir()
        processes.append(
            await asyncio.create_subprocess_exec(
                str(valkey_binary()), "--port", str(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
                "--cluster-port", str(free_port()), "--dir", str(folder / str(port)), "--save", "",
                stdout=asyncio.subprocess.DEVNULL,
            )
        )  # fmt: skip
    clients = [Redis(host="127.0.0.1", port=port) for port in ports]
    try:
        async with asyncio.timeout(60):
            for node in clients:
                await _until(node, b"")
            bus = {}
            for port, node in zip(ports, clients, strict=True):
                config = await node.config_get("cluster-port")
                bus[port] = int(config["cluster-port"])
            step = SLOTS // nodes
            for number, node in enumerate(clients):
                last = SLOTS - 1 if number == nodes - 1 else (number + 1) * step - 1
                await node.execute_command("CLUSTER", "ADDSLOTSRANGE", number * step, last)
                await node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            for port in ports[1:]:
                await clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus[port])
            for node in clients:
                await _until(node, b"cluster_state:ok", f"cluster_known_nodes:{nodes}".encode())
        yield f"redis://127.0.0.1:{ports[0]}/0"
    finally:
        for node in clients:
            await node.aclose()
        for process in processes:
            process.kill()
            await process.wait()


async def _until(node: Redis, *expected: bytes) -> None:
    while True:
        try:
            await node.ping()
            found = await node.execute_command("CLUSTER", "INFO")
            text = found if isinstance(found, bytes) else orjson.dumps(found)
            if all(part in text or part.replace(b":", b'":"') in text for part in expected):
                return
        except (RedisError, OSError):
            pass
        await asyncio.sleep(0.05)


@pytest.fixture
def market() -> dict[str, object]:
    cases = orjson.loads(DATA.read_bytes())["backtests"]
    return next(case for case in cases if case["name"] == "rotate_1")


async def test_cache_cluster_serves_parts_from_all_nodes(
    settings: Settings, market: dict[str, dict[str, object]], tmp_path: pathlib.Path
) -> None:
    async with cluster(tmp_path) as url:
        spread = replace(settings, cache_url=url, cache_cluster=True)
        manifest = await publish_market(spread, market["market"])
        async with cache(url, cluster=True) as store:
            used, _ = await store.memory()
            assert used > 0
            assert await store.answers()
            primaries = store.redis.get_primaries()
            held = [await store.redis.dbsize(target_nodes=node) for node in primaries]
        assert len(held) == 3
        assert min(held) > 0
        async with api_of(spread) as client, simulator(spread):
            status, document, _ = await client.call("POST", "/v1/backtests", market["request"], Prefer="wait=30")
            assert status == 200
            assert document["status"] == "completed", document
            assert document["dataset"] == manifest.version
            assert document["result"]["cache"]["by_tier"].get("t2", 0) > 0
            assert [t["stock_code"] for t in document["result"]["trades"]] == [
                t["stock_code"] for t in market["expected"]["trades"]
            ]
            status, text, _ = await client.call("GET", "/metrics")
            assert status == 200
            assert b'ondol_redis_memory_bytes{role="cache"}' in text
