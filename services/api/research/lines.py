"""The lines of the ledger in PostgreSQL, and what follows from their trials; answers are kept by version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache

from services.api.backtests.serialize import instant
from services.api.errors import ApiProblem
from shared.contracts.research import LEDGER_SAMPLE
from shared.errors import Problem
from shared.infra.database.pool import Database
from shared.infra.research_ledger import MAX_LINES, MAX_TRIALS, SQL, Connection
from shared.messages import Message, say
from shared.research.ledger.line_trials import LineSums, LineTrials, family_of, line_trials_of
from shared.research.ledger.report import best_document, conclusion, figures_of, warnings_of
from shared.research.ledger.trials import WeeklyReturns, unpack_returns

CACHED: Final = 64
Row = Any
"""A row of `research_line`, an asyncpg.Record."""


@dataclass(frozen=True, kw_only=True)
class LineReport:
    """What the answer of a line has besides its row."""

    best: dict[str, Any] | None
    figures: dict[str, Any]
    conclusion: Message
    warnings: list[Message]
    sample: int
    family: dict[str, Any] | None
    """The weeks and the number of the trials that the tests over whole columns read."""


class ResearchLines:
    """Lines and reports of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lines: LRUCache[tuple[int, int], LineTrials] = LRUCache(CACHED)
        self._reports: LRUCache[tuple[int, int], LineReport] = LRUCache(CACHED)

    async def row(self, owner: str, name: str) -> Row | None:
        """Return the row of a line of an owner."""
        async with self._database.connection() as connection:
            return await connection.fetchrow(SQL["select_line"], owner, name)

    async def line(self, row: Row) -> LineTrials:
        """Return the counts, independent trials and bar of a line."""
        key = (row["id"], row["version"])
        found = self._lines.get(key)
        if found is None:
            found, _ = await self._read(row)
        return found

    async def report(self, row: Row) -> LineReport:
        """Return the statistics of a line."""
        key = (row["id"], row["version"])
        found = self._reports.get(key)
        if found is None:
            line, sample = await self._read(row)
            found = self._reports[key] = await asyncio.to_thread(_report, line, sample, best_returns(row))
        return found

    async def _read(self, row: Row) -> tuple[LineTrials, list[WeeklyReturns]]:
        async with self._database.connection() as connection:
            records = await connection.fetch(SQL["select_sample"], row["id"], LEDGER_SAMPLE)
        line, sample = await asyncio.to_thread(_line, row, records)
        self._lines[(row["id"], row["version"])] = line
        return line, sample


def _line(row: Row, records: Sequence[Row]) -> tuple[LineTrials, list[WeeklyReturns]]:
    sample = [unpack_returns(bytes(record["returns"])) for record in records]
    sums = LineSums(
        trials=row["trials"], extra_trials=row["extra_trials"], scored=row["scored"], score_sum=int(row["score_sum"]),
        score_squares=int(row["score_squares"]),
    )  # fmt: skip
    return line_trials_of(sums, sample), sample


def _report(line: LineTrials, sample: Sequence[WeeklyReturns], best: WeeklyReturns | None) -> LineReport:
    family = family_of(sample)
    return LineReport(
        best=None if best is None else best_document(best),
        figures=figures_of(line, best, family),
        conclusion=conclusion(line, best),
        warnings=warnings_of(line, best, family),
        sample=line.sample,
        family=None if family is None else {"trials": family.trials, "weeks": len(family.weeks)},
    )


def best_returns(row: Row) -> WeeklyReturns | None:
    """Return the weekly returns of the best trial of a line."""
    return None if row["best_returns"] is None else unpack_returns(bytes(row["best_returns"]))


def line_problem(row: Row | None, name: str, count: int) -> ApiProblem | None:
    """Return why no `count` further trials can be added to a line."""
    if row is None:
        return None
    if row["closed_at"] is not None:
        message = say("research_closed", name=name, closed=instant(row["closed_at"]) or "")
    elif row["trials"] + count > MAX_TRIALS:
        message = say("research_too_many_trials", name=name, trials=row["trials"], count=count, limit=MAX_TRIALS)
    else:
        return None
    return ApiProblem(409, "conflict", message, [Problem(path="research", message=message)])


async def open_line(connection: Connection, owner: str, name: str, count: int) -> None:
    """Make a line for `count` trials unless it exists, within a transaction; raise a 409 when it takes no more."""
    row = await connection.fetchrow(SQL["select_line"], owner, name)
    if row is None:
        await connection.fetchval(SQL["lock_lines"], owner)
        if await connection.fetchval(SQL["count_lines"], owner) >= MAX_LINES:
            message = say("research_too_many_lines", limit=MAX_LINES)
            raise ApiProblem(409, "conflict", message, [Problem(path="research", message=message)])
        await connection.execute(SQL["insert_line"], owner, name)
    problem = line_problem(row, name, count)
    if problem is not None:
        raise problem
