"""HTTP client of the load generator: persistent connections, prepared requests, unparsed bodies."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Response:
    """A response: status, body, and seconds from the first byte sent to the last one received."""

    status: int
    body: bytes
    seconds: float


class Connection:
    """A persistent HTTP/1.1 loopback connection, opened at the first request."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes) -> Response:
        """Send a request and read the whole response."""
        begin = time.perf_counter()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int(await reader.readline(), 16):
                parts.append(await reader.readexactly(size))
                await reader.readexactly(2)
            await reader.readexactly(2)
            body = b"".join(parts)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return Response(int(lines[0].split()[1]), body, time.perf_counter() - begin)

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def request_bytes(method: str, path: str, body: Any = None, **headers: str) -> bytes:
    """Return an HTTP/1.1 request; `_` in the names of headers stands for `-`."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(content)}"]
    if content:
        lines.append("Content-Type: application/json")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + content


@dataclass
class Load:
    """Latencies and statuses of a burst of requests."""

    seconds: float = 0.0
    client_cpu_s: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    received: int = 0
    last: bytes = b""

    def add(self, more: Load) -> None:
        """Add the figures of another burst."""
        self.seconds += more.seconds
        self.client_cpu_s += more.client_cpu_s
        self.latencies += more.latencies
        for status, count in more.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + count
        self.received += more.received
        self.last = more.last


async def drive(port: int, requests: Sequence[bytes], users: int, deadline_s: float = 1e9) -> Load:
    """Send the requests over `users` connections until all are sent or `deadline_s` has passed."""
    load, left = Load(), iter(requests)
    connections = [Connection(port) for _ in range(users)]
    begin, cpu = time.perf_counter(), time.process_time()

    async def user(connection: Connection) -> None:
        for request in left:
            response = await connection.send(request)
            load.latencies.append(response.seconds)
            load.statuses[response.status] = load.statuses.get(response.status, 0) + 1
            load.received += len(response.body)
            load.last = response.body
            if time.perf_counter() - begin > deadline_s:
                return

    await asyncio.gather(*(user(connection) for connection in connections))
    load.seconds, load.client_cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    for connection in connections:
        connection.close()
    return load
