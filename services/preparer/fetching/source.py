"""HTTP to one source: pace, quota, retries, refusal of redirects and block pages; a key is in no message."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import aiohttp

from services.preparer.fetching.quota import Limits, Quota
from shared.infra import metrics
from shared.market_files.answers import (
    AnswerError,
    BlockedError,
    DamagedAnswerError,
    NotApprovedError,
    QuotaExceededError,
    refuse_page,
)

Parsed = TypeVar("Parsed")
TRIES: Final = 3
TIMEOUT_S: Final = 60.0
MAX_BYTES: Final = 64 * 1024 * 1024
CONCURRENCY: Final = 4
"""Calls of one source that may be in flight at once; their starts follow the pace."""

Sleep = Callable[[float], Awaitable[None]]


class SourceUnavailableError(AnswerError):
    """A source that does not answer, or answers with an error of its own, several times in a row."""


@dataclass(kw_only=True)
class Clock:
    """The time and how to wait; tests replace both."""

    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)
    sleep: Sleep = asyncio.sleep


@dataclass(kw_only=True)
class Source:
    """A source: its base URL, headers and query with the key (`secrets` are the values that no message contains)."""

    name: str
    title: str
    url: str
    limits: Limits
    quota: Quota
    session: aiohttp.ClientSession
    clock: Clock
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    calls: int = 0
    _next: float = field(default=0.0, repr=False)

    def error(self, kind: type[AnswerError], what: str, reason: str) -> AnswerError:
        """Return an error that names the source and the API; the key is replaced wherever a source repeats it."""
        text = f"{self.title}, {what}: {reason}"
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return kind(text)

    async def get(
        self, path: str, params: Mapping[str, str], parse: Callable[[bytes], Parsed], *,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[bytes, Parsed]:  # fmt: skip
        """Return the body of an answer and what `parse` makes of it.

        A damaged answer, an error 5xx and a lost connection are retried; everything else raises the AnswerError that
        says what to do. Every attempt counts as a call.
        """
        data, parsed, _ = await self.request("GET", path, parse, params=params, headers=headers)
        return data, parsed

    async def request(
        self, method: str, path: str, parse: Callable[[bytes], Parsed], *, params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None,
    ) -> tuple[bytes, Parsed, Mapping[str, str]]:  # fmt: skip
        """Send a request and return (body, parsed, headers of the answer); see `get`."""
        reason = ""
        kind: type[AnswerError] = SourceUnavailableError
        for attempt in range(TRIES):
            if attempt:
                await self.clock.sleep(2.0**attempt)
            await self._take_turn(path)
            outcome = "failed"
            try:
                status, data, answered = await self._send(method, path, params or {}, headers or {}, body)
                if status >= 500:
                    reason, kind = f"the answer is an error of the source (HTTP {status})", SourceUnavailableError
                    continue
                self._refuse_status(path, status, data)
                refuse_page(data)
                parsed = parse(data)
                outcome = "answered"
                return data, parsed, answered
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                kind = SourceUnavailableError
                reason = f"no answer ({type(error).__name__})"  # the text of these errors can hold the URL and its key
            except DamagedAnswerError as error:
                reason, kind = str(error), DamagedAnswerError
            except QuotaExceededError as error:
                outcome = "refused"
                self.quota.exhaust(self.name, self.limits.daily_calls)
                raise self.error(QuotaExceededError, path, str(error)) from None
            except AnswerError as error:
                outcome = "refused"
                raise self.error(type(error), path, str(error)) from None
            finally:
                metrics.FETCH_CALLS.labels(self.name, outcome).inc()
        raise self.error(kind, path, f"{reason}, {TRIES} times; run the command again later")

    async def _take_turn(self, path: str) -> None:
        """Count the call, and wait for its time."""
        try:
            self.quota.count(self.name, self.limits.daily_calls)
        except QuotaExceededError as error:
            raise self.error(QuotaExceededError, path, str(error)) from None
        self.calls += 1
        now = asyncio.get_running_loop().time()
        start = max(now, self._next)
        self._next = start + self.limits.pace_s
        if start > now:
            await self.clock.sleep(start - now)

    async def _send(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str],
        body: Mapping[str, str] | None,
    ) -> tuple[int, bytes, Mapping[str, str]]:  # fmt: skip
        async with self.session.request(
            method, f"{self.url}/{path}", params={**self.query, **params}, headers={**self.headers, **headers},
            json=body, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        ) as response:  # fmt: skip
            if (response.content_length or 0) > MAX_BYTES:
                raise AnswerError(f"the answer has {response.content_length:,} bytes, more than can be expected")
            return response.status, await response.read(), response.headers

    def _refuse_status(self, path: str, status: int, data: bytes) -> None:
        if status == 200:
            return
        if 300 <= status < 400:
            raise BlockedError(
                f"the answer is a redirect (HTTP {status}), which is not followed because it could carry the key to "
                "another address; check the base URL in the settings"
            )
        if status == 429:
            raise QuotaExceededError("the source allows no more calls (HTTP 429); run the command again tomorrow")
        if status == 401:
            raise NotApprovedError(
                f"the key is not approved for {path} (HTTP 401): apply for this service on the page of the source, or "
                "check the key"
            )
        refuse_page(data)
        raise AnswerError(f"the source refuses the call (HTTP {status}); check the base URL and the key")
