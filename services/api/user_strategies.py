"""The strategies that a caller has stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from shared.infra.database.sql import statements
from shared.strategies.catalogue import Entry

if TYPE_CHECKING:
    from services.api.context import AppContext

SQL = statements("accounts")


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return a stored strategy in the shape of the catalogue's."""
    return Entry(
        id=row["id"], name_ko=row["name"], name_en=row["name"], summary=row["summary"], kind="own",
        tags=tuple(orjson.loads(row["tags"])), strategy=orjson.loads(row["strategy"]), costs=orjson.loads(row["costs"]),
    )  # fmt: skip


async def own_entries(app: AppContext, owner: str) -> dict[str, Entry]:
    """Return the strategies of an owner by id."""
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_strategies"], owner)
    return {row["id"]: entry_of(row) for row in rows}
