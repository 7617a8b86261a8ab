"""A condition without a lock, for tasks of one event loop that wait until something changes."""

from __future__ import annotations

import asyncio


class ChangeSignal:
    """Wakes every task that waits; a change before the wait is not remembered."""

    __slots__ = ("_event", "waiters")

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.waiters = 0
        """Number of tasks that wait."""

    def notify_all(self) -> None:
        """Wake the tasks that wait now."""
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a change, at most `timeout_s`; return whether there was one."""
        event = self._event
        self.waiters += 1
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return False
        finally:
            self.waiters -= 1
        return True
