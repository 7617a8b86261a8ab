"""What the preparer does when something is asked: prepare the newest revision, or bring parts back into the cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog

from services.preparer import dataset_store
from services.preparer.build import Report, SupersededError, build
from services.preparer.build_plan import Builder
from services.preparer.distributed.leader import Presence
from services.preparer.distributed.worker import Hands
from shared.contracts.events import DatasetPublished
from shared.infra.memory import trim_heap
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.leases import hold
from shared.infra.redis.streams import append

log = structlog.get_logger()

LEASE = "prepare"
WAIT_S = 0.1


class Preparer:
    """One preparer. Any number of them may run: a lease decides who builds, a fence in the record who publishes."""

    def __init__(self, builder: Builder, broker: BrokerClient, broker_url: str, *, keep_days: int = 7) -> None:
        self.builder = builder
        self._broker = broker
        self._broker_url = broker_url
        self._keep_days = keep_days
        self._served: dict[str, float] = {}
        self.presence = Presence(broker, broker_url)
        self.hands = Hands(builder, broker_url, self.presence)

    async def prepare(self, *, rebuild: bool = False) -> Report:
        """See that the newest revision is published, by this preparer or by whoever holds the lease; tell everybody."""
        while True:
            async with hold(self._broker, self._broker_url, LEASE) as lease:
                if lease is not None:
                    try:
                        with self.hands.busy():
                            report = await build(self.builder, rebuild=rebuild, lease=lease, presence=self.presence)
                        await asyncio.to_thread(trim_heap)
                    except SupersededError as error:
                        log.warning("build.superseded", reason=str(error))
                        continue
                    if report.published:
                        await self._publish(report)
                    elif report.version is not None:
                        await self.fill_cache()
                    return report
            await asyncio.sleep(WAIT_S)

    async def fill_cache(self) -> int:
        """Copy to the cache what it lacks of the current version's warm years; returns how many parts were missing."""
        current = await dataset_store.current(self.builder.database)
        if current is None:
            return 0
        manifest = current.manifest
        first = max(manifest.years, default=0) - self.builder.warm_years
        names = {n for years in manifest.stored.values() for y, part in years.items() if int(y) >= first for n in part}
        missing = await self.builder.cache.missing_parts(sorted(names))
        await dataset_store.copy_to_cache(self.builder.database, self.builder.cache, missing, all_of_them=True)
        return len(missing)

    async def bring(self, version: str, names: Sequence[str], asked_at: float) -> None:
        """Copy parts to the cache as somebody asked for at `asked_at` (clock of the broker); tell everybody.

        What was copied since then is there already. Parts that the record lacks, or holds damaged, are built anew from
        the market tables when the version is the current one.
        """
        wanted = [name for name in dict.fromkeys(names) if self._served.get(name, 0.0) <= asked_at]
        if not wanted:
            return
        current = await dataset_store.current(self.builder.database)
        absent = await self._copy(wanted)
        if absent and current is not None and version == current.manifest.version:
            log.warning("parts.rebuilt", version=version, parts=len(absent))
            await dataset_store.forget_damaged(self.builder.database, absent)
            await self.prepare(rebuild=True)
            absent = await self._copy(absent)
        if absent:
            log.error("parts.gone", version=version, parts=len(absent))
        revision = current.revision if current is not None else 0
        await append(self._broker, DatasetPublished(version=version, revision=revision, parts=tuple(wanted)))

    async def _copy(self, names: Sequence[str]) -> list[str]:
        absent = await dataset_store.copy_to_cache(self.builder.database, self.builder.cache, names, all_of_them=True)
        now, gone = time.time(), set(absent)
        if len(self._served) > 100_000:
            self._served.clear()
        self._served |= {name: now for name in names if name not in gone}
        return absent

    async def _drop_superseded(self) -> None:
        """Take parts out of the cache that neither the current version nor the one before it has.

        Who still works on an older version asks for them and gets them from the record.
        """
        async with self.builder.database.connection() as connection:
            rows = await connection.fetch(dataset_store.SQL["superseded_parts"])
        await self.builder.cache.drop_parts([row["name"] for row in rows])

    async def _publish(self, report: Report) -> None:
        assert report.version is not None and report.revision is not None  # noqa: S101, PT018 - published means both
        await append(self._broker, DatasetPublished(version=report.version, revision=report.revision))
        await self._drop_superseded()
        versions, parts = await dataset_store.clean_up(self.builder.database, self._keep_days)
        log.info("dataset.published", version=report.version, versions_dropped=versions, parts_dropped=parts)
