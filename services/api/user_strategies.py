"""The strategies that a caller has stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from shared.infra.database.sql import statements
from shared.settings import MIB
from shared.strategies.catalogue import BY_ID, Entry

if TYPE_CHECKING:
    from services.api.context import AppContext

SQL = statements("accounts")

MAX_STRATEGIES: Final = 1000
"""Stored strategies of an owner."""
MAX_STORED_BYTES: Final = 8 * MIB
"""Bytes of all strategies of an owner, and of all versions of all own factors: what a list reads at most."""


def entry_of(row: Mapping[str, Any]) -> Entry:
    """Return a stored strategy in the shape of the catalogue's."""
    return Entry(
        id=row["id"], name_ko=row["name"], name_en=row["name"], summary=row["summary"], kind="own",
        tags=tuple(orjson.loads(row["tags"])), strategy=orjson.loads(row["strategy"]), costs=orjson.loads(row["costs"]),
    )  # fmt: skip


async def referenced_entry(app: AppContext, owner: str, reference: object) -> dict[str, Entry] | None:
    """Return the strategy of an owner that the `strategy` of a request names, by id; None when it names no own one.

    When there is none of the id, the ids of the others are returned with empty strategies, so that an error may
    suggest them.
    """
    identity = reference.get("id") if isinstance(reference, Mapping) else reference
    if not isinstance(identity, str) or identity in BY_ID:
        return None
    if "\x00" in identity:
        return {}
    async with app.database.connection() as connection:
        row = await connection.fetchrow(SQL["select_strategy"], owner, identity)
        if row is not None:
            return {identity: entry_of(row)}
        ids = [found["id"] for found in await connection.fetch(SQL["select_strategy_ids"], owner)]
    return {found: Entry(id=found, strategy={}, costs={}) for found in ids if found != identity}


async def own_entries(app: AppContext, owner: str) -> dict[str, Entry]:
    """Return all strategies of an owner by id; their bytes are limited when they are stored."""
    async with app.database.connection() as connection:
        rows = await connection.fetch(SQL["select_strategies"], owner)
    return {row["id"]: entry_of(row) for row in rows}
