"""Picks processes from a seed, does something bad to them, and remembers in which order, so that it can be repeated."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

Pids = Callable[[], dict[str, int]]
"""The processes by name as they are right now."""


@dataclass
class Killer:
    """Sends signals to processes chosen by `seed`; `deeds` tells what it did."""

    seed: int
    pids: Pids
    deeds: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def send(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to the process of this name; False when it is gone already."""
        process = self.pids().get(name)
        self.deeds.append(f"{number.name} {name}")
        if process is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(process, number)
            return True
        return False

    def pick(self, names: Sequence[str]) -> str:
        """One of these names."""
        return self._random.choice(sorted(names))

    async def keep_killing(self, names: Sequence[str], every_s: float, number: signal.Signals) -> None:
        """Task: the same to a random one of these, again and again, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            self.send(self.pick(names), number)

    async def in_turn(self, names: Sequence[str], every_s: float, number: signal.Signals) -> None:
        """The same to each of these, one after the other."""
        for name in names:
            self.send(name, number)
            await asyncio.sleep(every_s)
