"""Encoded events of finished backtests, since many readers follow the same run."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache

from services.api.backtests.result_reader import read_blocks
from services.api.backtests.results import Results
from services.api.http.sse import event_bytes
from shared.settings import MIB

BLOCK = 250
"""Maximum number of equity points in one event, and of trades in one write."""
CACHE_BYTES = 16 * MIB


@dataclass
class Position:
    """How far a reader is: the date of its last equity point and the number of trades it has received."""

    date: str = ""
    trades: int = 0

    def __str__(self) -> str:
        return f"{self.date or '-'}.{self.trades}"


@dataclass(frozen=True, kw_only=True, slots=True)
class EquityBlock:
    """An encoded event of equity points: the first date, the position behind it, the event."""

    first: str
    position: Position
    event: bytes


class FinishedEvents:
    """The encoded events of one result."""

    def __init__(self, result: bytes) -> None:
        self.points: list[dict[str, Any]] = [point for block in read_blocks(result, "equity") for point in block]
        last = self.points[-1]["date"] if self.points else ""
        self.blocks = []
        for start in range(0, len(self.points), BLOCK):
            points = self.points[start : start + BLOCK]
            position = Position(points[-1]["date"], 0)
            data = {"status": "completed", "progress": 1.0, "equity": points}
            event = event_bytes(position, "progress", data)
            self.blocks.append(EquityBlock(first=points[0]["date"], position=position, event=event))
        trades = (trade for block in read_blocks(result, "trades") for trade in block)
        self.trades = [event_bytes(Position(last, count), "trade", trade) for count, trade in enumerate(trades, 1)]
        self.size = sum(map(len, self.trades)) + sum(len(block.event) for block in self.blocks)


class EventCache:
    """Events of the most recently followed results, `budget` bytes of them; each is encoded once at a time."""

    def __init__(self, results: Results, budget: int = CACHE_BYTES) -> None:
        self._results = results
        self._cached: LRUCache[uuid.UUID, FinishedEvents] = LRUCache(budget, getsizeof=lambda events: events.size)
        self._encoding: dict[uuid.UUID, asyncio.Task[FinishedEvents]] = {}

    async def get(self, computation: uuid.UUID) -> FinishedEvents:
        """Return the events of a completed computation; UnavailableError when its result cannot be read now."""
        cached = self._cached.get(computation)
        if cached is not None:
            return cached
        task = self._encoding.get(computation)
        if task is None:
            task = self._encoding[computation] = asyncio.ensure_future(self._encode(computation))
            task.add_done_callback(lambda _: self._encoding.pop(computation, None))
        return await asyncio.shield(task)

    async def _encode(self, computation: uuid.UUID) -> FinishedEvents:
        events = await asyncio.to_thread(FinishedEvents, await self._results.require(computation))
        if events.size <= self._cached.maxsize:
            self._cached[computation] = events
        return events
