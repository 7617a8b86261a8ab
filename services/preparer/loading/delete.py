"""Deletion of stored rows: whole stocks, and prices and index values of days (`ondol delete`)."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import numpy as np

from services.preparer.loading import earlier_rows, revision
from services.preparer.loading.prices import MergedGroup
from services.preparer.loading.quality import make_report
from services.preparer.loading.revision import Revision, Scope
from services.preparer.loading.stored_prices import replace_rows
from shared.errors import LoadError
from shared.infra.database.sql import statements
from shared.infra.market_tables import copy_out, fill_tradable_days, read_instruments
from shared.infra.price_copy import compressor, decode_rows, encode_row
from shared.model.calendar import from_day, iso
from shared.model.fields import PART
from shared.quality.report import QualityReport

_LOAD = statements("load")
_READ = statements("market")
_SQL = statements("revisions")

DayRange = tuple[int, int]
"""First and last day number, both included."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to delete: stocks with all their rows, or rows of `days` (of `stock_codes` only, where both are named)."""

    stock_codes: tuple[str, ...] = ()
    days: tuple[DayRange, ...] = ()

    def describe(self) -> str:
        """Return the selection as arguments of the command."""
        ranges = (iso(first) if first == last else f"{iso(first)}..{iso(last)}" for first, last in self.days)
        words = [f"--date {text}" for text in ranges] + [f"--stock {code}" for code in self.stock_codes]
        return " ".join(["ondol delete", *words])


@dataclass(kw_only=True)
class DeleteReport:
    """The result of a deletion. `revision` is None for a dry run."""

    deleted: dict[str, int] = field(default_factory=dict)
    """Kind of row (instrument, price, statement, dividend, listing, index) -> how many were deleted."""
    revision: int | None = None
    seconds: float = 0.0
    quality: QualityReport | None = None


async def delete_rows(database_url: str, selection: Selection, *, dry_run: bool = False) -> DeleteReport:
    """Delete the selected rows in one transaction, which is a new data revision.

    A dry run does everything, takes it back, and returns what would be deleted. LoadError when a stock is not loaded
    or no row is selected.
    """
    started = time.monotonic()
    report = DeleteReport()
    async with revision.writer_connection(database_url) as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            number = await revision.begin(connection)
            scope = await _delete(connection, selection, number, report)
            made = Revision(id=number, kind="delete", source=selection.describe(), scope=scope)
            await revision.record(connection, made)
        except BaseException:
            if not connection.is_closed():
                await transaction.rollback()
            raise
        if dry_run:
            await transaction.rollback()
        else:
            await transaction.commit()
            report.revision = number
            report.quality = await make_report(connection, number)
    report.seconds = time.monotonic() - started
    return report


async def _delete(
    connection: asyncpg.Connection, selection: Selection, number: int, report: DeleteReport
) -> list[Scope]:
    ordinals = await _ordinals(connection, selection.stock_codes)
    await fill_tradable_days(connection)
    before = await revision.trading_days(connection)
    if selection.days:
        scope = await _delete_prices(connection, selection.days, ordinals, number, report)
        if not ordinals:
            scope += await _delete_indices(connection, selection.days, number, report)
        if not scope:
            raise LoadError(_no_row(selection, before))
    else:
        scope = await _delete_stocks(connection, ordinals, number, report)
    return scope + revision.day_scope(before, await revision.trading_days(connection))


async def _ordinals(connection: asyncpg.Connection, codes: Sequence[str]) -> list[int]:
    known = (await read_instruments(connection)).ordinal
    for code in codes:
        if code not in known:
            near = difflib.get_close_matches(code.zfill(6), known, 3, 0.7)
            suggestion = f"; did you mean {' or '.join(near)}?" if near else "."
            raise LoadError(f"stock_code {code} is not loaded{suggestion} Nothing was changed.")
    return sorted({known[code] for code in codes})


def _no_row(selection: Selection, days: set[int]) -> str:
    first, last = selection.days[0]
    before = max((day for day in days if day < first), default=None)
    after = min((day for day in days if day > last), default=None)
    near = " and ".join(iso(day) for day in (before, after) if day is not None)
    of_stocks = f" of {', '.join(selection.stock_codes)}" if selection.stock_codes else ""
    nearest = f"; the nearest trading days of the data are {near}" if near else ""
    return f"No row{of_stocks} has the date {iso(first)}{nearest}. Nothing was changed."


async def _delete_prices(
    connection: asyncpg.Connection, days: Sequence[DayRange], ordinals: list[int], number: int, report: DeleteReport
) -> list[Scope]:
    """Write the stored years of the days again without them."""
    years = {y for first, last in days for y in range(from_day(first).year, from_day(last).year + 1)}
    parts = {ordinal // PART for ordinal in ordinals}
    scope: dict[int, Scope] = {}
    for row in sorted(await connection.fetch(_LOAD["stored_years"]), key=lambda r: (r["part"], r["year"])):
        part, year = row["part"], row["year"]
        if year not in years or (parts and part not in parts):
            continue
        stored = await copy_out(connection, _READ["prices"], part * PART, (part + 1) * PART, year, year)
        reduced = _without(stored, part, year, days, ordinals)
        if reduced.stocks:
            await replace_rows(reduced, connection, number, exists=True)
            seen = scope.get(part, Scope(kind="price", part=part, from_year=year, rows=0))
            scope[part] = Scope(
                kind="price", part=part, from_year=seen.from_year, rows=seen.rows + reduced.differing
            )  # fmt: skip
    if scope:
        report.deleted["price"] = sum(entry.rows for entry in scope.values())
    return list(scope.values())


def _without(
    stored: bytes | bytearray, part: int, year: int, days: Sequence[DayRange], ordinals: list[int]
) -> MergedGroup:
    """Return the rows of one part and year of the stocks that have one of the days (only of `ordinals`, if any)."""
    rows: list[bytes] = []
    stocks: list[int] = []
    removed = 0
    shared = compressor()
    for stock, _, at, values in decode_rows(stored):
        if ordinals and stock not in ordinals:
            continue
        gone = np.zeros(len(at), bool)
        for first, last in days:
            gone |= (at >= first) & (at <= last)
        if not gone.any():
            continue
        stocks.append(stock)
        removed += int(np.count_nonzero(gone))
        if not gone.all():
            rows.append(encode_row(stock, year, at[~gone].astype(np.float64), values[:, ~gone], shared))
    return MergedGroup(part=part, year=year, rows=rows, stocks=stocks, differing=removed)


async def _delete_indices(
    connection: asyncpg.Connection, days: Sequence[DayRange], number: int, report: DeleteReport
) -> list[Scope]:
    ranges = [first for first, _ in days], [last for _, last in days]
    await earlier_rows.store_previous(connection, earlier_rows.INDICES, number, _SQL["index_keys"], *ranges)
    gone = [row["day"] for row in await connection.fetch(_SQL["delete_indices"], *ranges)]
    if not gone:
        return []
    report.deleted["index"] = len(gone)
    return [Scope(kind="index", part=-1, from_year=from_day(min(gone)).year, rows=len(gone))]


async def _delete_stocks(
    connection: asyncpg.Connection, ordinals: list[int], number: int, report: DeleteReport
) -> list[Scope]:
    """Delete stocks with all their rows; the last instrument takes the ordinal that becomes free.

    Ordinals stay without gaps, and no other stock moves.
    """
    await connection.execute(_SQL["defer_codes"])
    rows: dict[tuple[str, int], int] = {}
    for ordinal in reversed(ordinals):
        last: int = await connection.fetchval(_SQL["last_ordinal"])
        counts = {"instrument": 1, "price": await connection.fetchval(_SQL["count_prices"], ordinal)}
        for kind, table in zip(("statement", "dividend", "listing"), earlier_rows.OF_STOCKS[1:], strict=True):
            counts[kind] = await connection.fetchval(table.sql("count_stock"), ordinal)
        await _remove(connection, ordinal, last, number)
        for part in {ordinal // PART, last // PART}:  # the stocks and prices of both are in other columns now
            for kind in ("instrument", "price"):
                rows.setdefault((kind, part), 0)
        for kind, count in counts.items():
            if count:
                key = kind, ordinal // PART
                rows[key] = rows.get(key, 0) + int(count)
                report.deleted[kind] = report.deleted.get(kind, 0) + int(count)
    return [
        Scope(kind=kind, part=part, from_year=0, rows=count) for (kind, part), count in sorted(rows.items())
    ]  # fmt: skip


async def _remove(connection: asyncpg.Connection, ordinal: int, last: int, number: int) -> None:
    """Delete one stock, and move the last one to its ordinal."""
    for table in earlier_rows.OF_STOCKS:
        await earlier_rows.store_previous(connection, table, number, table.sql("stock_keys"), ordinal, last)
        await connection.execute(table.sql("delete_stock"), ordinal)
    ordinals = sorted({ordinal, last})
    await earlier_rows.store_previous(connection, earlier_rows.INSTRUMENTS, number, _SQL["ordinals"], ordinals)
    if ordinal != last:
        await connection.execute(_SQL["copy_instrument"], ordinal, last)
        for table in earlier_rows.OF_STOCKS:
            await connection.execute(table.sql("move_stock"), ordinal, last)
    await connection.execute(_SQL["delete_instrument"], last)
