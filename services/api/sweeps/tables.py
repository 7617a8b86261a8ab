"""Plans and tables of sweeps: read from PostgreSQL part by part, kept in memory while they are read again."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache

from services.api.sweeps.plan_cache import PlanCache
from services.api.sweeps.row import SQL, Content, SweepRow
from shared.contracts.research import READ_PARTS
from shared.infra.database.pool import Database
from shared.research.ledger.trials import WeeklyReturns
from shared.research.sweeps.columns import SweepTable, extended, table_of
from shared.research.sweeps.part import PartTable, unpack
from shared.research.sweeps.plan import SweepPlan, decode_plan
from shared.research.sweeps.trial_statistics import TrialSums, trial_statistics
from shared.settings import MIB

CACHED_PLANS = 64
TABLE_BYTES = 64 * MIB


@dataclass(frozen=True)
class _Read:
    """What has been read of a sweep: the parts that had ended, and their rows."""

    ended: int
    table: SweepTable

    @property
    def bytes(self) -> int:
        """Return the size of the arrays."""
        return int(self.table.figures.nbytes + self.table.points.nbytes + self.table.variants.nbytes) + 1


class Sweeps(PlanCache[SweepPlan]):
    """Plans and tables by sweep."""

    def __init__(self, database: Database) -> None:
        super().__init__(decode_plan, CACHED_PLANS)
        self._database = database
        self._tables: LRUCache[Content, _Read] = LRUCache(TABLE_BYTES, getsizeof=lambda read: read.bytes)
        self._statistics: LRUCache[Content, dict[str, Any] | None] = LRUCache(CACHED_PLANS)
        self._returns: LRUCache[Content, WeeklyReturns | None] = LRUCache(CACHED_PLANS)
        self._locks: dict[uuid.UUID, asyncio.Lock] = {}

    async def table(self, row: SweepRow) -> SweepTable:
        """Return the rows of the parts that have ended."""
        plan = await self.plan(row)
        lock = self._locks.setdefault(row.id, asyncio.Lock())
        async with lock:
            read = self._tables.get(row.content) or _Read(0, table_of(plan, []))
            if read.ended < row.parts_done:
                read = await self._read_new(row, read)
                if read.bytes <= TABLE_BYTES:
                    self._tables[row.content] = read
        if not lock.locked():
            self._locks.pop(row.id, None)
        return read.table

    async def statistics(self, row: SweepRow, table: SweepTable) -> dict[str, Any] | None:
        """Return the statistics of the trials of an ended sweep; None while it runs and without weekly returns.

        The parts are read in the order of their variants, so that sums have the same last bits each time.
        """
        best = table.best(1)
        if not row.has_ended or not len(best) or table.plan.body.keep.returns != "weekly":
            return None
        if row.content in self._statistics:
            return self._statistics[row.content]
        variant = int(table.variants[best[0]])
        sums = TrialSums.of(row.variants)
        for start in range(0, row.parts, READ_PARTS):
            async with self._database.connection() as connection:
                rows = await connection.fetch(SQL["select_parts_data"], row.id, start, READ_PARTS)
            await asyncio.to_thread(_add_parts, sums, rows, variant)
        found = self._statistics[row.content] = await asyncio.to_thread(trial_statistics, sums, variant)
        return found

    async def best_returns(self, row: SweepRow, table: SweepTable) -> WeeklyReturns | None:
        """Return the weekly returns of the best variant of an ended sweep; None without any."""
        best = table.best(1)
        if not row.has_ended or not len(best):
            return None
        if row.content not in self._returns:
            variant = int(table.variants[best[0]])
            async with self._database.connection() as connection:
                part = await connection.fetchrow(SQL["select_part_of_variant"], row.id, variant)
            if part is None:
                return None  # the sweep was deleted meanwhile
            data = await asyncio.to_thread(unpack, bytes(part["data"]))
            self._returns[row.content] = data.returns_of(variant - part["first"])
        return self._returns[row.content]

    async def _read_new(self, row: SweepRow, read: _Read) -> _Read:
        """Read the parts that have ended since the last time."""
        found: list[tuple[int, PartTable]] = []
        ended = read.ended
        while ended < row.parts_done:
            async with self._database.connection() as connection:
                rows = await connection.fetch(SQL["select_new_parts"], row.id, ended, READ_PARTS)
            if not rows:
                break
            found += await asyncio.to_thread(unpacked, rows)
            ended = rows[-1]["ended"]
        return _Read(ended, await asyncio.to_thread(extended, read.table, found))


def _add_parts(sums: TrialSums, rows: Sequence[Any], best: int) -> None:
    for row in rows:
        sums.add(row["first"], unpack(bytes(row["data"])), best)


def unpacked(rows: Sequence[Any]) -> list[tuple[int, PartTable]]:
    """Return parts with the numbers of their first variants, without their weekly returns."""
    found = []
    for row in rows:
        part = unpack(bytes(row["data"]))
        found.append((row["first"], replace(part, weekly=part.weekly[:, :0].copy(), figures=part.figures.copy())))
    return found
