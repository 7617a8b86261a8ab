"""The warmer as a user: the public HTTP interface, asked with patience and without special rights."""

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

PATIENCE_S: Final = 600.0
"""How long one backtest may take before it counts as failed."""

_AGAIN: Final = frozenset({429, 502, 503, 504})
_POLL_S: Final = 0.2

SILENCE_S: Final = 30.0
"""An event stream that says nothing for so long, not even a comment, is lost; it is resumed."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a request ended: `error` None and a document, or what went wrong in one sentence."""

    document: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    cached: bool = False
    seconds: float = 0.0

    @property
    def result(self) -> dict[str, Any]:
        """The result of a completed backtest, empty otherwise."""
        return self.document.get("result") or {}

    @property
    def lacks_data(self) -> bool:
        """It failed because the loaded data have no value for something that it needs."""
        return self.error is not None and problem_in(self.document).get("kind") in ("factor_absent", "benchmark_absent")

    def refuses(self, path: str) -> bool:
        """A part of the request was refused or could not be had."""
        mistakes = problem_in(self.document).get("errors") or ()
        return self.error is not None and any(mistake.get("path") == path for mistake in mistakes)

    def chunks(self) -> tuple[int, int]:
        """(hits, misses) of the chunks that a backtest read: a hit came from a mapped panel or the cache."""
        tiers: Mapping[str, int] = (self.result.get("cache") or {}).get("by_tier") or {}
        hits = sum(count for tier, count in tiers.items() if tier in ("t1", "t2"))
        return hits, sum(tiers.values()) - hits


class Client:
    """`origin` says who asks, for the metrics; `key` is needed where the API asks for one."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, origin: str, key: str | None = None) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {ORIGIN_HEADER: origin} | ({"Authorization": f"Bearer {key}"} if key else {})

    async def backtest(self, body: Mapping[str, Any], *, no_store: bool = False) -> Answer:
        """Ask for a backtest and wait for its end; every refusal and failure comes back as an Answer with `error`."""
        began = time.perf_counter()
        deadline = began + PATIENCE_S
        headers = {"Prefer": "wait=30"} | ({"Cache-Control": "no-store"} if no_store else {})
        status, document = await self.call("POST", "/v1/backtests", body=body, headers=headers, deadline=deadline)
        while status in (200, 202) and document.get("status") in ("queued", "preparing", "running"):
            if time.perf_counter() > deadline:
                return Answer(document=document, error=f"did not end within {PATIENCE_S:.0f} s")
            await asyncio.sleep(_POLL_S)
            status, document = await self.call("GET", f"/v1/backtests/{document['id']}", deadline=deadline)
        seconds = time.perf_counter() - began
        if status != 200 or document.get("status") != "completed":
            return Answer(document=document, error=reason_of(document, status), seconds=seconds)
        return Answer(document=document, cached=bool(document.get("cached")), seconds=seconds)

    async def get(self, path: str, **query: str | int) -> Answer:
        """Any other question: the document, or the reason why there is none."""
        began = time.perf_counter()
        status, document = await self.call("GET", path, query=query, deadline=began + 60)
        seconds = time.perf_counter() - began
        if status != 200:
            return Answer(document=document, error=reason_of(document, status), seconds=seconds)
        return Answer(document=document, seconds=seconds)

    async def events(self, path: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """(kind, data) of server-sent events until the stream ends by itself; a lost one is resumed where it was.

        OndolError when the API refuses it, UnavailableError when it stays away.
        """
        seen: dict[str, str] = {}
        deadline = time.perf_counter() + PATIENCE_S
        while True:
            try:
                async with self._session.get(
                    self._url + path, headers=self._headers | seen,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=SILENCE_S),
                ) as answer:  # fmt: skip
                    if answer.status == 200:
                        async for name, kind, data in _events(answer.content):
                            seen = {"Last-Event-ID": name}
                            deadline = time.perf_counter() + PATIENCE_S
                            yield kind, data
                        return
                    said = reason_of(_document(await answer.read()), answer.status)
                    if answer.status not in _AGAIN:
                        raise OndolError(said)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                said = str(error) or type(error).__name__
            if time.perf_counter() > deadline:
                raise UnavailableError(f"The API at {self._url} cannot be used ({said}).")
            await asyncio.sleep(0.3)

    async def call(
        self, method: str, path: str, *, deadline: float, body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str | int] | None = None,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        """(status, document); asks again while the API is away or busy, UnavailableError after `deadline`."""
        data = None if body is None else orjson.dumps(body)
        sent = {**self._headers, **(headers or {})} | ({"Content-Type": "application/json"} if data else {})
        said = "no answer"
        while True:
            pause = 0.3
            try:
                async with self._session.request(
                    method, self._url + path, data=data, headers=sent, params=query,
                    timeout=aiohttp.ClientTimeout(total=60),
                ) as answer:  # fmt: skip
                    content = await answer.read()
                    document = _document(content)
                    if answer.status not in _AGAIN:
                        return answer.status, document
                    said = reason_of(document, answer.status)
                    after = answer.headers.get("Retry-After", "")
                    pause = min(float(after), 10.0) if after.isdigit() else pause
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                said = str(error) or type(error).__name__
            if time.perf_counter() + pause > deadline:
                raise UnavailableError(f"The API at {self._url} cannot be used ({said}).")
            await asyncio.sleep(pause)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
    """(id, kind, data) of each event; comments are skipped."""
    rest = b""
    async for piece in content.iter_any():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            event = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            if "data" in event:
                yield event.get("id", ""), event.get("event", ""), orjson.loads(event["data"])


def _document(content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {"items": found}


def problem_in(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The problem of a backtest that failed; a refusal is the problem itself."""
    problem = document.get("error")
    return problem if isinstance(problem, Mapping) else document


def reason_of(document: Mapping[str, Any], status: int) -> str:
    """What a problem document, or a backtest that failed, says in one sentence."""
    problem = problem_in(document)
    detail = str(problem.get("detail") or problem.get("title") or "")
    told = detail.split("; ")
    messages = [str(mistake.get("message")) for mistake in problem.get("errors") or () if isinstance(mistake, Mapping)]
    told += [message for message in messages if message not in detail]
    sentences = [part for part in dict.fromkeys(told) if part]
    return "; ".join(sentences) or f"{document.get('status') or 'HTTP'} ({status})"
