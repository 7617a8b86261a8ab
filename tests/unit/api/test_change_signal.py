"""The signal that wakes tasks on a change."""

from __future__ import annotations

import asyncio

from services.api.change_signal import ChangeSignal


async def test_notify_wakes_the_tasks_that_wait_now() -> None:
    signal = ChangeSignal()
    signal.notify_all()  # before the wait: not remembered
    waiting = [asyncio.ensure_future(signal.wait(30)) for _ in range(2)]
    await asyncio.sleep(0)
    assert signal.waiters == 2
    signal.notify_all()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await signal.wait(0.001) is False
    assert signal.waiters == 0
