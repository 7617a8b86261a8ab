"""Send signals to processes chosen by a seed, and log them in order so that a run can be repeated."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

Pids = Callable[[], dict[str, int]]
"""Returns the current process ids by name."""


@dataclass
class ChaosAgent:
    """Sends signals to processes chosen by `seed`; `actions` is the log."""

    seed: int
    pids: Pids
    actions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a process by name; return False when it has ended."""
        process = self.pids().get(name)
        self.actions.append(f"{number.name} {name}")
        if process is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(process, number)
            return True
        return False

    def pick(self, names: Sequence[str]) -> str:
        """Return a random name."""
        return self._random.choice(sorted(names))

    async def signal_repeatedly(self, names: Sequence[str], every_s: float, number: signal.Signals) -> None:
        """Signal a random process every `every_s` seconds until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.send(self.pick(names), number)

    async def signal_in_turn(self, names: Sequence[str], every_s: float, number: signal.Signals) -> None:
        """Signal each process in turn."""
        for name in names:
            self.send(name, number)
            await asyncio.sleep(every_s)
