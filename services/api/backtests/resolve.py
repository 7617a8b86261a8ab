"""Ids of backtests as a path may write them: whole, a prefix that no other has, or `latest`."""

from __future__ import annotations

import re
import uuid

from services.api.context import AppContext
from services.api.errors import ApiProblem, not_found
from shared.contracts.http import LATEST
from shared.infra.database.sql import statements
from shared.messages import say

SQL = statements("backtest")
_PREFIX = re.compile("[0-9a-f]{4,31}", re.ASCII)
_DIGITS = 32
_SHOWN = 4


async def resolve_id(app: AppContext, text: str, owner: str) -> uuid.UUID:
    """Return the id that a text names for an owner: an id, the first four or more digits of one, or `latest`.

    `latest` is the newest backtest that a user requested. Raises a 404 when there is none, a 409 when a prefix fits
    several.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        pass
    if text == LATEST:
        return await _latest(app, owner)
    digits = text.lower().replace("-", "")
    if not _PREFIX.fullmatch(digits):
        raise not_found("backtest_not_found")
    first, last = (uuid.UUID(digits.ljust(_DIGITS, filler)) for filler in "0f")
    async with app.database.connection() as connection:
        found = [row["id"] for row in await connection.fetch(SQL["select_ids_between"], owner, first, last, _SHOWN)]
    if not found:
        raise not_found("backtest_prefix_not_found")
    if len(found) > 1:
        shown = ", ".join(map(str, found[: _SHOWN - 1])) + (", …" if len(found) == _SHOWN else "")
        raise ApiProblem(409, "conflict", say("backtest_prefix_ambiguous", prefix=text, ids=shown))
    identity: uuid.UUID = found[0]
    return identity


async def _latest(app: AppContext, owner: str) -> uuid.UUID:
    async with app.database.connection() as connection:
        found: uuid.UUID | None = await connection.fetchval(SQL["select_latest_id"], owner)
    if found is None:
        raise not_found("no_backtest_yet")
    return found
