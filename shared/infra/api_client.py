"""A client of the public HTTP API with retries, and the parser of its server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson

from shared.contracts.http import ORIGIN_HEADER
from shared.errors import OndolError, UnavailableError

TIMEOUT_S: Final = 600.0
"""How long one backtest may take before it counts as failed."""

_RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})
_RETRY_S: Final = 0.3
_MAX_RETRY_S: Final = 10.0
_POLL_S: Final = 0.2

SILENCE_S: Final = 30.0
"""An event stream without data or comments for this long is lost; it is resumed."""

LACKING: Final = ("factor_absent", "benchmark_absent")
"""Kinds and codes of problems whose remedy is to load more data."""


@dataclass(frozen=True, kw_only=True)
class ApiResponse:
    """The document of a response; `error` is None, or the reason of the failure in one sentence."""

    document: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    cached: bool = False
    seconds: float = 0.0

    @property
    def result(self) -> dict[str, Any]:
        """The result of a completed backtest, else empty."""
        return self.document.get("result") or {}

    @property
    def lacks_data(self) -> bool:
        """Return whether it failed only because the loaded data lack a factor or a benchmark that it reads."""
        problem = problem_in(self.document)
        codes = [problem.get("kind")] if "kind" in problem else [e.get("code") for e in problem.get("errors") or ()]
        return self.error is not None and bool(codes) and all(code in LACKING for code in codes)

    def rejects(self, path: str) -> bool:
        """Return whether it failed with a problem at this path of the request."""
        problems = problem_in(self.document).get("errors") or ()
        return self.error is not None and any(problem.get("path") == path for problem in problems)

    def chunks(self) -> tuple[int, int]:
        """Return (hits, misses) of the chunks of a backtest; a hit came from a mapped panel or the cache."""
        tiers: Mapping[str, int] = (self.result.get("cache") or {}).get("by_tier") or {}
        hits = sum(count for tier, count in tiers.items() if tier in ("t1", "t2"))
        return hits, sum(tiers.values()) - hits


@dataclass(frozen=True, kw_only=True)
class ServerEvent:
    """A server-sent event; `id` resumes the stream after it."""

    id: str
    kind: str
    data: dict[str, Any]

    def line(self) -> str:
        """Return the event as one line of JSON."""
        return orjson.dumps({"id": self.id, "event": self.kind, "data": self.data}).decode() + "\n"


async def parse_events(content: aiohttp.StreamReader) -> AsyncIterator[ServerEvent]:
    """Yield the events of a `text/event-stream` body; comments are skipped."""
    rest = b""
    async for piece in content.iter_any():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            lines = (line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            found = {line[0]: line[1] for line in lines if len(line) == 2}
            if "data" in found:
                data = orjson.loads(found["data"])
                yield ServerEvent(id=found.get("id", ""), kind=found.get("event", "message"), data=data)


class ApiClient:
    """A client of one API. `origin` is the origin of its requests in metrics; `key` authenticates them."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, origin: str, key: str | None = None) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {ORIGIN_HEADER: origin} | ({"Authorization": f"Bearer {key}"} if key else {})

    async def backtest(self, body: Mapping[str, Any], *, no_store: bool = False) -> ApiResponse:
        """Submit a backtest and wait for its end; a rejected or failed one is returned with an `error`."""
        began = time.perf_counter()
        deadline = began + TIMEOUT_S
        headers = {"Prefer": "wait=30"} | ({"Cache-Control": "no-store"} if no_store else {})
        status, document = await self.call("POST", "/v1/backtests", body=body, headers=headers, deadline=deadline)
        while status in (200, 202) and document.get("status") in ("queued", "preparing", "running"):
            if time.perf_counter() > deadline:
                return ApiResponse(document=document, error=f"did not end within {TIMEOUT_S:.0f} s")
            await asyncio.sleep(_POLL_S)
            status, document = await self.call("GET", f"/v1/backtests/{document['id']}", deadline=deadline)
        seconds = time.perf_counter() - began
        if status != 200 or document.get("status") != "completed":
            return ApiResponse(document=document, error=reason_of(document, status), seconds=seconds)
        return ApiResponse(document=document, cached=bool(document.get("cached")), seconds=seconds)

    async def get(self, path: str, **query: str | int) -> ApiResponse:
        """Send a GET request; a rejected one is returned with an `error`."""
        began = time.perf_counter()
        status, document = await self.call("GET", path, query=query, deadline=began + 60)
        seconds = time.perf_counter() - began
        if status != 200:
            return ApiResponse(document=document, error=reason_of(document, status), seconds=seconds)
        return ApiResponse(document=document, seconds=seconds)

    async def events(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Yield (kind, data) of server-sent events until the stream ends; a lost stream is resumed.

        Raises OndolError when the API rejects the request, UnavailableError when it stays unavailable.
        """
        resume: dict[str, str] = {}
        deadline = time.perf_counter() + TIMEOUT_S
        while True:
            try:
                async with self._session.get(
                    self._url + path, headers=self._headers | resume,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S),
                ) as response:  # fmt: skip
                    if response.status == 200:
                        async for event in parse_events(response.content):
                            resume = {"Last-Event-ID": event.id}
                            deadline = time.perf_counter() + TIMEOUT_S
                            yield event.kind, event.data
                        return
                    reason = reason_of(_document(await response.read()), response.status)
                    if response.status not in _RETRY_STATUSES:
                        raise OndolError(reason)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
            if time.perf_counter() > deadline:
                raise UnavailableError(f"The API at {self._url} is not available ({reason}).")
            await asyncio.sleep(_RETRY_S)

    async def call(
        self, method: str, path: str, *, deadline: float, body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str | int] | None = None,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        """Return (status, document); retry while the API is unavailable or busy, UnavailableError after `deadline`."""
        data = None if body is None else orjson.dumps(body)
        sent = {**self._headers, **(headers or {})} | ({"Content-Type": "application/json"} if data else {})
        reason = "no response"
        while True:
            pause = _RETRY_S
            try:
                async with self._session.request(
                    method, self._url + path, data=data, headers=sent, params=query,
                    timeout=aiohttp.ClientTimeout(total=60),
                ) as response:  # fmt: skip
                    content = await response.read()
                    document = _document(content)
                    if response.status not in _RETRY_STATUSES:
                        return response.status, document
                    reason = reason_of(document, response.status)
                    after = response.headers.get("Retry-After", "")
                    pause = min(float(after), _MAX_RETRY_S) if after.isdigit() else pause
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                reason = str(error) or type(error).__name__
            if time.perf_counter() + pause > deadline:
                raise UnavailableError(f"The API at {self._url} is not available ({reason}).")
            await asyncio.sleep(pause)


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {"items": found}


def problem_in(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the problem of a failed backtest; a rejected request is the problem document itself."""
    problem = document.get("error")
    return problem if isinstance(problem, Mapping) else document


def reason_of(document: Mapping[str, Any], status: int) -> str:
    """Return the reason in a problem document, or in a failed backtest, as one sentence."""
    problem = problem_in(document)
    detail = str(problem.get("detail") or problem.get("title") or "")
    parts = detail.split("; ")
    messages = [str(error.get("message")) for error in problem.get("errors") or () if isinstance(error, Mapping)]
    parts += [message for message in messages if message not in detail]
    sentences = [part for part in dict.fromkeys(parts) if part]
    return "; ".join(sentences) or f"{document.get('status') or 'HTTP'} ({status})"
