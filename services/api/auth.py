"""Authentication by API keys (stored hashed), and the request rate of each key."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from cachetools import LRUCache, TTLCache

from services.api.errors import ApiProblem
from shared.contracts.http import LOCAL
from shared.errors import SetupError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.messages import Message, say
from shared.settings import Settings

SQL = statements("accounts")
SESSION_COOKIE = "ondol_session"
"""Cookie of the web application: the key itself, which scripts cannot read and other sites cannot send."""
KEY_TTL_S = 5.0
"""Time for which the answer to a key is cached; a revoked key works at most this much longer."""
MAX_CACHED_KEYS = 10_000
MAX_BUCKETS = 10_000
"""Beyond this number the bucket of the key that was longest without a request is dropped; it begins full again."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The owner of the rows that a request may see, and its limits (0: none)."""

    owner: str
    rate_per_minute: float
    concurrency: int


def hash_of(key: str) -> bytes:
    """Return what is stored of a key; it has 256 random bits, so one round of SHA-256 cannot be reversed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def is_same_origin(request: web.Request) -> bool:
    """Whether a request that a browser sends with the session cookie comes from a page of this server.

    A browser that does not send `Sec-Fetch-Site` sends `Origin` with every request that changes something.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin" or (site == "none" and request.method in ("GET", "HEAD"))
    origin = request.headers.get("Origin")
    if origin is None:
        return request.method in ("GET", "HEAD")
    return origin.partition("://")[2] == request.host


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on the host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


async def check_bind_address(settings: Settings, database: Database) -> None:
    """Raise SetupError when the api would listen beyond loopback and there is no key."""
    if is_loopback(settings.api_host):
        return
    async with database.connection() as connection:
        keys = await connection.fetchval(SQL["count_keys"])
    if not keys:
        raise SetupError(
            f"The api does not listen on {settings.api_host} without keys: every host of the network could use it. "
            "Create one with `ondol keys create NAME`, or listen on 127.0.0.1."
        )


class TokenBucket:
    """Admits `rate` requests a minute, in bursts of a tenth of that (of 20 where a minute allows as many)."""

    __slots__ = ("_refilled_at", "_size", "_tokens", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._size = max(1.0, min(rate, max(20.0, rate / 10.0)))
        self._tokens = self._size
        self._refilled_at = now

    def take(self, now: float) -> float:
        """Take a token; return 0, or without a token the seconds until there is one."""
        a_second = self.rate / 60.0
        self._tokens = min(self._size, self._tokens + (now - self._refilled_at) * a_second)
        self._refilled_at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / a_second

    def charge(self, tokens: float) -> None:
        """Take further tokens for a request that was admitted; what is missing is refilled before the next one."""
        self._tokens -= tokens


class Authenticator:
    """Finds callers by their keys and limits their request rates."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._loopback = is_loopback(settings.api_host)
        self._callers: TTLCache[bytes, Caller | None] = TTLCache(MAX_CACHED_KEYS, KEY_TTL_S, timer=time.monotonic)
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(MAX_BUCKETS)
        self.anonymous = Caller(owner=LOCAL, rate_per_minute=0, concurrency=0)
        """The caller of public routes, and of every request without a key on a loopback address."""

    async def authenticate(self, request: web.Request) -> Caller:
        """Return the caller; raise a 401 without a valid key where one is needed, a 429 beyond the rate."""
        header = request.headers.get("Authorization")
        if header is None:
            return await self._authenticate_session(request)
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unauthorized(say("key_malformed"))
        caller = await self.caller_of(key.strip())
        if caller is None:
            raise _unauthorized(say("key_unknown"))
        self._limit_rate(caller)
        return caller

    async def caller_of(self, key: str) -> Caller | None:
        """Return the caller of a key; None: the key is unknown or revoked."""
        digest = hash_of(key)
        try:
            return self._callers[digest]
        except KeyError:
            caller = self._callers[digest] = await self._find(digest)
            return caller

    async def _authenticate_session(self, request: web.Request) -> Caller:
        """Return the caller of the session cookie; without a valid one a loopback address needs no key."""
        key = request.cookies.get(SESSION_COOKIE)
        caller = await self.caller_of(key) if key else None
        if caller is None:
            if self._loopback:
                return self.anonymous
            raise _unauthorized(say("key_unknown" if key else "key_missing"))
        if not is_same_origin(request):
            raise _unauthorized(say("cross_site"))
        self._limit_rate(caller)
        return caller

    def charge(self, caller: Caller, requests: int) -> None:
        """Count an expensive request as so many more requests of its key."""
        bucket = self._buckets.get(caller.owner)
        if bucket is not None and caller.rate_per_minute > 0:
            bucket.charge(requests)

    async def _find(self, digest: bytes) -> Caller | None:
        async with self._database.connection() as connection:
            row: Any = await connection.fetchrow(SQL["find_key"], digest)
        if row is None:
            return None
        rate, concurrency = row["rate_limit"], row["concurrency"]
        return Caller(
            owner=f"key:{row['id']}",
            rate_per_minute=self._settings.rate_limit_per_minute if rate is None else rate,
            concurrency=self._settings.max_open_backtests if concurrency is None else concurrency,
        )

    def _limit_rate(self, caller: Caller) -> None:
        if caller.rate_per_minute <= 0:
            return
        now = time.monotonic()
        bucket = self._buckets.get(caller.owner)
        if bucket is None or bucket.rate != caller.rate_per_minute:
            bucket = self._buckets[caller.owner] = TokenBucket(caller.rate_per_minute, now)
        wait_s = bucket.take(now)
        if wait_s > 0:
            raise ApiProblem(
                429, "rate-limited", say("rate_limited", limit=caller.rate_per_minute),
                headers={"Retry-After": str(math.ceil(wait_s))},
            )  # fmt: skip


def _unauthorized(detail: Message) -> ApiProblem:
    return ApiProblem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="ondol"'})
