"""The cache: chunk parts, manifests and results by content name; losing it costs time, never an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from shared.errors import SetupError
from shared.infra.redis import client as servers
from shared.infra.redis.connection import Client

PREFIX = "ondol:"
LARGEST = 4 * 1024 * 1024
"""Greatest value: a reader's event loop stands still while one arrives."""

_BATCH = 32


class Cache:
    """Values by kind and name. Reads answer what is there; a lost server reads as empty and writes are dropped.

    Works with one Redis and with a Redis Cluster: every command touches one key, pipelines are not transactions.
    """

    def __init__(self, redis: Any) -> None:
        self.redis = redis

    def _pipeline(self) -> Any:
        """A pipeline; TimeoutError of redis while the server does not answer."""
        if isinstance(self.redis, Client):
            self.redis.refuse_away()
        return self.redis.pipeline(transaction=False)

    async def get_parts(self, names: Sequence[str]) -> dict[str, bytes]:
        """The parts that are there: name -> encoded bytes."""
        return await self._get("part", names)

    async def put_parts(self, parts: Mapping[str, bytes]) -> int:
        """Store encoded parts; returns how many were stored."""
        return await self._put("part", parts, None)

    async def drop_parts(self, names: Sequence[str]) -> None:
        """Forget parts that nothing current needs; the record still holds them for those who do."""
        try:
            for batch in _batches(names, 512):
                pipe = self._pipeline()
                for name in batch:
                    pipe.unlink(_key("part", name))
                await pipe.execute()
        except (RedisError, OSError):
            return

    async def missing_parts(self, names: Sequence[str]) -> list[str]:
        """Those of `names` that are not in the cache (all, when it does not answer)."""
        absent: list[str] = []
        for batch in _batches(names, 512):
            try:
                pipe = self._pipeline()
                for name in batch:
                    pipe.exists(_key("part", name))
                found = await pipe.execute()
            except (RedisError, OSError):
                found = [0] * len(batch)
            absent += [name for name, there in zip(batch, found, strict=True) if not there]
        return absent

    async def get_manifest(self, version: str) -> bytes | None:
        """The manifest of a dataset version."""
        return (await self._get("manifest", [version])).get(version)

    async def put_manifest(self, version: str, body: bytes) -> None:
        """Store a manifest."""
        await self._put("manifest", {version: body}, None)

    async def get_result(self, name: str) -> bytes | None:
        """A stored result by its content name (the computation's key)."""
        if isinstance(self.redis, Client):
            try:
                (found,) = await self.redis.ask(("GET", _key("result", name)))
            except (RedisError, OSError):
                return None
            return found if isinstance(found, bytes) else None
        return (await self._get("result", [name])).get(name)

    async def put_result(self, name: str, body: bytes, *, keep_s: int = 86_400) -> None:
        """Store a result for `keep_s` seconds; larger ones than 4 MiB stay in PostgreSQL only."""
        if len(body) > LARGEST:
            return
        if isinstance(self.redis, Client):
            try:
                await self.redis.ask(("SET", _key("result", name), body, "EX", keep_s))
            except (RedisError, OSError):
                return
        else:
            await self._put("result", {name: body}, keep_s)

    async def forget_result(self, name: str) -> None:
        """Drop a stored result."""
        with suppress(RedisError, OSError):
            await self.redis.unlink(_key("result", name))

    async def memory(self) -> tuple[int, int]:
        """(bytes used, limit in bytes or 0); zeros when the server does not answer."""
        try:
            used, limit, _ = await servers.memory(self.redis)
        except (RedisError, OSError):
            return 0, 0
        return used, limit

    async def answers(self) -> bool:
        """Whether PING comes back (for /readyz)."""
        return await servers.answers(self.redis)

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

    async def _put(self, kind: str, values: Mapping[str, bytes], keep_s: int | None) -> int:
        stored = 0
        try:
            for batch in _batches(list(values), _BATCH):
                pipe = self._pipeline()
                for name in batch:
                    pipe.set(_key(kind, name), values[name], ex=keep_s)
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
    """The cache server; SetupError when it does not answer at start (later losses only cost time)."""
    redis: Any = servers.cluster_client(url) if cluster else servers.client(url)
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
