"""Who asks: API keys (stored hashed), and the limits that each key has."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from services.api.errors import ApiProblem
from shared.contracts.http import LOCAL
from shared.errors import SetupError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.settings import Settings

SQL = statements("accounts")
REMEMBER_S = 5.0
"""How long a key that was found, or not found, is believed; a revoked key works at most this much longer."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose rows a request sees, and the limits that it has (0: none)."""

    owner: str
    rate_per_minute: float
    concurrency: int


def hash_of(key: str) -> bytes:
    """What is stored of a key: it has 256 random bits, so one round of SHA-256 cannot be reversed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def refuse_open_bind(settings: Settings, database: Database) -> None:
    """SetupError when the api would listen beyond loopback and nobody has a key."""
    if is_loopback(settings.api_host):
        return
    async with database.connection() as connection:
        keys = await connection.fetchval(SQL["key_count"])
    if not keys:
        raise SetupError(
            f"The api does not listen on {settings.api_host} without keys: anybody could use it. "
            "Make one with `ondol keys create NAME`, or listen on 127.0.0.1."
        )


class Bucket:
    """A token bucket: `rate` requests a minute, bursts of a tenth of that, or of 20 where a minute allows as many."""

    __slots__ = ("rate", "size", "then", "tokens")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate / 60.0
        self.size = max(1.0, min(rate, max(20.0, rate / 10.0)))
        self.tokens = self.size
        self.then = now

    def take(self, now: float) -> float:
        """0 when a request may pass, else the seconds until one may."""
        self.tokens = min(self.size, self.tokens + (now - self.then) * self.rate)
        self.then = now
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.rate


class Doorkeeper:
    """Knows callers by their keys and counts their requests."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._loopback = is_loopback(settings.api_host)
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()
        self._buckets: dict[str, Bucket] = {}
        self.anyone = self._local = Caller(owner=LOCAL, rate_per_minute=0, concurrency=0)

    async def admit(self, request: web.Request) -> Caller:
        """The caller; 401 without a valid key where one is needed, 429 beyond the rate."""
        header = request.headers.get("Authorization")
        if header is None:
            if self._loopback:
                return self._local
            raise _unauthorized("Send `Authorization: Bearer <key>`; keys are made with `ondol keys create`.")
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unauthorized("The Authorization header must be `Bearer <key>`.")
        caller = await self._find(hash_of(key.strip()))
        if caller is None:
            raise _unauthorized("This key is not known, or it was revoked.")
        self._count(caller)
        return caller

    async def _find(self, digest: bytes) -> Caller | None:
        now = time.monotonic()
        seen = self._known.get(digest)
        if seen is not None and seen[0] > now:
            return seen[1]
        async with self._database.connection() as connection:
            row: Any = await connection.fetchrow(SQL["key_find"], digest)
        caller = None
        if row is not None:
            rate, open_runs = row["rate_limit"], row["concurrency"]
            caller = Caller(
                owner=f"key:{row['id']}",
                rate_per_minute=self._settings.rate_limit if rate is None else rate,
                concurrency=self._settings.concurrency if open_runs is None else open_runs,
            )
        self._known[digest] = (now + REMEMBER_S, caller)
        while len(self._known) > 10_000:
            self._known.popitem(last=False)
        return caller

    def _count(self, caller: Caller) -> None:
        if caller.rate_per_minute <= 0:
            return
        now = time.monotonic()
        bucket = self._buckets.get(caller.owner)
        if bucket is None or bucket.rate * 60.0 != caller.rate_per_minute:
            bucket = self._buckets[caller.owner] = Bucket(caller.rate_per_minute, now)
        wait = bucket.take(now)
        if wait > 0:
            raise ApiProblem(
                429, "rate-limited", f"This key may make {caller.rate_per_minute:g} requests a minute.",
                headers={"Retry-After": str(math.ceil(wait))},
            )  # fmt: skip


def _unauthorized(detail: str) -> ApiProblem:
    return ApiProblem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="ondol"'})
