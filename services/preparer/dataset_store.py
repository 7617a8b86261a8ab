"""Dataset versions and parts in PostgreSQL, and their copies in the cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from shared.dataset.codec import is_intact
from shared.dataset.manifest import Manifest, from_bytes, to_bytes
from shared.errors import DatasetError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache

SQL = statements("dataset")
BATCH = 64


@dataclass(frozen=True, kw_only=True)
class Current:
    """A version with the data from which an incremental build continues."""

    manifest: Manifest
    revision: int
    """The newest data revision that the version represents (its manifest names the one it was built from)."""
    summary: bytes


async def current(database: Database) -> Current | None:
    """Return the current version; None before the first one, and when its manifest cannot be decoded."""
    async with database.connection() as connection:
        row = await connection.fetchrow(SQL["current"])
        if row is None:
            return None
        body = await connection.fetchval(SQL["manifest"], row["version"])
        summary = await connection.fetchval(SQL["summary"], row["version"])
    try:
        return Current(manifest=from_bytes(body), revision=row["revision"], summary=summary)
    except DatasetError:
        return None


async def base(database: Database, version: str, revision: int) -> Current:
    """Return a version that represented `revision`; DatasetError when it was deleted or cannot be decoded."""
    async with database.connection() as connection:
        row = await connection.fetchrow(SQL["base"], version)
    if row is None:
        raise DatasetError(f"the version {version} has been deleted")
    return Current(manifest=from_bytes(row["manifest"]), revision=revision, summary=row["summary"])


@dataclass(frozen=True, kw_only=True)
class StoredVersion:
    """A retained version, as it was published: `stats` and `summary` are its encoded statistics and summaries."""

    manifest: Manifest
    stats: bytes
    summary: bytes


async def version_of_data(database: Database, revision: int) -> StoredVersion | None:
    """Return the retained version of equal data whose parts are all stored, None when there is none."""
    async with database.connection() as connection:
        name = await connection.fetchval(SQL["version_of_data"], revision)
        if name is None:
            return None
        row = await connection.fetchrow(SQL["base"], name)
        try:
            manifest = from_bytes(row["manifest"])
        except DatasetError:
            return None
        names = sorted(manifest.part_names())
        existing = await connection.fetch(SQL["select_existing_parts"], names)
    if len(existing) != len(names):
        return None
    return StoredVersion(manifest=manifest, stats=row["about"], summary=row["summary"])


async def next_fence(database: Database) -> int:
    """Return a fence greater than all earlier ones."""
    async with database.connection() as connection:
        return int(await connection.fetchval(SQL["next_fence"]))


async def read_parts(database: Database, names: Sequence[str]) -> dict[str, bytes]:
    """Return the parts that are stored with valid checksums."""
    found: dict[str, bytes] = {}
    for start in range(0, len(names), BATCH):
        async with database.connection() as connection:
            rows = await connection.fetch(SQL["select_parts"], list(names[start : start + BATCH]))
        found |= {row["name"]: row["bytes"] for row in rows if is_intact(row["bytes"])}
    return found


@asynccontextmanager
async def build_transaction(database: Database) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy]:
    """Yield a connection inside one transaction of a build, which the server ends when its process was stopped.

    Nothing between two of its statements may take seconds; a build whose transaction was ended is tried again.
    """
    async with database.transaction() as connection:
        await connection.execute(SQL["limit_build"])
        yield connection


async def write_parts(database: Database, blobs: Mapping[str, bytes]) -> int:
    """Store the parts that are not stored yet; return how many. The publication that follows makes them durable.

    All writers insert in the order of names, which prevents deadlocks.
    """
    while True:
        async with build_transaction(database) as connection:
            await connection.execute(SQL["async_commit"])
            await connection.execute(SQL["limit_copy"])
            existing = {row["name"] for row in await connection.fetch(SQL["select_existing_parts"], list(blobs))}
            missing = sorted((name, blob) for name, blob in blobs.items() if name not in existing)
            try:
                async with connection.transaction():
                    await connection.copy_records_to_table("dataset_part", records=missing, columns=("name", "bytes"))
            except asyncpg.UniqueViolationError:
                continue
            return len(missing)


async def delete_damaged(database: Database, names: Iterable[str]) -> list[str]:
    """Delete the parts whose checksums are invalid, so that they are stored again; return their names."""
    damaged = []
    for name in names:
        async with database.connection() as connection:
            rows = await connection.fetch(SQL["select_parts"], [name])
            if rows and not is_intact(rows[0]["bytes"]):
                await connection.execute(SQL["delete_parts"], [name])
                damaged.append(name)
    return damaged


async def publish(  # noqa: PLR0917
    database: Database, manifest: Manifest, fence: int, stats: bytes, summary: bytes, revision: int | None = None
) -> bool:
    """Make a version current. False: a newer build was published before. DatasetError when parts are missing.

    revision: the newest data revision that it represents, where that is not the one it was built from.
    """
    represented = manifest.revision if revision is None else revision
    names = sorted(manifest.part_names())
    body = to_bytes(manifest)
    async with build_transaction(database) as connection:
        locked = await connection.fetchrow(SQL["lock_current"])
        if locked["fence"] >= fence:
            return False
        existing = await connection.fetch(SQL["select_existing_parts"], names)
        if len(existing) != len(names):
            raise DatasetError(f"{len(names) - len(existing)} parts of {manifest.version} are not stored")
        await connection.execute(SQL["upsert_version"], manifest.version, represented, body, stats, summary, names)
        switched = await connection.fetchval(SQL["switch_current"], manifest.version, represented, fence)
        await connection.execute(SQL["retire"], manifest.version)
        await connection.execute(SQL["drop_claims"], fence)
    return switched is not None


async def delete_unretained(database: Database, retention_days: int) -> tuple[int, int]:
    """Delete versions and parts that no retention rule covers; return how many of each."""
    async with build_transaction(database) as connection:
        await connection.fetchrow(SQL["lock_current"])
        versions = await connection.fetch(SQL["drop_versions"], retention_days)
        status: str = await connection.execute(SQL["drop_parts"])
    return len(versions), int(status.rsplit(" ", 1)[-1])


async def copy_to_cache(
    database: Database, cache: Cache, names: Sequence[str], *, overwrite: bool = False
) -> list[str]:
    """Copy parts to the cache, all of them with `overwrite`, else the missing ones; return those not stored."""
    wanted = list(names) if overwrite else await cache.missing_parts(names)
    absent: list[str] = []
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        found = await read_parts(database, batch)
        await cache.put_parts(found)
        absent += [name for name in batch if name not in found]
    return absent


async def stored_bytes(database: Database) -> dict[str, Any]:
    """Return the number of stored parts and their bytes."""
    async with database.connection() as connection:
        return dict(await connection.fetchrow(SQL["stored_bytes"]))
