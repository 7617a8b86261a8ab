"""The current dataset version as the warmer needs it, and the wait until the preparer has done its part."""

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
"""How long it may take to bring parts back into the cache."""

_ASK_AGAIN_S: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Current:
    """A dataset version, with what the warm phases need of its manifest. Parts are named by their content."""

    manifest: Manifest
    first_year: int
    """The earliest calendar year that is kept warm."""

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    @property
    def last_day(self) -> dt.date:
        """The last trading day."""
        return from_day(self.manifest.content.days[-1])

    def price_batches(self) -> dict[str, list[str]]:
        """Item -> stored names of parts: the stored price fields, a warm year at a time."""
        years: dict[int, list[str]] = {}
        for field, year, parts in self._chunks():
            if field in STORED:
                years.setdefault(year, []).extend(parts)
        return {str(year): list(dict.fromkeys(parts)) for year, parts in sorted(years.items())}

    def factor_batches(self, parts_each: int) -> dict[str, list[str]]:
        """Item -> stored names of parts: every factor and warm year, `parts_each` parts at a time."""
        columns: dict[int, list[str]] = {}
        for field, _, parts in self._chunks():
            if field not in STORED:
                for place, part in enumerate(parts):
                    columns.setdefault(place // parts_each, []).append(part)
        return {f"batch {place + 1}": list(dict.fromkeys(parts)) for place, parts in sorted(columns.items())}

    def _chunks(self) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        for field, years in sorted(self.manifest.stored.items()):
            for year in sorted(map(int, years)):
                if year >= self.first_year:
                    yield field, year, years[str(year)]

    def warm_parts(self) -> list[str]:
        """Stored names of every part that the price and factor phases need, once."""
        batches = (*self.price_batches().values(), *self.factor_batches(1).values())
        return list(dict.fromkeys(part for parts in batches for part in parts))


def first_warm_year(last: dt.date, years: int, lookback: int) -> int:
    """The calendar year that `years` years before the last trading day touch, less the years of look-back."""
    return last.year - years - lookback


async def wait_until(
    found: Callable[[], Awaitable[bool]], *, ask: Callable[[], Awaitable[object]], within_s: float, what: str
) -> None:
    """Ask, wait for the condition, ask again every ten seconds; UnavailableError after `within_s`."""
    began = asked = time.monotonic()
    await ask()
    pause = 0.02
    while not await found():
        now = time.monotonic()
        if now - began > within_s:
            raise UnavailableError(f"{what} did not come within {within_s:.0f} s; look at the preparer's log.")
        if now - asked > _ASK_AGAIN_S:
            asked = now
            await ask()
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)


async def bring_parts(cache: Cache, broker: BrokerClient, version: str, parts: Sequence[str]) -> int:
    """See that all of `parts` lie in the cache; returns how many the preparer had to bring."""
    missing = await cache.missing_parts(parts)
    if not missing:
        return 0

    async def ask() -> None:
        try:
            absent = await cache.missing_parts(missing)
            await asyncio.shield(append(broker, DatasetRequested(version=version, parts=tuple(absent))))
        except LOST:
            return  # asked again in a while

    async def there() -> bool:
        return not await cache.missing_parts(missing)

    await wait_until(there, ask=ask, within_s=PARTS_S, what=f"{len(missing)} chunk parts")
    return len(missing)


async def current_version(database: Database) -> tuple[str, int] | None:
    """(version, newest revision that it stands for) of the current dataset; None when there is none yet."""
    async with database.connection() as connection:
        row = await connection.fetchrow(statements("dataset")["current"])
    return None if row is None or row["version"] is None else (row["version"], row["revision"])


async def newest_revision(database: Database) -> int | None:
    """The newest data revision; None when no market data are loaded."""
    async with database.connection() as connection:
        found: int | None = await connection.fetchval(statements("warm")["newest_revision"])
    return found


async def is_prepared(database: Database) -> bool:
    """Whether the current version stands for the newest data revision."""
    newest, known = await newest_revision(database), await current_version(database)
    return newest is None or (known is not None and known[1] >= newest)


async def prepared(database: Database, broker: BrokerClient) -> None:
    """See that the newest data revision is published, asking the preparer for it if need be."""

    async def ask() -> None:
        try:
            await asyncio.shield(append(broker, DatasetRequested()))
        except LOST:
            return  # asked again in a while

    async def there() -> bool:
        return await is_prepared(database)

    if not await there():
        await wait_until(there, ask=ask, within_s=PREPARE_S, what="The dataset of the newest data revision")


async def current(database: Database, settings: Settings) -> Current:
    """The current version with its manifest, read from the record; OndolError when there is none."""
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
    """Encoded bytes of parts, as the record holds them."""
    async with database.connection() as connection:
        return int(await connection.fetchval(statements("warm")["part_bytes"], list(parts)))
