"""Writing of price rows: those of one part and year replace the stored ones of their stocks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg

from services.preparer.loading import earlier_rows
from services.preparer.loading.prices import MergedGroup
from shared.infra.database.sql import statements
from shared.infra.price_copy import COLUMNS, HEADER, TRAILER

_LOAD = statements("load")
_SQL = statements("revisions")


async def replace_rows(merged: MergedGroup, writer: asyncpg.Connection, revision: int, *, exists: bool) -> None:
    """Store the rows of a part and year; `exists` says that some of its rows may be stored.

    The earlier rows of their stocks are kept for the revision.
    """
    await earlier_rows.store_previous(
        writer, earlier_rows.PRICES, revision, _SQL["price_keys"], merged.stocks, merged.year
    )  # fmt: skip
    if exists:
        await writer.execute(_LOAD["delete_prices"], merged.year, merged.stocks)

    async def source() -> AsyncIterator[bytes]:
        yield HEADER
        for start in range(0, len(merged.rows), 32):
            yield b"".join(merged.rows[start : start + 32])
        yield TRAILER

    if merged.rows:
        await writer.copy_to_table("price_year", source=source(), columns=COLUMNS, format="binary")
