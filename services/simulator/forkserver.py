"""Fork server: a process that has imported the simulator and forks simulators of one machine on request.

A fork starts in a tenth of the time of a new interpreter and shares the imported pages (docs/adr/0004); the start of
several simulators under load needs it to meet its target. The standard library's forkserver has no signals, logs or
environments of its own per child. Requests and events are lines of JSON on one socket:

    {"name": "simulator-1", "log": "/path", "environment": {...}}    ->  {"started": 4711}
    {"signal": 15, "process": 4711}
    {"ping": true}                                           ->  {"pong": 1}
                                                                         {"ended": 4711, "code": 0}

The process has one thread, which runs this loop. Children receive SIGKILL when this process exits (PR_SET_PDEATHSIG);
it exits when the other side closes the socket.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None, use_errno=True)


def serve(requests: socket.socket) -> Mapping[str, str] | None:
    """Fork a child for each request. Return in each child its environment; in the parent None at the end."""
    running: set[int] = set()
    wake_reader, wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    lines = _Lines(requests)
    while True:
        ready, _, _ = select.select([requests.fileno(), wake_reader], [], [])
        if wake_reader in ready:
            with suppress(BlockingIOError):
                os.read(wake_reader, 4096)
            for process, code in _ended(running):
                _publish(requests, ended=process, code=code)
        if requests.fileno() not in ready:
            continue
        for request in lines.received():
            if "ping" in request:
                _publish(requests, pong=1)
                continue
            if "signal" in request:
                if request["process"] in running:  # not reaped yet: its pid cannot have been reused
                    os.kill(request["process"], request["signal"])
                continue
            parent = os.getpid()
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _set_up_child(request["name"], request["log"], parent)
                for fd in (wake_reader, wake_writer):
                    os.close(fd)
                requests.close()
                return {str(name): str(value) for name, value in request["environment"].items()}
            running.add(child)
            _publish(requests, started=child)
        if lines.over:
            return None


class _Lines:
    """Splits the bytes of a socket into lines of JSON."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._rest = b""
        self.over = False

    def received(self) -> Iterator[dict[str, Any]]:
        data = self._source.recv(1 << 16)
        self.over = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        yield from map(orjson.loads, lines)


def _ended(running: set[int]) -> Iterator[tuple[int, int]]:
    for process in sorted(running):
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            running.discard(process)
            yield process, os.waitstatus_to_exitcode(status)


def _publish(requests: socket.socket, **event: int) -> None:
    with suppress(OSError):  # closed: the next read returns no data
        requests.sendall(orjson.dumps(event) + b"\n")


def _set_up_child(name: str, log: str, parent: int) -> None:
    """Give the child its own session, name and log, and let it end with its parent."""
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the prctl
        os._exit(1)
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    log_fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(null, 0)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    os.close(null)
    os.close(log_fd)
