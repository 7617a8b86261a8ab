"""The loaded market as arrays; only the preparer reads it, in bulk."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from shared.infra.database.sql import statements
from shared.infra.price_copy import HEADER, decode_rows, place_rows, tradable_bits
from shared.model.calendar import from_day
from shared.model.instruments import Instruments
from shared.model.market_data import ACCOUNTS, PRICE_COLUMNS, Dividends, Listings, Statements, listings_of

_SQL = statements("market")
_INT = (">i4", 4)
_FLOAT = (">f8", 8)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What revisions changed: `kind` (instrument, price, day, statement, dividend, index) differs in instruments
    [512 * part, 512 * part + 512), or in all of them where `part` is -1, from calendar year `from_year` on."""

    kind: str
    part: int
    from_year: int


async def newest_revision(connection: Any) -> int | None:
    """The id of the newest data revision; None before the first load."""
    found: int | None = await connection.fetchval(_SQL["newest_revision"])
    return found


async def changes(connection: Any, after: int, until: int) -> list[Change]:
    """What the revisions `after` < id <= `until` changed, merged: one entry per kind and part."""
    rows = await connection.fetch(_SQL["changes"], after, until)
    return [Change(kind=r["kind"], part=r["part"], from_year=r["from_year"]) for r in rows]


async def read_instruments(connection: Any) -> Instruments:
    """Every instrument in ordinal order."""
    rows = await connection.fetch(_SQL["instruments"])
    return Instruments(**{name: tuple(row[name] for row in rows) for name in Instruments.__struct_fields__})


async def read_listings(connection: Any) -> Listings:
    """Return what every instrument was from a day on."""
    rows = await connection.fetch(_SQL["listings"])
    return listings_of((row["stock"], row["from_day"], row["market"], row["name"], row["sector"]) for row in rows)


async def read_days(connection: Any) -> np.ndarray:
    """int32 [D]: every trading day, ascending."""
    rows = await connection.fetch(_SQL["days"])
    return np.array([row["day"] for row in rows], np.int32)


async def fill_tradable_days(connection: Any) -> None:
    """Fill in the tradable days of price rows that an earlier version wrote."""
    while data := await copy_out(connection, _SQL["unfilled_prices"]):
        rows = [
            (stock, year, asyncpg.BitString.frombytes(tradable_bits(year, days, values), bitlength=366))
            for stock, year, days, values in decode_rows(data)
        ]
        if not rows:
            return
        await connection.executemany(_SQL["fill_tradable"], rows)


async def read_prices(
    connection: Any, days: np.ndarray, first: int, stop: int, *, from_row: int = 0
) -> dict[str, np.ndarray]:
    """Prices of the instruments [first, stop) on `days` (int32 [D], ascending trading days).

    Each name of PRICE_COLUMNS -> float64 [D, stop - first], NaN where null or without a row, and on all rows before
    `from_row`, the first one of a calendar year, which are not read.
    """
    found = np.full((len(PRICE_COLUMNS), len(days), stop - first), np.nan)
    if from_row < len(days):
        years = from_day(int(days[from_row])).year, from_day(int(days[-1])).year
        data = await copy_out(connection, _SQL["prices"], first, stop, *years)
        await asyncio.to_thread(place_rows, data, days, first, found)
    return dict(zip(PRICE_COLUMNS, found, strict=True))


async def read_statements(connection: Any, first: int, stop: int) -> Statements:
    """Statements of the instruments [first, stop); `instrument` holds ordinals."""
    keys = ("instrument", "fiscal_year", "fiscal_quarter", "period_end", "disclosed_on")
    table = await _table(connection, "statements", [_INT] * len(keys) + [_FLOAT] * len(ACCOUNTS), first, stop)
    columns = dict(zip(keys, table[: len(keys)], strict=True))
    return Statements(**columns, accounts=dict(zip(ACCOUNTS, table[len(keys) :], strict=True)))


async def read_dividends(connection: Any, first: int, stop: int) -> Dividends:
    """Dividends of the instruments [first, stop); `instrument` holds ordinals."""
    stock, ex_date, dps, disclosed_on = await _table(connection, "dividends", [_INT, _INT, _FLOAT, _INT], first, stop)
    kinds: list[str | None] = [None] * len(stock)
    for row in await connection.fetch(_SQL["dividend_kinds"], first, stop):
        kinds[row["position"]] = row["kind"]
    return Dividends(instrument=stock, ex_date=ex_date, dps=dps, disclosed_on=disclosed_on, kind=tuple(kinds))


async def read_indices(connection: Any, days: np.ndarray) -> dict[str, np.ndarray]:
    """Index name -> float64 [D] closes on `days`, NaN where the series has none."""
    rows = await connection.fetch(_SQL["indices"])
    found: dict[str, np.ndarray] = {}
    at = {int(day): row for row, day in enumerate(days)}
    for row in rows:
        series = found.setdefault(row["name"], np.full(len(days), np.nan))
        if row["day"] in at:
            series[at[row["day"]]] = row["close"]
    return found


async def copy_out(connection: Any, query: str, *arguments: int) -> bytearray:
    """Return the rows of a query in PostgreSQL's binary COPY format, header and trailer included."""
    data = bytearray()

    async def take(chunk: bytes) -> None:
        data.extend(chunk)

    await connection.copy_from_query(query.rstrip("; \n"), *arguments, output=take, format="binary")
    return data


async def _table(connection: Any, name: str, kinds: Sequence[tuple[str, int]], *arguments: int) -> list[np.ndarray]:
    """Columns of a query without nulls: every record has the same length, so numpy reads them as one array."""
    data = await copy_out(connection, _SQL[name], *arguments)
    fields: list[tuple[str, str]] = [("count", ">i2")]
    for number, (kind, _) in enumerate(kinds):
        fields += [(f"size{number}", ">i4"), (f"value{number}", kind)]
    record = np.dtype(fields)
    rows = (len(data) - len(HEADER) - 2) // record.itemsize
    table = np.frombuffer(data, record, rows, len(HEADER))
    if rows and not all((table[f"size{n}"] == size).all() for n, (_, size) in enumerate(kinds)):
        raise struct.error(f"the rows of {name} hold nulls")
    return [table[f"value{n}"].astype(np.int32 if kind == ">i4" else np.float64) for n, (kind, _) in enumerate(kinds)]
