"""The rows of the market tables as they were before each of the last revisions.

Every transaction that changes market tables first stores the rows that it will change (`remember`), so that a later
one can put them back (`put_back`). The table `<name>_before` has one row for each key that a revision changed. A row of
`price_year` is a calendar year of a stock, so a day's load stores as many rows as there are stocks, compressed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from shared.infra.database.sql import statements
from shared.infra.price_copy import COLUMNS
from shared.model.market_data import ACCOUNTS

KEPT_REVISIONS = 7
"""Revisions that can be reverted."""

_SQL = statements("revisions")


@dataclass(frozen=True, kw_only=True)
class MarketTable:
    """A table whose earlier rows are kept: the columns of its key, and the others."""

    name: str
    key: tuple[str, ...]
    rest: tuple[str, ...]

    def sql(self, statement: str, **names: str) -> str:
        """Return a statement of `revisions.sql` for this table; `names` are fragments of SQL."""
        return _SQL[statement].format(
            table=self.name,
            first=self.key[0],
            key=", ".join(self.key),
            rest=", ".join(self.rest),
            source_key=", ".join(f"k.{name}" for name in self.key),
            moved_key=", ".join(("$2::integer", *self.key[1:])),
            table_rest=", ".join(f"t.{name}" for name in self.rest),
            matches=" and ".join(f"t.{name} = k.{name}" for name in self.key),
            updates=", ".join(f"{name} = excluded.{name}" for name in self.rest),
            **names,
        )


def _table(name: str, key: tuple[str, ...], columns: Sequence[str]) -> MarketTable:
    return MarketTable(name=name, key=key, rest=tuple(column for column in columns if column not in key))


INSTRUMENTS = _table(
    "instrument",
    ("ordinal",),
    ("code", "name", "name_en", "market", "sector", "listed_on", "delisted_on", "kind", "issuer"),
)
LISTINGS = _table("listing", ("stock", "from_date"), ("market", "name", "sector"))
PRICES = _table("price_year", ("stock", "year"), COLUMNS)
STATEMENTS = _table("statement", ("stock", "fiscal_year", "fiscal_quarter", "disclosed_on"), ("period_end", *ACCOUNTS))
DIVIDENDS = _table("dividend", ("stock", "ex_date", "kind", "number"), ("dps", "disclosed_on"))
INDICES = _table("index_close", ("name", "day"), ("open", "high", "low", "close"))

OF_STOCKS = (PRICES, STATEMENTS, DIVIDENDS, LISTINGS)
"""Tables whose key begins with the ordinal of an instrument, in the column `stock`."""
TABLES = (INSTRUMENTS, *OF_STOCKS, INDICES)


async def store_previous(
    connection: asyncpg.Connection, table: MarketTable, revision: int, source: str, *arguments: Any
) -> None:
    """Store the rows of some keys before they change.

    source: a query with the columns of the key, whose parameters begin at $2.
    """
    await connection.execute(table.sql("remember", source=source.rstrip("; \n")), revision, *arguments)


async def put_back(connection: asyncpg.Connection, revision: int, target: int) -> None:
    """Set the market tables to what they were after the revision `target`; `revision` is that of the change."""
    await connection.execute(_SQL["defer_codes"])
    for table in TABLES:
        await store_previous(connection, table, revision, table.sql("keys_changed_after"), target)
    for table in (*OF_STOCKS, INDICES):
        await connection.execute(table.sql("remove_changed"), target, revision)
    await connection.execute(INSTRUMENTS.sql("remove_added"), target, revision)
    for table in TABLES:
        await connection.execute(table.sql("put_back"), target, revision)


async def delete_previous(connection: asyncpg.Connection, until: int, beyond: int) -> None:
    """Delete the rows of revisions up to `until`, which are no longer kept, and after `beyond`, which do not exist."""
    await connection.execute(_SQL["forget_revisions"], until)
    for table in TABLES:
        await connection.execute(table.sql("forget"), until, beyond)
