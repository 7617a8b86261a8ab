"""Wakes the readers of a sweep when a message says that it has changed."""

from __future__ import annotations

from services.api.change_signal import ChangeSignal


class SweepSignals:
    """Signals by sweep; one exists while a task waits in it."""

    def __init__(self) -> None:
        self._by_sweep: dict[str, ChangeSignal] = {}

    def notify(self, sweep: str) -> None:
        """Wake the tasks that wait for a sweep."""
        signal = self._by_sweep.get(sweep)
        if signal is not None:
            signal.notify_all()

    async def wait(self, sweep: str, timeout_s: float) -> bool:
        """Wait for a change of a sweep, at most `timeout_s`; return whether there was one."""
        signal = self._by_sweep.setdefault(sweep, ChangeSignal())
        try:
            return await signal.wait(timeout_s)
        finally:
            if not signal.waiters:
                self._by_sweep.pop(sweep, None)
