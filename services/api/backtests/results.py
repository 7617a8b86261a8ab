"""Stored results as JSON bytes: from memory, from the cache, from PostgreSQL, in this order."""

from __future__ import annotations

import asyncio
import uuid
from collections import OrderedDict
from typing import Any

import orjson
import structlog

from services.api.backtests.serialize import Recent
from shared.errors import DatasetError, UnavailableError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.settings import MIB
from shared.simulation.result.storage import unpack, unpacked_size

log = structlog.get_logger()

SQL = statements("backtest")
KNOWN = 20_000
Content = tuple[str, str, str, str]
"""Request digest, dataset version, engine version, rules version."""
IN_LOOP = MIB
"""Larger frames are opened in a thread: the event loop must not stand still."""


async def open_frame(frame: bytes) -> bytes:
    """`unpack`, off the event loop when it is large."""
    if unpacked_size(frame) > IN_LOOP:
        return await asyncio.to_thread(unpack, frame)
    return unpack(frame)


class Results:
    """Results by computation."""

    def __init__(self, cache: Cache, database: Database, budget: int = 32 * MIB) -> None:
        self._cache = cache
        self._database = database
        self.recent = Recent(budget)
        self.known: OrderedDict[Content, uuid.UUID] = OrderedDict()
        """Completed computations by content."""
        self._asked: OrderedDict[Content, None] = OrderedDict()

    def remember(self, content: Content, computation: uuid.UUID) -> None:
        """This content is completed, for good."""
        self.known[content] = computation
        if len(self.known) > KNOWN:
            self.known.popitem(last=False)

    def first_asked(self, content: Content) -> bool:
        """Nobody has asked here for this content, as far as is remembered; from now on somebody has."""
        if content in self._asked:
            return False
        self._asked[content] = None
        if len(self._asked) > KNOWN:
            self._asked.popitem(last=False)
        return True

    async def get(self, computation: uuid.UUID) -> bytes | None:
        """The JSON of a completed computation's result, None when there is none."""
        body = self.recent.get(computation)
        if body is not None:
            return body
        frame = await self._cache.get_result(str(computation))
        if frame is not None:
            try:
                body = await open_frame(frame)
            except DatasetError as error:
                log.warning("result.damaged", computation=str(computation), error=str(error))
        if body is None:
            body = await self._from_record(computation)
        if body is not None:
            self.recent.put(computation, body)
        return body

    async def _from_record(self, computation: uuid.UUID) -> bytes | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["result"], computation)
        if row is None or row["result"] is None:
            return None
        frame = bytes(row["result"])
        body = await open_frame(frame)
        await self._cache.put_result(str(computation), frame)
        return body

    async def needed(self, computation: uuid.UUID) -> bytes:
        """`get`, where a result must be; UnavailableError when it cannot be read at this moment."""
        body = await self.get(computation)
        if body is None:
            raise UnavailableError("The stored result cannot be read at this moment.")
        return body


def timing_of(body: bytes) -> dict[str, Any]:
    """The `timing` of a result, which stands near its end, without reading the whole."""
    start = body.rfind(b',"timing":')
    if start < 0:
        return {}
    found: dict[str, Any] = orjson.loads(b"{" + body[start + 1 :])["timing"]
    return found
