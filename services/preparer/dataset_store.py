"""The record of versions and parts in PostgreSQL, and their copies in the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    """The current version with what an incremental build continues from."""

    manifest: Manifest
    revision: int
    """The newest data revision that the version stands for (its manifest names the one it was built from)."""
    summary: bytes


async def current(database: Database) -> Current | None:
    """The current version; None before the first one. A manifest that cannot be read counts as none."""
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
    """A version to continue from, which stood for `revision`; DatasetError when it is gone or cannot be read."""
    async with database.connection() as connection:
        row = await connection.fetchrow(SQL["base"], version)
    if row is None:
        raise DatasetError(f"the version {version} is gone")
    return Current(manifest=from_bytes(row["manifest"]), revision=revision, summary=row["summary"])


async def next_fence(database: Database) -> int:
    """A fence newer than every one before."""
    async with database.connection() as connection:
        return int(await connection.fetchval(SQL["next_fence"]))


async def read_parts(database: Database, names: Sequence[str]) -> dict[str, bytes]:
    """The parts that the record holds intact."""
    found: dict[str, bytes] = {}
    for start in range(0, len(names), BATCH):
        async with database.connection() as connection:
            rows = await connection.fetch(SQL["select_parts"], list(names[start : start + BATCH]))
        found |= {row["name"]: row["bytes"] for row in rows if is_intact(row["bytes"])}
    return found


async def write_parts(database: Database, blobs: Mapping[str, bytes]) -> int:
    """Store the parts that the record lacks; returns how many. The publication that follows makes them durable.

    All writers insert in the order of names, so that none waits for another that waits for it.
    """
    while True:
        async with database.transaction() as connection:
            await connection.execute(SQL["async_commit"])
            held = {row["name"] for row in await connection.fetch(SQL["select_existing_parts"], list(blobs))}
            lacking = sorted((name, blob) for name, blob in blobs.items() if name not in held)
            try:
                async with connection.transaction():
                    await connection.copy_records_to_table("dataset_part", records=lacking, columns=("name", "bytes"))
            except asyncpg.UniqueViolationError:
                continue
            return len(lacking)


async def forget_damaged(database: Database, names: Iterable[str]) -> list[str]:
    """Delete those of these parts whose checksums do not hold, so that they are written anew; returns their names."""
    damaged = []
    for name in names:
        async with database.connection() as connection:
            rows = await connection.fetch(SQL["select_parts"], [name])
            if rows and not is_intact(rows[0]["bytes"]):
                await connection.execute(SQL["delete_parts"], [name])
                damaged.append(name)
    return damaged


async def publish(database: Database, manifest: Manifest, fence: int, about: bytes, summary: bytes) -> bool:
    """Make a version current. False: a newer builder was first. DatasetError when the record lacks parts of it."""
    names = sorted(manifest.part_names())
    body = to_bytes(manifest)
    async with database.transaction() as connection:
        standing = await connection.fetchrow(SQL["lock_current"])
        if standing["fence"] >= fence:
            return False
        held = await connection.fetch(SQL["select_existing_parts"], names)
        if len(held) != len(names):
            raise DatasetError(f"{len(names) - len(held)} parts of {manifest.version} are not in the record")
        await connection.execute(
            SQL["upsert_version"], manifest.version, manifest.revision, body, about, summary, names
        )
        switched = await connection.fetchval(SQL["switch_current"], manifest.version, manifest.revision, fence)
        await connection.execute(SQL["retire"], manifest.version)
        await connection.execute(SQL["drop_claims"], fence)
    return switched is not None


async def clean_up(database: Database, keep_days: int) -> tuple[int, int]:
    """Drop versions and parts that nothing retains; returns how many of each."""
    async with database.transaction() as connection:
        await connection.fetchrow(SQL["lock_current"])
        versions = await connection.fetch(SQL["drop_versions"], keep_days)
        answer: str = await connection.execute(SQL["drop_parts"])
    return len(versions), int(answer.rsplit(" ", 1)[-1])


async def copy_to_cache(
    database: Database, cache: Cache, names: Sequence[str], *, all_of_them: bool = False
) -> list[str]:
    """Copy parts from the record to the cache, those that it lacks or `all_of_them`; returns what the record lacks."""
    wanted = list(names) if all_of_them else await cache.missing_parts(names)
    absent: list[str] = []
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        found = await read_parts(database, batch)
        await cache.put_parts(found)
        absent += [name for name in batch if name not in found]
    return absent


async def stored_bytes(database: Database) -> dict[str, Any]:
    """How many parts the record holds, and their bytes."""
    async with database.connection() as connection:
        return dict(await connection.fetchrow(SQL["stored_bytes"]))
