"""A proxy that can delay, stall, close and reset connections."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[], Awaitable[Streams]]

_CHUNK = 65_536


class Proxy:
    """Forwards bytes between client and server.

    `delay_s` is added to every block; while `held` no byte passes and no connection is closed (a stopped server, an
    unplugged cable); while `refusing` new connections are closed at once.
    """

    def __init__(self, connect: Open) -> None:
        self._connect = connect
        self._links: set[asyncio.StreamWriter] = set()
        self._callers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self.delay_s = 0.0
        self.refusing = False
        self.connections = 0

    def hold(self) -> None:
        """Stall all connections until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Forward the stalled bytes and continue."""
        self._open.set()

    def leave_held(self) -> None:
        """Forward bytes of new connections; existing ones remain stalled."""
        self._open = asyncio.Event()
        self._open.set()

    def cut(self) -> int:
        """Close every connection with FIN and return their number."""
        links = list(self._links)
        for writer in links:
            writer.close()
        return len(links)

    def hang_up(self) -> None:
        """Send EOF to every client without reading or closing: half-closed connections."""
        for writer in self._callers:
            writer.write_eof()

    def reset(self) -> int:
        """Close every connection with a TCP reset (RST), like the kernel of a crashed peer."""
        for writer in list(self._links):
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return self.cut()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect to the server and forward bytes both ways until either side closes."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._links.add(writer)
        self._callers.add(writer)
        other: asyncio.StreamWriter | None = None
        gate = self._open
        try:
            if self.refusing:
                return
            await gate.wait()
            back, other = await self._connect()
            self._links.add(other)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, other, gate))
                group.create_task(self._pass(back, writer, gate))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            return
        finally:
            self._callers.discard(writer)
            for one in (writer, other):
                if one is not None:
                    self._links.discard(one)
                    one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        while block := await reader.read(_CHUNK):
            await gate.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            writer.write(block)
            await writer.drain()
        raise ConnectionResetError("this side closed")  # ends the other direction too

    async def end(self) -> None:
        """Close all connections and wait for their end."""
        self._open.set()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def tcp_proxy(host: str, port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """Run a proxy on a loopback port in front of a TCP server."""
    proxy = Proxy(lambda: asyncio.open_connection(host, port))
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    try:
        yield proxy, int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await proxy.end()


@asynccontextmanager
async def unix_proxy(path: str, at: str) -> AsyncIterator[Proxy]:
    """Run a proxy on the unix socket `at` in front of the one at `path`."""
    proxy = Proxy(lambda: asyncio.open_unix_connection(path))
    server = await asyncio.start_unix_server(proxy.accept, at)
    try:
        yield proxy
    finally:
        server.close()
        with suppress(OSError):
            await proxy.end()
