"""Malformed, incomplete and slow requests over real sockets."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import orjson
import pytest
import pytest_asyncio
from aiohttp import web

from services.api.errors import RETRY_AFTER, problem_middleware
from services.api.http.protocol import MAX_HEADER_BYTES, MAX_HEADERS, MAX_LINE_BYTES, StrictRunner
from services.api.http.request import read_body
from services.api.http.retry_after import RetryAfterEstimator
from services.api.http.streaming import in_slices
from services.api.http.unsent import UnsentBytes

HEAD_S = BODY_S = 0.3
MAX_WAIT_S = 30.0
UNSENT_S = 0.4
LARGE_BYTES = 16 << 20
UNSENT_BYTES = 3 * LARGE_BYTES
LONG_ENOUGH_S = 4 * HEAD_S
JSON = b"Host: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /short HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST /body HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass
class Served:
    """A small application behind a `StrictRunner`."""

    port: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    """Releases long answers."""
    unsent: UnsentBytes = field(default_factory=lambda: UnsentBytes(UNSENT_BYTES, UNSENT_S))
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a route without a body timeout has begun to read."""

    async def short(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text="short")

    async def large(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(LARGE_BYTES))

    async def sliced(self, request: web.Request) -> web.StreamResponse:
        return await in_slices(request, web.Response(body=bytes(LARGE_BYTES), headers={"X-Kind": "sliced"}))

    async def long(self, request: web.Request) -> web.StreamResponse:
        await self.release.wait()
        return web.Response(text="long")

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": begun\n\n")
        await self.release.wait()
        await response.write(b"data: end\n\n")
        return response

    async def body(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=await read_body(request, 1000, timeout_s=BODY_S))

    async def patient(self, request: web.Request) -> web.StreamResponse:
        self.reading.set()
        return web.Response(body=await read_body(request, 1000))

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(Served()) as found:
        yield found


@asynccontextmanager
async def serving(found: Served) -> AsyncIterator[Served]:
    """Serve the application."""
    app = web.Application(middlewares=[problem_middleware])
    app[RETRY_AFTER] = RetryAfterEstimator()
    for name in ("short", "large", "sliced", "long", "stream"):
        app.router.add_get(f"/{name}", getattr(found, name))
    for name in ("body", "patient"):
        app.router.add_post(f"/{name}", getattr(found, name))
    runner = StrictRunner(app, shutdown_timeout=1, head_timeout_s=HEAD_S, unsent=found.unsent)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.port = runner.addresses[0][1]
    yield found
    found.release.set()
    await runner.cleanup()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(MAX_WAIT_S):
        while not holds():  # noqa: ASYNC110 - the server sets no event
            await asyncio.sleep(0.01)


def received(reader: socket.socket) -> int:
    """Bytes that arrive until the connection ends or the answer is complete."""
    reader.settimeout(MAX_WAIT_S)
    size = 0
    with suppress(OSError):
        while size < LARGE_BYTES and (piece := reader.recv(1 << 20)):
            size += len(piece)
    return size


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
    """Status, media type and body of the next answer."""
    async with asyncio.timeout(MAX_WAIT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"Content-Length: (\d+)", head)
        kind = re.search(r"Content-Type: ([^\r;]+)", head)
        assert length is not None
        assert kind is not None
        return int(head.split()[1]), kind[1], await reader.readexactly(int(length[1]))


async def refused(reader: asyncio.StreamReader, status: int, word: str) -> str:
    """The detail of the problem document that is answered before the connection ends."""
    found, kind, body = await answer_of(reader)
    problem = orjson.loads(body)
    assert (found, kind, problem["status"]) == (status, "application/problem+json", status), problem
    assert set(problem) == {"type", "title", "status", "detail", "errors", "code", "params"}
    assert problem["type"] == f"urn:ondol:problem:{word}"
    async with asyncio.timeout(MAX_WAIT_S):
        assert await reader.read() == b""
    return str(problem["detail"])


MALFORMED = {
    "no method": (b"NONSENSE\r\n\r\n", 400, "malformed-request", "Invalid method"),
    "another version": (b"GET /short HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, "malformed-request", "HTTP version"),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "malformed-request", "HTTP/2"),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed-request", "http://"),
    "no host": (b"GET /short HTTP/1.1\r\n\r\n", 400, "malformed-request", "Host"),
    "no path": (b"GET http://[x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed-request", "no path"),
    "bad header": (b"GET /short HTTP/1.1\r\nHost: localhost\r\nA\x00B: c\r\n\r\n", 400, "malformed-request", "header"),
    "bad length": (
        b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        400,
        "malformed-request",
        "Length",
    ),
    "long line": (
        b"GET /" + b"x" * MAX_LINE_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        414,
        "head-too-large",
        "line",
    ),
    "long header": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * (MAX_HEADER_BYTES + 9),
        431,
        "head-too-large",
        "header",
    ),
    "many headers": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * (MAX_HEADERS + 5),
        431,
        "head-too-large",
        "headers",
    ),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_bytes_get_a_problem_document(
    served: Served, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    sent, status, word, hint = MALFORMED[name]
    async with served.connected() as (reader, writer):
        writer.write(sent)
        detail = await refused(reader, status, word)
        assert hint in detail
        assert "NONSENSE" not in detail
        assert not caplog.records


@pytest.mark.parametrize("half", [b"G", b"GET /sho", b"GET /short HTTP/1.1\r\nHost: localhost\r\nX-A: b"])
async def test_half_a_request_times_out(served: Served, half: bytes) -> None:
    async with served.connected() as (reader, writer):
        writer.write(half)
        assert "0.3 seconds" in await refused(reader, 408, "head-too-slow")


async def test_slow_bytes_do_not_extend_the_timeout(served: Served) -> None:
    async with served.connected() as (reader, writer):
        writer.write(b"GET /short HTTP/1.1\r\nHost: localhost\r\nX: ")
        ending = asyncio.ensure_future(refused(reader, 408, "head-too-slow"))
        drops = 0
        while not ending.done():
            if not writer.transport.is_closing():
                writer.write(b"x")
            await asyncio.wait({ending}, timeout=HEAD_S / 10)
            drops += 1
        with suppress(ConnectionResetError):  # by the kernel, when a byte arrives after the server has closed
            await ending
        assert drops > 3


async def test_half_a_second_request_times_out(served: Served) -> None:
    async with served.connected() as (reader, writer):
        writer.write(GET)
        assert (await answer_of(reader))[0] == 200
        writer.write(GET[:9])
        await refused(reader, 408, "head-too-slow")


@pytest.mark.parametrize("apart", [False, True])
async def test_half_a_request_after_a_whole_one_times_out(served: Served, apart: bool) -> None:
    async with served.connected() as (reader, writer):
        request = GET.replace(b"/short", b"/long")
        writer.write(request if apart else request + GET[:9])
        await asyncio.sleep(0)
        if apart:
            writer.write(GET[:9])
        served.release.set()
        assert (await answer_of(reader))[2] == b"long"
        await refused(reader, 408, "head-too-slow")


async def test_requests_of_one_chunk_are_all_answered(served: Served) -> None:
    async with served.connected() as (reader, writer):
        writer.write(GET + GET[:9])
        assert (await answer_of(reader))[2] == b"short"
        writer.write(GET[9:])
        assert (await answer_of(reader))[2] == b"short"
        idle = asyncio.ensure_future(reader.read(1))
        await asyncio.wait({idle}, timeout=LONG_ENOUGH_S)
        assert not idle.done()
        idle.cancel()


async def test_reader_that_receives_nothing_is_disconnected(served: Served) -> None:
    reader = socket.create_connection(("127.0.0.1", served.port))
    try:
        reader.sendall(GET.replace(b"/short", b"/large"))
        await until(lambda: served.unsent.total > 0)
        assert served.unsent.total <= LARGE_BYTES
        await until(lambda: served.unsent.total == 0)
        assert received(reader) < LARGE_BYTES
    finally:
        reader.close()


async def test_unsent_bytes_are_bounded_in_total() -> None:
    async with serving(Served(unsent=UnsentBytes(UNSENT_BYTES, MAX_WAIT_S))) as served:
        readers = []
        try:
            for _ in range(8):
                readers.append(socket.create_connection(("127.0.0.1", served.port)))
                readers[-1].sendall(GET.replace(b"/short", b"/large"))
                await asyncio.to_thread(readers[-1].recv, 1, socket.MSG_PEEK)
                assert served.unsent.total <= UNSENT_BYTES
            sizes = await asyncio.to_thread(lambda: [received(reader) for reader in readers[:-1]])
        finally:
            for reader in readers:
                reader.close()
    assert [size < LARGE_BYTES for size in sizes[:4]] == [True] * 4
    assert sizes[-1] > LARGE_BYTES


async def test_answers_above_the_limit_reach_a_reader_in_slices() -> None:
    async with serving(Served(unsent=UnsentBytes(LARGE_BYTES // 4, MAX_WAIT_S))) as served:
        for path, whole in ((b"/sliced", True), (b"/large", False)):
            reader = socket.create_connection(("127.0.0.1", served.port))
            try:
                reader.sendall(GET.replace(b"/short", path))
                size = await asyncio.to_thread(received, reader)
            finally:
                reader.close()
            assert (size >= LARGE_BYTES) == whole


@pytest.mark.parametrize("between", [b"", b"\r\n"])
async def test_idle_connection_stays_open(served: Served, between: bytes) -> None:
    async with served.connected() as (reader, writer):
        for _ in range(2):
            writer.write(between)
            idle = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
            await asyncio.wait({idle}, timeout=LONG_ENOUGH_S)
            assert not idle.done()
            writer.write(GET)
            async with asyncio.timeout(MAX_WAIT_S):
                assert (await idle).startswith(b"HTTP/1.1 200 ")
                assert await reader.readexactly(5) == b"short"


@pytest.mark.parametrize("path", ["/long", "/stream"])
async def test_long_answer_is_not_cut(served: Served, path: str) -> None:
    async with served.connected() as (reader, writer):
        writer.write(GET.replace(b"/short", path.encode()))
        reading = asyncio.ensure_future(reader.readuntil(b"long" if path == "/long" else b"data: end\n\n"))
        await asyncio.wait({reading}, timeout=LONG_ENOUGH_S)
        assert not reading.done()
        served.release.set()
        async with asyncio.timeout(MAX_WAIT_S):
            assert (await reading).startswith(b"HTTP/1.1 200 ")


async def test_body_has_its_own_timeout(served: Served) -> None:
    async with served.connected() as (reader, writer):
        writer.write(b"POST /patient HTTP/1.1\r\n" + JSON + b"Content-Length: 4\r\n\r\nab")
        reading = asyncio.ensure_future(answer_of(reader))
        await asyncio.wait({reading}, timeout=LONG_ENOUGH_S)
        assert not reading.done()
        writer.write(b"cd")
        assert (await reading)[2] == b"abcd"


async def test_slow_body_times_out(served: Served) -> None:
    async with served.connected() as (reader, writer):
        writer.write(b"POST /body HTTP/1.1\r\n" + JSON + b"Content-Length: 900\r\n\r\n")
        reading = asyncio.ensure_future(answer_of(reader))
        while not reading.done():
            writer.write(b"x")
            await asyncio.wait({reading}, timeout=BODY_S / 10)
        status, kind, body = await reading
        assert (status, kind) == (408, "application/problem+json")
        assert orjson.loads(body)["type"] == "urn:ondol:problem:body-too-slow"
