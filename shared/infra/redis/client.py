"""Clients of the two Redis servers: timeouts for every command, and the checks of a service's start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.errors import SetupError
from shared.infra.redis.connection import SHARED_TIMEOUT_S, BrokerClient, RefusedError

if TYPE_CHECKING:
    from redis.asyncio.cluster import RedisCluster

LOST = (RedisConnectionError, RedisTimeoutError, RefusedError, OSError)
"""Errors of a Redis that is lost, restarts, or refuses writes for now; the operation may be tried again."""

BLOCK_MS = 1000
"""Longest blocking read; socket timeouts are longer."""


def client(url: str) -> BrokerClient:
    """Return a client that reconnects; replies are bytes. Lost commands are retried, timed out ones are not."""
    found: BrokerClient = BrokerClient.from_url(
        url,
        socket_timeout=SHARED_TIMEOUT_S,
        socket_connect_timeout=SHARED_TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 3, supported_errors=(RedisConnectionError,)),
        retry_on_error=[RedisConnectionError],
    )
    return found


def cluster_client(url: str) -> RedisCluster:
    """Return a client of a Redis Cluster; replies are bytes."""
    from redis.asyncio.cluster import RedisCluster

    found: RedisCluster = RedisCluster.from_url(url, socket_timeout=5, socket_connect_timeout=2)
    return found


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[BrokerClient]:
    """Yield a client and close it at the end; the server is not contacted before the first command."""
    found = client(url)
    try:
        yield found
    finally:
        await found.aclose()


@asynccontextmanager
async def broker(url: str) -> AsyncIterator[BrokerClient]:
    """Connect to the broker; SetupError when it does not answer, or when it may evict (evicted streams are lost)."""
    found = client(url)
    try:
        info = await _info(found, "ONDOL_BROKER_URL")
        policy = info.get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            raise SetupError(
                f"The broker evicts keys (maxmemory-policy {policy}), which loses queued work; set it to noeviction."
            )
        yield found
    finally:
        await found.aclose()


async def refuse_same_server(broker_url: str, cache_url: str, *, cluster: bool = False) -> None:
    """Raise SetupError when broker and cache are one server (compared by run id), or when one does not answer.

    A full cache would evict or reject the entries of the broker.
    """
    one = client(broker_url)
    other: Any = cluster_client(cache_url) if cluster else client(cache_url)
    try:
        broker_run = (await _info(one, "ONDOL_BROKER_URL", "server")).get("run_id")
        if cluster:
            try:
                await other.initialize()
            except (RedisError, RedisClusterException, OSError, ValueError) as error:
                raise SetupError(_unusable(error, "ONDOL_CACHE_URL")) from error
            found = [await other.info("server", target_nodes=node) for node in other.get_primaries()]
        else:
            found = [await _info(other, "ONDOL_CACHE_URL", "server")]
    finally:
        await one.aclose()
        await other.aclose()
    if broker_run is not None and broker_run in {info.get("run_id") for info in found}:
        raise SetupError(
            "ONDOL_BROKER_URL and ONDOL_CACHE_URL point to the same Redis server; a full cache would evict or block "
            "queued work, so start a second server for the cache (another database number is not enough)."
        )


async def _info(redis: Redis, setting: str, section: str = "memory") -> dict[str, Any]:
    try:
        info: dict[str, Any] = await redis.info(section)
    except (RedisError, OSError, ValueError) as error:
        raise SetupError(_unusable(error, setting)) from error
    return info


def _unusable(error: BaseException, setting: str) -> str:
    return f"Redis cannot be used ({error}); check {setting} and that the server runs."


async def memory(redis: Redis | RedisCluster) -> tuple[int, int, int]:
    """Return (bytes used, limit in bytes or 0, keys evicted since the start), summed over a cluster's primaries."""
    if hasattr(redis, "get_primaries"):
        found = [await redis.info(target_nodes=node) for node in redis.get_primaries()]
    else:
        found = [await redis.info()]
    used, limit, evicted = (
        sum(int(info.get(name, 0)) for info in found) for name in ("used_memory", "maxmemory", "evicted_keys")
    )
    return used, limit, evicted


async def answers(redis: Redis) -> bool:
    """Return whether the server answers PING (for /readyz)."""
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False


async def responds(redis: Redis) -> bool:
    """Return whether the server answers at all, be it with an error (loading its file, for example)."""
    try:
        await redis.ping()
    except (BusyLoadingError, ResponseError, RefusedError):
        return True
    except (RedisError, OSError):
        return False
    return True


async def accepts_writes(broker: Redis, key: str) -> bool:
    """Return whether the broker accepts writes of this user (for /readyz); nothing is changed.

    key: of a stream that every service may write. A SETRANGE of no bytes creates no key and changes none, but is
    refused by a server that is out of memory, read-only or cannot persist.
    """
    try:
        await broker.setrange(key, 0, "")
    except ResponseError as error:
        return str(error).startswith("WRONGTYPE")
    except (RedisError, OSError):
        return False
    return True
