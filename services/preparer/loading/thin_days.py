"""Days on which few stocks trade: nearly always an incomplete download, which would end most holdings' day."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

import asyncpg
import numpy as np

from services.preparer.loading.files import MarketFiles
from services.preparer.loading.refusals import Refusals
from shared.errors import LoadError
from shared.infra.database.sql import statements
from shared.model.calendar import from_day, iso, to_day

SMALLEST_SHARE = 3
"""A day is thin when fewer than one in SMALLEST_SHARE of the stocks of the day before trade."""

_SQL = statements("load")


async def refuse_thin_days(
    refusals: Refusals, file: MarketFiles, connection: asyncpg.Connection, days: Sequence[int]
) -> None:
    """LoadError at the first of `days`, which the load has changed, that is thin in the stored prices."""
    if "thin_day" not in refusals.names or not days:
        return
    counts = await stocks_by_day(connection, from_day(min(days)).year - 1, from_day(max(days)).year)
    trading = sorted(counts)
    changed = set(days)
    for before, day in itertools.pairwise(trading):
        if day in changed and SMALLEST_SHARE * counts[day] < counts[before]:
            verb = "stock trades" if counts[day] == 1 else "stocks trade"
            raise LoadError(
                f"{file.name}: {counts[day]:,} {verb} on {iso(day)}, fewer than a third of the "
                f"{counts[before]:,} of the day before ({iso(before)}), so the day is probably incomplete. Load all of "
                "its rows, or load with --allow thin_day. Nothing was changed."
            )


async def stocks_by_day(connection: asyncpg.Connection, first_year: int, last_year: int) -> dict[int, int]:
    """Return trading day -> how many stocks trade on it, of some calendar years."""
    by_year: dict[int, list[bytes]] = {}
    for row in await connection.fetch(_SQL["tradable_days"], first_year, last_year):
        by_year.setdefault(row["year"], []).append(row["tradable"].bytes)
    found: dict[int, int] = {}
    for year, rows in by_year.items():
        bits = np.unpackbits(np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1), axis=1)
        counts = bits.sum(axis=0, dtype=np.int64)
        first = to_day(dt.date(year, 1, 1))
        found |= {first + int(at): int(counts[at]) for at in np.flatnonzero(counts)}
    return found
