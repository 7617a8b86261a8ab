"""Publish the progress of a warm run: counts in its rows a few times a second, and the same as an event.

The rows are authoritative; events let subscribers wait without polling. A lost event is corrected by the next one.
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
"""Items that end within this time of each other are counted together."""

PUBLISH_S: Final = 1.0
"""How long a run waits for a broker that does not accept an event."""


class PhaseTimer:
    """Measures the seconds between the counts of a phase."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    def is_due(self) -> bool:
        """Return whether `COUNT_S` has passed since the last count."""
        return time.perf_counter() - self._since > COUNT_S

    def spent(self) -> float:
        """Return the seconds since the last call."""
        before, self._since = self._since, time.perf_counter()
        return self._since - before


class ProgressPublisher:
    """Publishes the progress of one attempt of a run."""

    def __init__(self, broker: BrokerClient, run: int, attempt: int) -> None:
        self._broker = broker
        self._run = run
        self._attempt = attempt
        self._sending: set[asyncio.Task[str]] = set()

    async def run(self, status: str) -> None:
        """Publish the status of the run."""
        await self._publish(WarmProgressed(run_id=self._run, attempt=self._attempt, status=status))

    async def phase(self, position: int, row: Mapping[str, Any] | None, *, ended: bool = False) -> None:
        """Publish the counts of a phase of the running run; does nothing without a row."""
        if row is not None:
            counts = {name: row[name] for name in ("phase", "items", "done", "failed", "seconds")}
            await self._publish(
                WarmProgressed(
                    run_id=self._run, attempt=self._attempt, status="running", place=position, ended=ended,
                    fresh=row["computed"], **counts,
                )
            )  # fmt: skip

    async def _publish(self, event: WarmProgressed) -> None:
        sending = asyncio.create_task(append(self._broker, event))  # a cancelled append may have been sent
        self._sending.add(sending)
        sending.add_done_callback(self._sent)
        await asyncio.wait({sending}, timeout=PUBLISH_S)

    def _sent(self, sending: asyncio.Task[str]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled():
            sending.exception()  # a lost broker: the next event contains the same counts
