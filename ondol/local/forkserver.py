"""Simulators forked from one process with all modules imported (services/simulator/forkserver.py)."""

from __future__ import annotations

import asyncio
import errno
import json
import pathlib
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress

from ondol.local import processes
from ondol.local.supervision import end

MODULE, WORD = "services.simulator", "--forkserver"
PING_S = 2.0
MAX_WAIT_S = 5.0
"""Longest time that a fork waits for a restarting fork server."""


class Forked:
    """A child of the fork server with the interface of `processes.Child`."""

    def __init__(self, pid: int, fork_server: ForkServer) -> None:
        self.pid = pid
        self._fork_server = fork_server
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs."""
        return self._code.result() if self._code.done() else None

    async def wait(self) -> int:
        """Wait until the process ends."""
        return await asyncio.shield(self._code)

    def send_signal(self, number: int) -> None:
        """Send a signal unless the process has ended."""
        if not self._code.done():
            with suppress(BrokenPipeError):  # a closed connection without a code: the process was killed
                self._fork_server.order({"signal": int(number), "process": self.pid})

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def ended(self, code: int) -> None:
        """Record the exit code that the fork server reported."""
        if not self._code.done():
            self._code.set_result(code)


class ForkServer:
    """Parent of all simulators of a system; it is restarted when it exits, and its children end with it."""

    def __init__(self, environment: Mapping[str, str], folder: pathlib.Path, log: pathlib.Path) -> None:
        self._environment = environment
        self._folder = folder
        self._log = log
        self._connected = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._pending: deque[asyncio.Future[Forked]] = deque()
        self._children: dict[int, Forked] = {}
        self._answered = asyncio.Event()

    async def start(self) -> processes.Child:
        """Start the fork server process."""
        await self._close()
        mine, other = socket.socketpair()
        with other, self._log.open("ab") as log:
            process = await processes.start(
                [sys.executable, "-m", MODULE, WORD], environment=self._environment, log=log,
                folder=str(self._folder), source=other.fileno(),
            )  # fmt: skip
        reader, self._writer = await asyncio.open_connection(sock=mine)
        self._reading = asyncio.create_task(self._read(reader))
        self._connected.set()
        return process

    async def fork(self, name: str, environment: Mapping[str, str], log: pathlib.Path) -> Forked:
        """Fork a child that logs to the absolute path `log`; raise OSError when the fork server is unavailable."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), MAX_WAIT_S)
        pending: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._pending.append(pending)
        try:
            self.order({"name": name, "log": str(log), "environment": dict(environment)})
        except OSError:
            self._pending.remove(pending)
            raise
        try:
            return await pending
        except asyncio.CancelledError:
            if not pending.cancelled() and pending.done() and pending.exception() is None:
                pending.result().kill()  # the fork completed while the call was cancelled
            raise

    def order(self, what: dict[str, object]) -> None:
        """Send a command; raise OSError when the fork server has exited."""
        if self._writer is None or self._writer.is_closing():
            raise BrokenPipeError(errno.EPIPE, "the fork server has exited")
        self._writer.write(json.dumps(what).encode() + b"\n")

    async def responds(self) -> bool:
        """Return whether the fork server answers within `PING_S`; it does not while it is stopped or hangs."""
        self._answered.clear()
        try:
            self.order({"ping": True})
            await asyncio.wait_for(self._answered.wait(), PING_S)
        except (OSError, TimeoutError):
            return False
        return True

    async def close(self) -> None:
        """Close the connection; the fork server and its children end."""
        await self._close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if "pong" in message:
                    self._answered.set()
                elif "started" in message:
                    child = Forked(message["started"], self)
                    self._children[child.pid] = child
                    pending = self._pending.popleft()
                    if pending.cancelled():
                        child.kill()
                    else:
                        pending.set_result(child)
                else:
                    self._children.pop(message["ended"]).ended(message["code"])
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._mark_killed()

    async def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._reading is not None:
            await end(self._reading)
            self._reading = None

    def _mark_killed(self) -> None:
        """Mark all children as killed: they end with the fork server."""
        self._connected.clear()
        if self._writer is not None:
            self._writer.close()
        while self._pending:
            pending = self._pending.popleft()
            if not pending.done():
                pending.set_exception(BrokenPipeError(errno.EPIPE, "the fork server has exited"))
        while self._children:
            self._children.popitem()[1].ended(-signal.SIGKILL)
