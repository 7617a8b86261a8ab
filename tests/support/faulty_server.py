"""A local HTTP server whose responses a test scripts: busy, slow, cut in the middle; and a clock without waiting."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.infra.api_client.retry import Clock, RetryPolicy

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FakeTime:
    """A clock that sleeping moves on; `slept` has the pauses in seconds."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    def policy(self, **changes: float) -> RetryPolicy:
        """Return a policy on this clock, without chance."""
        clock = Clock(
            now=lambda: self.seconds,
            sleep=self._sleep,
            random=lambda: 1.0,
            utc=lambda: dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC),
        )
        return RetryPolicy(clock=clock, **changes)


@dataclass
class Script:
    """Answers by method and path, one for each request; the last one is repeated."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    url: str = ""

    def on(self, route: str, *answers: Answer) -> None:
        """Answer requests of `METHOD /path` with these, in order."""
        self.answers[route] = list(answers)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request with the next answer of its route."""
        self.requests.append(request)
        self.bodies.append(await request.read())
        left = self.answers[f"{request.method} {request.path}"]
        return await (left.pop(0) if len(left) > 1 else left[0])(request)


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    """Serve a script on a free loopback port."""
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.handle)
    async with TestServer(app) as server:
        script.url = str(server.make_url("")).rstrip("/")
        yield script


def document(value: Any, status: int = 200, **headers: str) -> Answer:
    """Answer with a JSON document; header names are written with underscores."""

    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.Response(status=status, body=orjson.dumps(value), content_type="application/json", headers=named)

    return answer


def busy(status: int = 503, **headers: str) -> Answer:
    """Answer with a problem document that says: later."""
    return document({"title": "Later", "detail": "try again", "status": status}, status, **headers)


def half(kind: str, content: bytes) -> Answer:
    """Send a part of a chunked body and cut the connection."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        await response.write(content)
        assert request.transport is not None
        request.transport.close()
        return response

    return answer


def stream(content: bytes) -> Answer:
    """Send an event stream and end it properly."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=content, content_type="text/event-stream")

    return answer


def cut() -> Answer:
    """Cut the connection before an answer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    return answer


def silent() -> Answer:
    """Send nothing, until the reader gives up."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    return answer
