"""Plans, ends and tables of walk-forwards, read from PostgreSQL; plans and ends are kept in memory."""

from __future__ import annotations

import asyncio
from typing import Any

from cachetools import LRUCache

from services.api.sweeps.plan_cache import PlanCache
from services.api.sweeps.row import SQL, Content, SweepRow
from services.api.sweeps.tables import unpacked
from shared.contracts.research import READ_PARTS
from shared.errors import UnavailableError
from shared.infra.database.pool import Database
from shared.messages import say
from shared.research.ledger.trials import WeeklyReturns
from shared.research.sweeps.columns import SweepTable, table_of
from shared.research.walk_forward.plan import WalkForwardPlan, decode_plan
from shared.research.walk_forward.report import Finished, account_returns, unpack

CACHED = 64


class WalkForwards(PlanCache[WalkForwardPlan]):
    """What is read of walk-forwards."""

    def __init__(self, database: Database) -> None:
        super().__init__(decode_plan, CACHED)
        self._database = database
        self._ends: LRUCache[Content, Finished] = LRUCache(CACHED)
        self._returns: LRUCache[Content, WeeklyReturns] = LRUCache(CACHED)

    async def end(self, row: SweepRow) -> Finished | None:
        """Return the end of a walk-forward without its result; None before it has one."""
        if row.status not in ("completed", "failed"):
            return None
        found = self._ends.get(row.content)
        if found is None:
            data = await self._last_part(row)
            found = self._ends[row.content] = await asyncio.to_thread(unpack, data)
        return found

    async def result(self, row: SweepRow) -> dict[str, Any] | None:
        """Return the stitched result; None when there is none."""
        if row.status != "completed":
            return None
        data = await self._last_part(row)
        return (await asyncio.to_thread(unpack, data, with_result=True)).result

    async def returns(self, row: SweepRow) -> WeeklyReturns | None:
        """Return the weekly returns of the stitched account; None when there is none."""
        found = self._returns.get(row.content)
        if found is None:
            result = await self.result(row)
            if result is None:
                return None
            found = self._returns[row.content] = await asyncio.to_thread(account_returns, result)
        return found

    async def _last_part(self, row: SweepRow) -> bytes:
        async with self._database.connection() as connection:
            data = await connection.fetchval(SQL["select_last_part"], row.id)
        if data is None:
            raise UnavailableError(say("result_unreadable"))  # deleted or withdrawn since the row was read
        return bytes(data)

    async def table(self, row: SweepRow, run: int) -> SweepTable:
        """Return the rows of a run's parts that have ended, by the variant's number in the run."""
        plan = await self.plan(row)
        first = run * plan.variants
        parts, last = [], -1
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(
                    SQL["select_run_parts"], row.id, first, first + plan.variants, READ_PARTS, last
                )
            if not rows:
                break
            parts += [(number - first, part) for number, part in await asyncio.to_thread(unpacked, rows)]
            last = rows[-1]["part"]
        return await asyncio.to_thread(table_of, plan.run(run), parts)
