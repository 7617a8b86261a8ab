"""A process that has imported everything and forks simulators on demand, for many of them on one machine.

A fork begins in a tenth of the time of a new interpreter and shares the memory of what was imported. Orders come as
lines of JSON over one socket, and so does what became of them:

    {"name": "simulator-1", "log": "/path", "environment": {...}}    ->  {"born": 4711}
    {"signal": 15, "process": 4711}
                                                                         {"ended": 4711, "code": 0}

The process has one thread, and nothing but this loop runs in it. When the other side hangs up, or this process dies,
its children are killed: they belong to it as servers belong to their supervisor.
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


def next_child(orders: socket.socket) -> Mapping[str, str] | None:
    """Fork a child for each order. Returns in each child, with its environment; in the parent when nobody orders."""
    living: set[int] = set()
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    lines = _Lines(orders)
    while True:
        ready, _, _ = select.select([orders.fileno(), woken], [], [])
        if woken in ready:
            with suppress(BlockingIOError):
                os.read(woken, 4096)
            for process, code in _ended(living):
                _tell(orders, ended=process, code=code)
        if orders.fileno() not in ready:
            continue
        for order in lines.arrived():
            if "signal" in order:
                if order["process"] in living:  # not reaped yet: the number is still its own
                    os.kill(order["process"], order["signal"])
                continue
            parent = os.getpid()
            born = os.fork()
            if not born:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _settle(order["name"], order["log"], parent)
                for fd in (woken, waker):
                    os.close(fd)
                orders.close()
                return {str(name): str(value) for name, value in order["environment"].items()}
            living.add(born)
            _tell(orders, born=born)
        if lines.over:
            return None


class _Lines:
    """What arrives on a socket, line by line."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._rest = b""
        self.over = False

    def arrived(self) -> Iterator[dict[str, Any]]:
        received = self._source.recv(1 << 16)
        self.over = not received
        *lines, self._rest = (self._rest + received).split(b"\n")
        yield from map(orjson.loads, lines)


def _ended(living: set[int]) -> Iterator[tuple[int, int]]:
    for process in sorted(living):
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            living.discard(process)
            yield process, os.waitstatus_to_exitcode(status)


def _tell(orders: socket.socket, **what: int) -> None:
    with suppress(OSError):  # nobody listens: the next read says so
        orders.sendall(orjson.dumps(what) + b"\n")


def _settle(name: str, log: str, parent: int) -> None:
    """A session, a name and a log of its own; it ends with its parent."""
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died in between
        os._exit(1)
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(nothing, 0)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.close(nothing)
    os.close(written)
