"""What keeps supervision going: reports that cannot fail, tasks that must not end, processes that must respond."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

SERVER_UNRESPONSIVE_S = 31.0
"""A server that has not answered for so long is killed and started again."""
FORK_SERVER_UNRESPONSIVE_S = 20.0

failures: list[str] = []
"""Supervising tasks of this process that have ended; the process stops after the first."""


def report(line: str) -> None:
    """Write a line to standard error; it is lost when that cannot be written, for example on a full disk."""
    with suppress(OSError, ValueError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def must_run(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task that supervises something; if it ends without being cancelled, log why and stop this process."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_ended)
    return task


@asynccontextmanager
async def watched(*tasks: asyncio.Task[None]) -> AsyncIterator[None]:
    """Cancel supervising tasks at the end of the block."""
    try:
        yield
    finally:
        await end(*tasks)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks until they have ended.

    A cancellation that arrives as a connection is made can be lost in `asyncio.wait_for` of Python 3.11, and a task
    that loops then goes on.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)


def _ended(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    reason = "it returned" if error is None else f"{type(error).__name__}: {error}"
    failures.append(f"The supervision of {task.get_name()} ended ({reason}).")
    report(f"{failures[-1]} The system stops.")
    if error is not None:
        report("".join(traceback.format_exception(error)).rstrip())
    os.kill(os.getpid(), signal.SIGTERM)


class Supervised(Protocol):
    """A process that is started again when it ends."""

    name: str

    @property
    def process(self) -> Running | None:
        """The process that runs."""


class Running(Protocol):
    """A started process."""

    @property
    def returncode(self) -> int | None:
        """Exit code; None while the process runs."""

    def kill(self) -> None:
        """Kill the process."""


async def kill_unresponsive(
    supervised: Supervised,
    responds: Callable[[], Awaitable[bool]],
    on_event: Callable[[str, str], None],
    *,
    every_s: float,
    after_s: float,
) -> None:
    """Task: kill a process that has not responded to several checks in `after_s`; its supervision starts it again."""
    loop = asyncio.get_running_loop()
    responded_at, misses, process = loop.time(), 0, supervised.process
    while True:
        await asyncio.sleep(every_s)
        if supervised.process is not process or await responds():
            responded_at, misses, process = loop.time(), 0, supervised.process
            continue
        misses += 1  # this process may have been stopped as well: time alone says nothing
        late = misses >= 3 and loop.time() - responded_at > after_s
        if late and process is not None and process.returncode is None:
            on_event(supervised.name, f"has not responded for {after_s:.0f} s and is killed")
            with suppress(ProcessLookupError):
                process.kill()
            responded_at, misses = loop.time(), 0
