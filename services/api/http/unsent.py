"""Bytes of answers that clients have not received yet: bounded in total, and each of their connections in time.

A connection is counted while its write buffer is above `HIGH_WATER_BYTES`. It is disconnected when it sends nothing for
`UNSENT_TIMEOUT_S`, and when all counted ones together exceed the limit and it has waited the longest.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from shared.infra import metrics

HIGH_WATER_BYTES = 16 * 1024
UNSENT_TIMEOUT_S = 20.0

Reason = Literal["timeout", "limit"]


@dataclass(slots=True)
class _Held:
    size: int
    timer: asyncio.TimerHandle


class UnsentBytes:
    """The connections of one server whose clients are slower than their answers; used in its event loop only."""

    def __init__(self, limit_bytes: int, timeout_s: float = UNSENT_TIMEOUT_S) -> None:
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._held: dict[asyncio.Transport, _Held] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Bytes of the counted connections, each as it was last measured."""
        return self._total

    def add(self, transport: asyncio.Transport) -> None:
        """Count a connection whose write buffer is above the high-water mark; disconnect others above the limit."""
        self._held[transport] = _Held(0, self._start_timer(transport))
        self._measure(transport)
        while self._total > self._limit_bytes:
            longest = next(iter(self._held))
            self._measure(longest)
            if self._total > self._limit_bytes:
                self._disconnect(longest, "limit")

    def remove(self, transport: asyncio.Transport) -> None:
        """Count a connection no more: its buffer is below the low-water mark, or it has ended."""
        held = self._held.pop(transport, None)
        if held is not None:
            held.timer.cancel()
            self._change(-held.size)

    def _start_timer(self, transport: asyncio.Transport) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._timeout_s, self._time_out, transport)

    def _measure(self, transport: asyncio.Transport) -> None:
        held, size = self._held[transport], transport.get_write_buffer_size()
        self._change(size - held.size)
        held.size = size

    def _change(self, by: int) -> None:
        self._total += by
        metrics.UNSENT_BYTES.set(self._total)

    def _time_out(self, transport: asyncio.Transport) -> None:
        held = self._held[transport]
        before = held.size
        self._measure(transport)
        if held.size < before:
            held.timer = self._start_timer(transport)
        else:
            self._disconnect(transport, "timeout")

    def _disconnect(self, transport: asyncio.Transport, reason: Reason) -> None:
        self.remove(transport)
        metrics.SLOW_CLIENTS.labels(reason).inc()
        transport.abort()
