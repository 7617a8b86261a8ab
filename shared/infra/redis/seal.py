"""Seals: a keyed hash beside each value that services write into Redis; values without a valid seal are rejected.

Redis is a cache and a queue: a program that can write there could plant results, answers and events. The key is in
PostgreSQL, whose rows decide. A seal covers the name under which a value stands, so that values cannot be exchanged.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol

from shared.infra.database.pool import Database
from shared.infra.database.sql import statements

BYTES = 16


class Seal:
    """The key of a system's seals."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, name: str, body: bytes) -> bytes:
        """Return the seal of a value under a name."""
        named = name.encode()
        found = hashlib.blake2b(len(named).to_bytes(4, "little") + named, digest_size=BYTES, key=self._key)
        found.update(body)
        return found.digest()

    def sealed(self, name: str, body: bytes) -> bytes:
        """Return the value with its seal behind it, where readers of earlier releases ignore it."""
        return body + self.of(name, body)

    def opened(self, name: str, sealed: bytes) -> bytes | None:
        """Return the value, None when its seal is absent or wrong."""
        body = sealed[:-BYTES]
        return body if self.matches(name, body, sealed[-BYTES:]) else None

    def matches(self, name: str, body: bytes, seal: bytes) -> bool:
        """Return whether this is the seal of the value under this name."""
        return hmac.compare_digest(self.of(name, body), seal)


async def read_seal(database: Database) -> Seal:
    """Return the seal of the system whose database this is; the schema must be the current one."""
    async with database.connection() as connection:
        return Seal(bytes(await connection.fetchval(statements("seal")["select_seal"])))


class Sealed(Protocol):
    """A client of Redis that seals what it writes and believes only what is sealed; without a key it does neither."""

    seal: Seal | None


async def use_seal(database: Database, *clients: Sealed) -> None:
    """Give clients the seal of the system whose database this is; the schema must be the current one."""
    seal = await read_seal(database)
    for client in clients:
        client.seal = seal
