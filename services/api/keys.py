"""The valid API keys, in memory: an unknown key costs no query of its own, however many are sent."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from dataclasses import dataclass, field

import asyncpg
import structlog

from shared.errors import UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements

log = structlog.get_logger()

SQL = statements("accounts")
REFRESH_S = 5.0
"""Age after which changes are read again; a revoked key works at most this much longer."""
NEW_KEY_S = 0.25
"""Shortest time between two reads for keys that are not in memory; all of them wait for the same read."""
OVERLAP = dt.timedelta(minutes=1)
"""Changes that became visible this much later than their time stamp are read too."""
RECORD_S = 30.0
"""How often the last use of keys is stored."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """A valid key; without a limit of its own it has that of the settings."""

    id: str
    role: str
    rate_limit: float | None
    concurrency: int | None
    daily_bytes: int | None
    expires_at: dt.datetime | None


@dataclass(kw_only=True)
class _State:
    keys: dict[bytes, Key] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    """Id of a key -> its hash."""
    read_at: float = float("-inf")
    """Monotonic time at which the last read began."""
    changed_at: dt.datetime | None = None
    """Newest change that was read."""


class KeyTable:
    """Keys by their hash; changes are read when a key is looked up and the last read is old."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._state = _State()
        self._reading: asyncio.Future[None] | None = None
        self.used: dict[str, dt.datetime] = {}
        """Id of a key -> its last use, where it is not stored yet."""

    async def find(self, digest: bytes) -> Key | None:
        """Return the key of a hash; None: it is unknown here, expired or revoked."""
        await self._read_since(time.monotonic() - REFRESH_S)
        return self._valid(digest)

    async def find_new(self, digest: bytes) -> Key | None:
        """Return the key of a hash that was not found; it may have been created a moment ago."""
        await self._read_since(time.monotonic())
        return self._valid(digest)

    def _valid(self, digest: bytes) -> Key | None:
        key = self._state.keys.get(digest)
        if key is not None and key.expires_at is not None and key.expires_at <= dt.datetime.now(dt.UTC):
            return None
        return key

    async def _read_since(self, moment: float) -> None:
        """Return when a read has ended that began after this moment."""
        while self._state.read_at < moment:
            if self._reading is None:
                self._reading = asyncio.ensure_future(self._read())
                self._reading.add_done_callback(self._read_ended)
            await asyncio.shield(self._reading)

    def _read_ended(self, reading: asyncio.Future[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # those who wait have received it

    async def _read(self) -> None:
        await asyncio.sleep(max(0.0, self._state.read_at + NEW_KEY_S - time.monotonic()))
        began, state = time.monotonic(), self._state
        since = None if state.changed_at is None else state.changed_at - OVERLAP
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["select_changed_keys"], since)
        for row in rows:
            state.keys.pop(state.digests.pop(row["id"], b""), None)
            if row["revoked_at"] is None:
                digest = state.digests[row["id"]] = bytes(row["hash"])
                state.keys[digest] = Key(
                    id=row["id"], role=row["role"], rate_limit=row["rate_limit"], concurrency=row["concurrency"],
                    daily_bytes=row["daily_bytes"], expires_at=row["expires_at"],
                )  # fmt: skip
        if rows:
            state.changed_at = max(row["changed_at"] for row in rows)
        state.read_at = began

    async def record_use_forever(self) -> None:
        """Task: store when keys were used."""
        while True:
            await asyncio.sleep(RECORD_S)
            await self.record_use()

    async def record_use(self) -> None:
        """Store the last use of the keys that were used since the last call; keep it for the next one on errors."""
        used, self.used = self.used, {}
        if not used:
            return
        try:
            async with self._database.connection() as connection:
                await connection.execute(SQL["record_key_use"], list(used), list(used.values()))
        except (*LOST, UnavailableError, asyncpg.PostgresError) as error:
            self.used = used | self.used
            log.warning("key_use.not_recorded", keys=len(used), error=type(error).__name__)
