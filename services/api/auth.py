"""Authentication by API keys (stored hashed), roles, and the request rate of each key."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from cachetools import LRUCache

from services.api.errors import ApiProblem
from services.api.http.request_source import ClientAddresses, is_forwarded, is_loopback, is_same_origin
from services.api.keys import Key, KeyTable
from shared.contracts.http import LOCAL, PUBLIC
from shared.errors import SetupError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.messages import Message, say
from shared.settings import Settings

SQL = statements("accounts")
SESSION_COOKIE = "ondol_session"
"""Cookie of the web application: the key itself, which scripts cannot read and other sites cannot send."""
MAX_BUCKETS = 10_000
"""Beyond this number the bucket of the key that was longest without a request is dropped; it begins full again."""
_KEY = re.compile(r"[!-~]{8,128}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The owner of the rows that a request may see, its role and its limits (0: none)."""

    owner: str
    rate_per_minute: float
    concurrency: int
    daily_bytes: int = 0
    """Bytes of results that may be stored on a day in Seoul."""
    role: str = "user"
    key: str | None = None
    """Id of the key; None without one."""


VISITOR = Caller(owner=PUBLIC, rate_per_minute=0, concurrency=0)
"""The caller of a request without a key, where routes admit it."""
ROLES = ("user", "operator", "admin")
"""Roles of keys; each may use the routes of those before it."""


def may_use(caller: Caller, role: str) -> bool:
    """Return whether the role of a caller is `role` or one that includes it."""
    return ROLES.index(caller.role) >= ROLES.index(role)


def hash_of(key: str) -> bytes:
    """Return what is stored of a key; it has 256 random bits, so one round of SHA-256 cannot be reversed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def requires_key(settings: Settings) -> bool:
    """Whether every request to routes that are not public needs a key; raise SetupError where none would be safe."""
    loopback = is_loopback(settings.api_host)
    if settings.require_key == "false" and not loopback:
        raise SetupError(
            f"ONDOL_REQUIRE_KEY=false is not possible with ONDOL_API_HOST={settings.api_host}: every host of the "
            "network could use the API. Leave it out, or listen on 127.0.0.1."
        )
    return settings.require_key == "true" or not loopback


async def check_bind_address(settings: Settings, database: Database) -> None:
    """Raise SetupError when the api would listen beyond loopback and there is no key."""
    requires_key(settings)
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
        self.key_required = requires_key(settings)
        self.keys = KeyTable(database)
        self.addresses = ClientAddresses(settings.trusted_proxies)
        self._buckets: LRUCache[str, TokenBucket] = LRUCache(MAX_BUCKETS)
        self._visitors: LRUCache[str, TokenBucket] = LRUCache(MAX_BUCKETS)
        self._refused: LRUCache[str, TokenBucket] = LRUCache(MAX_BUCKETS)
        self.anonymous = Caller(
            owner=LOCAL, rate_per_minute=0, concurrency=settings.max_open_without_key, role="admin"
        )  # fmt: skip
        """The caller of public routes, and of requests without a key where none is required."""

    async def authenticate(self, request: web.Request, *, admits_visitors: bool = False) -> Caller:
        """Return the caller; raise a 401 without a valid key where one is needed, a 429 beyond the rate.

        `admits_visitors`: a request without any key is a visitor, who reads what is public.
        """
        header = request.headers.get("Authorization")
        if header is None:
            if admits_visitors and not request.cookies.get(SESSION_COOKIE) and not self._is_anonymous(request):
                self._limit_visitors(request)
                return VISITOR
            return await self._authenticate_session(request)
        scheme, _, key = header.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unauthorized(say("key_malformed"))
        caller = await self.caller_of(key.strip(), request)
        if caller is None:
            raise _unauthorized(say("key_unknown"))
        self._limit_rate(caller)
        return caller

    async def caller_of(self, key: str, request: web.Request) -> Caller | None:
        """Return the caller of a key; None: the key is unknown, expired or revoked.

        Raises a 429 to an address that has sent too many of those. No valid key is refused for its neighbours: the
        valid ones are in memory.
        """
        found = None
        if _KEY.fullmatch(key):
            digest = hash_of(key)
            found = await self.keys.find(digest)
            if found is None:
                self._limit_refusals(request)
                found = await self.keys.find_new(digest)
        else:
            self._limit_refusals(request)
        return None if found is None else self._caller(found)

    async def _authenticate_session(self, request: web.Request) -> Caller:
        """Return the caller of the session cookie, or of a request without one where no key is required.

        A request that a proxy has forwarded needs a key: it may come from another machine.
        """
        key = request.cookies.get(SESSION_COOKIE)
        caller = await self.caller_of(key, request) if key else None
        if caller is None:
            if self._is_anonymous(request):
                return self.anonymous
            raise _unauthorized(say("key_unknown" if key else "key_missing"))
        if not is_same_origin(request):
            raise _unauthorized(say("cross_site"))
        self._limit_rate(caller)
        return caller

    def _is_anonymous(self, request: web.Request) -> bool:
        """Return whether a request without a key belongs to the owner `local`."""
        return not self.key_required and not is_forwarded(request)

    def charge(self, caller: Caller, requests: int) -> None:
        """Count an expensive request as so many more requests of its key."""
        bucket = self._buckets.get(caller.owner)
        if bucket is not None and caller.rate_per_minute > 0:
            bucket.charge(requests)

    def _caller(self, key: Key) -> Caller:
        self.keys.used[key.id] = dt.datetime.now(dt.UTC)
        rate, concurrency = key.rate_limit, key.concurrency
        return Caller(
            owner=f"key:{key.id}", role=key.role, key=key.id,
            rate_per_minute=self._settings.rate_limit_per_minute if rate is None else rate,
            concurrency=self._settings.max_open_backtests if concurrency is None else concurrency,
            daily_bytes=self._settings.daily_result_bytes if key.daily_bytes is None else key.daily_bytes,
        )  # fmt: skip

    def _limit_rate(self, caller: Caller) -> None:
        wait_s = _take(self._buckets, caller.owner, caller.rate_per_minute)
        if wait_s > 0:
            raise ApiProblem(
                429, "rate-limited", say("rate_limited", limit=caller.rate_per_minute),
                headers={"Retry-After": str(math.ceil(wait_s))},
            )  # fmt: skip

    def _limit_visitors(self, request: web.Request) -> None:
        """Count a request without a key of an address; raise a 429 beyond the rate of a key."""
        limit = self._settings.rate_limit_per_minute
        wait_s = _take(self._visitors, self.addresses.address_of(request), limit)
        if wait_s > 0:
            raise ApiProblem(
                429, "rate-limited", say("rate_limited", limit=limit), headers={"Retry-After": str(math.ceil(wait_s))}
            )

    def _limit_refusals(self, request: web.Request) -> None:
        """Count a refused key of an address; raise a 429 beyond the limit."""
        limit = self._settings.refused_keys_per_minute
        wait_s = _take(self._refused, self.addresses.address_of(request), limit)
        if wait_s > 0:
            raise ApiProblem(
                429, "rate-limited", say("too_many_refused_keys", limit=limit),
                headers={"Retry-After": str(math.ceil(wait_s))},
            )  # fmt: skip


def _take(buckets: LRUCache[str, TokenBucket], name: str, rate: float) -> float:
    """Take a token of a name; return the seconds until there is one, 0 when there was one or without a limit."""
    if rate <= 0:
        return 0.0
    now = time.monotonic()
    bucket: Any = buckets.get(name)
    if bucket is None or bucket.rate != rate:
        bucket = buckets[name] = TokenBucket(rate, now)
    wait_s: float = bucket.take(now)
    return wait_s


def _unauthorized(detail: Message) -> ApiProblem:
    return ApiProblem(401, "unauthorized", detail, headers={"WWW-Authenticate": 'Bearer realm="ondol"'})
