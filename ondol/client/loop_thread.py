"""An event loop in a thread of its own, by which synchronous code (also in notebooks) runs coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

TICK_S = 0.1


class LoopThread:
    """A loop that runs until the process ends, or until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ondol-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, tick: Callable[[], None] | None = None) -> T:
        """Run a coroutine to its end; call `tick` meanwhile in this thread. An interrupt cancels the coroutine."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while tick is not None and not future.done():
                try:
                    future.result(TICK_S)
                except TimeoutError:  # of this wait, or of the coroutine, which the next lines raise
                    if not future.done():
                        tick()
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """Stop the loop."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        if not self._loop.is_running():
            self._loop.close()
