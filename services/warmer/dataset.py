"""The current dataset version for the warmer, and waiting for the preparer."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.events import DatasetRequested
from shared.dataset.manifest import Manifest, from_bytes
from shared.errors import OndolError, UnavailableError
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append
from shared.model.calendar import from_day
from shared.model.fields import STORED
from shared.settings import Settings

PREPARE_S: Final = 1800.0
"""How long the preparer may take to publish a version."""

PARTS_S: Final = 120.0
"""How long it may take to put parts into the cache."""

_REQUEST_AGAIN_S: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Current:
    """A dataset version with the parts of the warm phases. Parts are named by their content."""

    manifest: Manifest
    first_year: int
    """The earliest calendar year that is warmed."""

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    @property
    def last_day(self) -> dt.date:
        """The last trading day."""
        return from_day(self.manifest.content.days[-1])

    def price_batches(self) -> dict[str, list[str]]:
        """Return item -> stored names of parts: the stored price fields, one year per item."""
        years: dict[int, list[str]] = {}
        for field, year, parts in self._chunks():
            if field in STORED:
                years.setdefault(year, []).extend(parts)
        return {str(year): list(dict.fromkeys(parts)) for year, parts in sorted(years.items())}

    def factor_batches(self, parts_per_batch: int) -> dict[str, list[str]]:
        """Return item -> stored names of parts: all factors and years, `parts_per_batch` parts of each per item."""
        columns: dict[int, list[str]] = {}
        for field, _, parts in self._chunks():
            if field not in STORED:
                for position, part in enumerate(parts):
                    columns.setdefault(position // parts_per_batch, []).append(part)
        return {f"batch {number + 1}": list(dict.fromkeys(parts)) for number, parts in sorted(columns.items())}

    def _chunks(self) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        for field, years in sorted(self.manifest.stored.items()):
            for year in sorted(map(int, years)):
                if year >= self.first_year:
                    yield field, year, years[str(year)]

    def warm_parts(self) -> list[str]:
        """Return the stored names of all parts of the price and factor phases, without duplicates."""
        batches = (*self.price_batches().values(), *self.factor_batches(1).values())
        return list(dict.fromkeys(part for parts in batches for part in parts))


def first_warm_year(last: dt.date, years: int, lookback: int) -> int:
    """Return the year of the day `years` years before the last trading day, minus the look-back years."""
    return last.year - years - lookback


async def wait_until(
    condition: Callable[[], Awaitable[bool]], *, request: Callable[[], Awaitable[object]], within_s: float, what: str
) -> None:
    """Send a request every ten seconds until the condition holds; UnavailableError after `within_s`."""
    began = requested = time.monotonic()
    await request()
    pause = 0.02
    while not await condition():
        now = time.monotonic()
        if now - began > within_s:
            raise UnavailableError(f"{what} not available within {within_s:.0f} s; see the log of the preparer.")
        if now - requested > _REQUEST_AGAIN_S:
            requested = now
            await request()
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)


async def ensure_parts(cache: Cache, broker: BrokerClient, version: str, parts: Sequence[str]) -> int:
    """Wait until the cache holds all `parts`; return how many the preparer had to provide."""
    missing = await cache.missing_parts(parts)
    if not missing:
        return 0

    async def request() -> None:
        try:
            absent = await cache.missing_parts(missing)
            await asyncio.shield(append(broker, DatasetRequested(version=version, parts=tuple(absent))))
        except LOST:
            return  # requested again by `wait_until`

    async def are_cached() -> bool:
        return not await cache.missing_parts(missing)

    await wait_until(are_cached, request=request, within_s=PARTS_S, what=f"{len(missing)} chunk parts")
    return len(missing)


async def current_version(database: Database) -> tuple[str, int] | None:
    """Return (version, newest data revision it represents) of the current dataset; None before the first one."""
    async with database.connection() as connection:
        row = await connection.fetchrow(statements("dataset")["current"])
    return None if row is None or row["version"] is None else (row["version"], row["revision"])


async def newest_revision(database: Database) -> int | None:
    """Return the newest data revision; None when no market data are loaded."""
    async with database.connection() as connection:
        found: int | None = await connection.fetchval(statements("warm")["select_newest_revision"])
    return found


async def is_prepared(database: Database) -> bool:
    """Return whether the current version represents the newest data revision."""
    newest, known = await newest_revision(database), await current_version(database)
    return newest is None or (known is not None and known[1] >= newest)


async def ensure_prepared(database: Database, broker: BrokerClient) -> None:
    """Wait until the newest data revision is published; request it from the preparer if necessary."""

    async def request() -> None:
        try:
            await asyncio.shield(append(broker, DatasetRequested()))
        except LOST:
            return  # requested again by `wait_until`

    async def is_published() -> bool:
        return await is_prepared(database)

    if not await is_published():
        await wait_until(
            is_published, request=request, within_s=PREPARE_S, what="The dataset of the newest data revision"
        )


async def current(database: Database, settings: Settings) -> Current:
    """Read the current version and its manifest from PostgreSQL; OndolError when there is none."""
    known = await current_version(database)
    body = None
    if known is not None:
        async with database.connection() as connection:
            body = await connection.fetchval(statements("dataset")["manifest"], known[0])
    if body is None:
        raise OndolError("No dataset is prepared: run `ondol prepare`.")
    manifest = await asyncio.to_thread(from_bytes, body.encode() if isinstance(body, str) else bytes(body))
    last = from_day(manifest.content.days[-1])
    return Current(
        manifest=manifest, first_year=first_warm_year(last, settings.warm_years, settings.warm_lookback_years)
    )


async def bytes_of(database: Database, parts: Sequence[str]) -> int:
    """Return the encoded size of parts in PostgreSQL."""
    async with database.connection() as connection:
        return int(await connection.fetchval(statements("warm")["select_part_bytes"], list(parts)))
