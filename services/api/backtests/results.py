"""Stored results as JSON bytes: from memory, from the cache, from PostgreSQL, in this order."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from cachetools import LRUCache

from shared.errors import DatasetError, UnavailableError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.messages import Language, say
from shared.messages.warnings import in_korean
from shared.settings import MIB
from shared.simulation.result.selection import select
from shared.simulation.result.storage import decompress, unpack, unpacked_size

log = structlog.get_logger()

SQL = statements("backtest")
MAX_CONTENTS = 20_000
Content = tuple[str, str, str, str]
"""Request digest, dataset version, engine version, rules version."""
SELECTED_BYTES = 8 * MIB
LOOP_BYTES = MIB
"""Size of a result up to which it is decompressed in the event loop."""


async def unpack_frame(frame: bytes) -> bytes:
    """Return the JSON of a stored result; in a thread when it is large."""
    if unpacked_size(frame) > LOOP_BYTES:
        return await asyncio.to_thread(unpack, frame)
    return unpack(frame)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What an answer shows of a result: its parts (None: all), lists as arrays a column instead of objects, numbers of
    lists to `digits` significant digits (None: all), and the language of its warnings."""

    parts: frozenset[str] | None = None
    columns: bool = False
    digits: int | None = None
    language: Language = "en"

    async def read_frame(self, frame: bytes) -> bytes:
        """Return the JSON of a stored result; in a thread when it is large."""
        if unpacked_size(frame) > LOOP_BYTES // 4:
            return await asyncio.to_thread(self._read, frame)
        return self._read(frame)

    def _read(self, frame: bytes) -> bytes:
        rewrite = {} if self.language == "en" else {"warnings": in_korean}
        return select(decompress(frame), self.parts, columns=self.columns, digits=self.digits, rewrite=rewrite)


WHOLE = Selection()


class Results:
    """Results by computation; the most recently read ones are kept in memory, `budget` bytes of them."""

    def __init__(self, cache: Cache, database: Database, budget: int = 32 * MIB) -> None:
        self._cache = cache
        self._database = database
        self._recent: LRUCache[uuid.UUID, bytes] = LRUCache(budget, getsizeof=len)
        self._selected: LRUCache[tuple[uuid.UUID, Selection], bytes] = LRUCache(SELECTED_BYTES, getsizeof=len)
        self.completed: LRUCache[Content, uuid.UUID] = LRUCache(MAX_CONTENTS)
        """Completed computations by content."""
        self._requested: LRUCache[Content, bool] = LRUCache(MAX_CONTENTS)

    def is_first_request(self, content: Content) -> bool:
        """Return whether this process has not seen the content yet (as far as it remembers), and remember it."""
        if content in self._requested:
            return False
        self._requested[content] = True
        return True

    async def get(self, computation: uuid.UUID) -> bytes | None:
        """Return the JSON of a completed computation's result, None when there is none."""
        body = self._recent.get(computation)
        if body is not None:
            return body
        body = await self._read(computation, unpack_frame)
        if body is not None and len(body) <= self._recent.maxsize // 4:
            self._recent[computation] = body
        return body

    async def selected(self, computation: uuid.UUID, selection: Selection) -> bytes | None:
        """Return the JSON of the selected parts of a completed computation's result, None when there is none."""
        if selection == WHOLE:
            return await self.get(computation)
        key = (computation, selection)
        body = self._selected.get(key)
        if body is not None:
            return body
        body = await self._read(computation, selection.read_frame)
        if body is not None and len(body) <= self._selected.maxsize // 2:
            self._selected[key] = body
        return body

    async def _read(self, computation: uuid.UUID, read: Callable[[bytes], Awaitable[bytes]]) -> bytes | None:
        """Return what `read` makes of the stored frame: that of the cache, or of PostgreSQL."""
        frame = await self._cache.get_result(str(computation))
        if frame is not None:
            try:
                return await read(frame)
            except DatasetError as error:
                log.warning("result.rejected", computation_id=str(computation), error=str(error))
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["result"], computation)
        if row is None or row["result"] is None:
            return None
        frame = bytes(row["result"])
        body = await read(frame)
        await self._cache.put_result(str(computation), frame)
        return body

    async def require(self, computation: uuid.UUID) -> bytes:
        """Return the result of a completed computation; raise UnavailableError when it cannot be read now."""
        body = await self.get(computation)
        if body is None:
            raise UnavailableError(say("result_unreadable"))
        return body


def timing_of(body: bytes) -> dict[str, Any]:
    """Return the `timing` of a result; it stands near the end, so that the whole is not parsed."""
    start = body.rfind(b',"timing":')
    if start < 0:
        return {}
    found: dict[str, Any] = orjson.loads(b"{" + body[start + 1 :])["timing"]
    return found
