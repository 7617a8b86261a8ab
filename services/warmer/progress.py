"""How far a run is, told as it goes: counts in the record a few times a second, and the same as a fact on the stream.

The rows are the truth; the fact wakes whoever watches and spares everybody else the asking. One that is lost is made up
by the next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from shared.contracts.events import WarmProgressed
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append

COUNT_S: Final = 0.2
"""Items that end sooner after one another are told together."""

TELL_S: Final = 1.0
"""How long a run waits for a broker that does not take the fact."""


class Clock:
    """Seconds that a phase takes, told in portions: progress is counted a few times a second, not for every item."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def is_due(self) -> bool:
        """Whether the last count is old enough for another one."""
        return time.perf_counter() - self._since > COUNT_S

    def spent(self) -> float:
        """Seconds since the last call."""
        before, self._since = self._since, time.perf_counter()
        return self._since - before


class Teller:
    """Publishes the progress of one attempt at a run."""

    def __init__(self, broker: BrokerClient, run: int, attempt: int) -> None:
        self._broker = broker
        self._run = run
        self._attempt = attempt
        self._sending: set[asyncio.Task[str]] = set()

    async def run(self, status: str) -> None:
        """The run has this status now."""
        await self._tell(WarmProgressed(run_id=self._run, attempt=self._attempt, status=status))

    async def phase(self, place: int, row: Mapping[str, Any] | None, *, ended: bool = False) -> None:
        """A phase of the running run stands as its row says."""
        if row is not None:
            counts = {name: row[name] for name in ("phase", "items", "done", "failed", "fresh", "seconds")}
            told = WarmProgressed(
                run_id=self._run, attempt=self._attempt, status="running", place=place, ended=ended, **counts
            )
            await self._tell(told)

    async def _tell(self, event: WarmProgressed) -> None:
        sending = asyncio.create_task(append(self._broker, event))  # never cut off half-way
        self._sending.add(sending)
        sending.add_done_callback(self._told)
        await asyncio.wait({sending}, timeout=TELL_S)

    def _told(self, sending: asyncio.Task[str]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # a lost broker: the next fact says it all again
