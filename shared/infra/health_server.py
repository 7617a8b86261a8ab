"""The HTTP server of the services without an API: /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from shared.errors import SetupError

Check = Callable[[], Awaitable[bool]]
_JSON = "application/json"


@asynccontextmanager
async def health_server(
    host: str, port: int, checks: Mapping[str, Check], exposition: Callable[[], bytes]
) -> AsyncIterator[int]:
    """Serve until the block ends; yield the port (a free one when `port` is 0).

    The bodies are those of the API: /healthz is 200 while the process runs; /readyz lists each of the `checks` under
    `dependencies` and is 503 when one fails.
    SetupError when the port is in use.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                status, kind, body = await _respond(head.split(b"\r\n", 1)[0].split(b" "), checks, exposition)
                fields = [f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", "", ""]
                writer.write("\r\n".join([f"HTTP/1.1 {status}", *fields]).encode())
                writer.write(body)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    try:
        server = await asyncio.start_server(serve, host, port, limit=16 * 1024)
    except OSError as error:
        raise SetupError(
            f"{host}:{port} cannot be bound ({error.strerror}); choose another ONDOL_METRICS_PORT."
        ) from error
    async with server:
        yield int(server.sockets[0].getsockname()[1])


async def _respond(
    request: list[bytes], checks: Mapping[str, Check], exposition: Callable[[], bytes]
) -> tuple[str, str, bytes]:
    method, path = (request[0], request[1].split(b"?")[0]) if len(request) == 3 else (b"", b"")
    if method not in {b"GET", b"HEAD"}:
        return "405 Method Not Allowed", _JSON, b"{}"
    if path == b"/healthz":
        return "200 OK", _JSON, b'{"status":"ok"}'
    if path == b"/metrics":
        return "200 OK", CONTENT_TYPE_LATEST, await asyncio.to_thread(exposition)  # some hundredths of a second
    if path == b"/readyz":
        dependencies = {name: await check() for name, check in checks.items()}
        ready = all(dependencies.values())
        body = orjson.dumps({"status": "ready" if ready else "not_ready", "dependencies": dependencies})
        return "200 OK" if ready else "503 Service Unavailable", _JSON, body
    return "404 Not Found", _JSON, b"{}"
