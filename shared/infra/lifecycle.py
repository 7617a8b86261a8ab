"""How a process starts, beats and stops: signals, and a heartbeat that computing cannot starve."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType

Beat = Callable[[], Awaitable[None]]
Open = Callable[[], AbstractAsyncContextManager[Beat]]


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; the handlers are taken off at the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class StopRequested(Exception):  # noqa: N818 - the ordinary end of a TaskGroup, not an error
    """Raised inside a TaskGroup when the process was asked to stop."""


async def until(stop: asyncio.Event) -> None:
    """Task that ends its TaskGroup once `stop` is set: `except* StopRequested: pass` around the group."""
    await stop.wait()
    raise StopRequested


class Heartbeat:
    """A thread with an event loop of its own that calls `beat` every `interval_s`, whatever the main loop is doing.

    `open_beat` is entered first in that loop: it opens the connections that `beat` uses and closes them at the end.
    A beat that raises one of `lost` is counted in `failures`; at the next interval everything is opened anew and tried
    again. Any other error ends the thread and is raised at the exit.
    """

    def __init__(self, open_beat: Open, *, interval_s: float, lost: tuple[type[BaseException], ...]) -> None:
        self._open = open_beat
        self._interval_s = interval_s
        self._lost = lost
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._error: BaseException | None = None
        self.failures = 0

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._loop.is_closed():
            with suppress(RuntimeError):  # the thread may close its loop between the two lines
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=5)
        if self._error is not None and error is None:
            raise self._error

    @property
    def alive(self) -> bool:
        """The thread still beats."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._beats())
        except BaseException as error:  # noqa: BLE001 - handed to the owner at the exit
            self._error = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _beats(self) -> None:
        while not self._stop.is_set():
            try:
                async with self._open() as beat:
                    while not self._stop.is_set():
                        await beat()
                        await self._pause()
            except self._lost:
                self.failures += 1
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), timeout=self._interval_s)
