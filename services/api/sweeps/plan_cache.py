"""Decoded plans of sweeps and walk-forwards, kept in memory while they are read again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Generic, TypeVar

from cachetools import LRUCache

from services.api.sweeps.row import SweepRow

Plan = TypeVar("Plan")


class PlanCache(Generic[Plan]):
    """The last used plans by id; `decode` makes one from the text of its row."""

    def __init__(self, decode: Callable[[str], Plan], size: int) -> None:
        self._decode = decode
        self._plans: LRUCache[uuid.UUID, Plan] = LRUCache(size)

    def add_plan(self, row: SweepRow, plan: Plan) -> None:
        """Keep the plan of a new row."""
        self._plans[row.id] = plan

    async def plan(self, row: SweepRow) -> Plan:
        """Return the plan of a row, decoded in a thread when it is not kept."""
        found = self._plans.get(row.id)
        if found is None:
            found = self._plans[row.id] = await asyncio.to_thread(self._decode, row.plan)
        return found
