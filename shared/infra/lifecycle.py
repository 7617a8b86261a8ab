"""Process lifecycle: stop signals, and a heartbeat thread that computation cannot starve."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Generic, TypeVar

from shared.infra.metrics import HEARTBEAT_FAILURES

Resource = TypeVar("Resource")


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """Yield an event that SIGTERM and SIGINT set; the handlers are removed at the end."""
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
    """Raised inside a TaskGroup when the process received a stop signal."""


async def until(stop: asyncio.Event) -> None:
    """Task that ends its TaskGroup once `stop` is set: `except* StopRequested: pass` around the group."""
    await stop.wait()
    raise StopRequested


class Heartbeat(Generic[Resource]):
    """A thread with its own event loop that calls `renew` every `interval_s`, whatever the main loop is doing.

    `open_resource` is entered first in that loop; it opens the connections that `renew` receives and closes them at
    the end. When either raises one of `lost`, `ondol_heartbeat_failures` counts it, and after the next interval the
    resource is opened again. Any other error ends the thread and is raised at the exit.
    """

    def __init__(
        self,
        open_resource: Callable[[], AbstractAsyncContextManager[Resource]],
        renew: Callable[[Resource], Awaitable[None]],
        *,
        interval_s: float,
        lost: tuple[type[BaseException], ...],
    ) -> None:
        self._open = open_resource
        self._renew = renew
        self._interval_s = interval_s
        self._lost = lost
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Heartbeat[Resource]:
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
        """Whether the thread is running."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._renew_until_stopped())
        except BaseException as error:  # noqa: BLE001 - raised at the exit
            self._error = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _renew_until_stopped(self) -> None:
        while not self._stop.is_set():
            try:
                async with self._open() as resource:
                    while not self._stop.is_set():
                        await self._renew(resource)
                        await self._pause()
            except self._lost:
                HEARTBEAT_FAILURES.inc()
                await self._pause()

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), timeout=self._interval_s)
