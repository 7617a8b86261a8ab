"""The cache: chunk parts, manifests and results by content name. Its loss costs time, never an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from shared.errors import SetupError
from shared.infra.redis import client as redis_client
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.seal import Seal

PREFIX = "ondol:"
MAX_VALUE_BYTES = 4 * 1024 * 1024
"""Larger values would block the event loop of a reader for too long."""

_BATCH = 32


class Cache:
    """Values by kind and name. A lost server reads as an empty cache and drops writes.

    Works with one Redis and with a Redis Cluster: every command touches one key, pipelines are not transactions.
    """

    def __init__(self, redis: Any) -> None:
        self.redis = redis
        self.seal: Seal | None = None
        """Set by services: results, answers and manifests are sealed, and those without a seal are absent. Parts need
        none, because their names are hashes of their values."""

    def _pipeline(self) -> Any:
        """Return a pipeline; TimeoutError of redis while the circuit is open."""
        if isinstance(self.redis, BrokerClient):
            self.redis.check_circuit()
        return self.redis.pipeline(transaction=False)

    async def get_parts(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the parts that are cached: name -> encoded bytes."""
        return await self._get("part", names)

    async def put_parts(self, parts: Mapping[str, bytes]) -> int:
        """Store encoded parts; return how many were stored."""
        return await self._put("part", parts, None)

    async def drop_parts(self, names: Sequence[str]) -> None:
        """Delete parts that the current version does not use; PostgreSQL keeps them for older versions."""
        try:
            for batch in _batches(names, 512):
                pipe = self._pipeline()
                for name in batch:
                    pipe.unlink(_key("part", name))
                await pipe.execute()
        except (RedisError, OSError):
            return

    async def missing_parts(self, names: Sequence[str]) -> list[str]:
        """Return those of `names` that are not cached (all, when the server does not answer)."""
        absent: list[str] = []
        for batch in _batches(names, 512):
            try:
                pipe = self._pipeline()
                for name in batch:
                    pipe.exists(_key("part", name))
                found = await pipe.execute()
            except (RedisError, OSError):
                found = [0] * len(batch)
            absent += [name for name, exists in zip(batch, found, strict=True) if not exists]
        return absent

    async def get_manifest(self, version: str) -> bytes | None:
        """Return the manifest of a dataset version, None when it is not cached."""
        return self._opened("manifest", version, (await self._get("manifest", [version])).get(version))

    async def put_manifest(self, version: str, body: bytes) -> None:
        """Store a manifest."""
        await self._put("manifest", {version: self._sealed("manifest", version, body)}, None)

    async def get_result(self, name: str) -> bytes | None:
        """Return a stored result by its content name (the computation's key), None when it is not cached."""
        if isinstance(self.redis, BrokerClient):
            try:
                (found,) = await self.redis.send(("GET", _key("result", name)))
            except (RedisError, OSError):
                return None
        else:
            found = (await self._get("result", [name])).get(name)
        return self._opened("result", name, found if isinstance(found, bytes) else None)

    async def put_result(self, name: str, body: bytes, *, ttl_s: int = 86_400) -> None:
        """Store a result for `ttl_s` seconds; one above MAX_VALUE_BYTES is stored in PostgreSQL only."""
        if len(body) > MAX_VALUE_BYTES:
            return
        body = self._sealed("result", name, body)
        if isinstance(self.redis, BrokerClient):
            try:
                await self.redis.send(("SET", _key("result", name), body, "EX", ttl_s))
            except (RedisError, OSError):
                return
        else:
            await self._put("result", {name: body}, ttl_s)

    def _sealed(self, kind: str, name: str, body: bytes) -> bytes:
        return body if self.seal is None else self.seal.sealed(_key(kind, name), body)

    def _opened(self, kind: str, name: str, found: bytes | None) -> bytes | None:
        return found if found is None or self.seal is None else self.seal.opened(_key(kind, name), found)

    async def forget_result(self, name: str) -> None:
        """Delete a stored result."""
        with suppress(RedisError, OSError):
            await self.redis.unlink(_key("result", name))

    async def forget_results(self, names: Iterable[str]) -> bool:
        """Delete stored results; return whether the server has done so."""
        try:
            for batch in _batches(list(names), 512):
                pipe = self._pipeline()
                for name in batch:
                    pipe.unlink(_key("result", name))
                await pipe.execute()
        except (RedisError, OSError):
            return False
        return True

    async def memory(self) -> tuple[int, int]:
        """Return (bytes used, limit in bytes or 0); zeros when the server does not answer."""
        try:
            used, limit, _ = await redis_client.memory(self.redis)
        except (RedisError, OSError):
            return 0, 0
        return used, limit

    async def answers(self) -> bool:
        """Return whether the server answers PING (for /readyz)."""
        return await redis_client.answers(self.redis)

    async def _get(self, kind: str, names: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        try:
            for batch in _batches(names, _BATCH):
                if len(batch) == 1:
                    values = [await self.redis.get(_key(kind, batch[0]))]
                else:
                    pipe = self._pipeline()
                    for name in batch:
                        pipe.get(_key(kind, name))
                    values = await pipe.execute()
                found |= {name: value for name, value in zip(batch, values, strict=True) if value is not None}
        except (RedisError, OSError):
            return found
        return found

    async def _put(self, kind: str, values: Mapping[str, bytes], ttl_s: int | None) -> int:
        stored = 0
        try:
            for batch in _batches(list(values), _BATCH):
                pipe = self._pipeline()
                for name in batch:
                    pipe.set(_key(kind, name), values[name], ex=ttl_s)
                stored += sum(1 for answer in await pipe.execute(raise_on_error=False) if answer is True)
        except (RedisError, OSError):
            return stored
        return stored


def _key(kind: str, name: str) -> str:
    return f"{PREFIX}{kind}:{name}"


def _batches(names: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (names[i : i + size] for i in range(0, len(names), size))


@asynccontextmanager
async def cache(url: str, *, cluster: bool = False) -> AsyncIterator[Cache]:
    """Connect to the cache; SetupError when it does not answer at the start (later losses only cost time)."""
    redis: Any = redis_client.cluster_client(url) if cluster else redis_client.client(url)
    try:
        try:
            await redis.ping()
        except (RedisError, OSError, ValueError) as error:
            raise SetupError(
                f"Redis cannot be used ({error}); check ONDOL_CACHE_URL and that the server runs."
            ) from error
        yield Cache(redis)
    finally:
        await redis.aclose()
