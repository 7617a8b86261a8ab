"""Handle requests: build a version of the newest revision, or restore parts in the cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import structlog
from cachetools import LRUCache

from services.preparer import dataset_store
from services.preparer.build import BuildReport, SupersededError, build_version
from services.preparer.build_plan import BuildContext
from services.preparer.distributed.membership import Membership
from services.preparer.distributed.worker import PartWorker
from shared.contracts.events import DatasetPublished
from shared.infra.memory import trim_heap
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.leases import hold
from shared.infra.redis.streams import append

log = structlog.get_logger()

LEASE = "prepare"
WAIT_S = 0.1
MAX_COPIED = 100_000


class Preparer:
    """One of any number of preparers: a lease decides which one builds, a fence in PostgreSQL which one publishes."""

    def __init__(
        self, context: BuildContext, broker: BrokerClient, broker_url: str, *, retention_days: int = 7
    ) -> None:
        self.context = context
        self._broker = broker
        self._broker_url = broker_url
        self._keep_days = retention_days
        self._copied_at: LRUCache[str, float] = LRUCache(MAX_COPIED)
        self.membership = Membership(broker, broker_url)
        self.part_worker = PartWorker(context, broker_url, self.membership)

    async def prepare(self, *, rebuild: bool = False) -> BuildReport:
        """Publish a version of the newest revision, or wait until the preparer that holds the lease has done so."""
        while True:
            async with hold(self._broker, self._broker_url, LEASE) as lease:
                if lease is not None:
                    try:
                        with self.part_worker.leading():
                            report = await build_version(
                                self.context, rebuild=rebuild, lease=lease, membership=self.membership
                            )
                        await asyncio.to_thread(trim_heap)
                    except SupersededError as error:
                        log.warning("build.superseded", reason=str(error))
                        continue
                    if report.published:
                        await self._publish(report)
                        if not report.parts_built:  # an earlier version, whose parts may have left the cache
                            await self.fill_cache()
                    elif report.version is not None:
                        await self.fill_cache()
                    return report
            await asyncio.sleep(WAIT_S)

    async def fill_cache(self) -> int:
        """Copy the missing parts of the current version's warm years to the cache; return how many were missing."""
        current = await dataset_store.current(self.context.database)
        if current is None:
            return 0
        manifest = current.manifest
        first = max(manifest.years, default=0) - self.context.warm_years
        names = {n for years in manifest.stored.values() for y, part in years.items() if int(y) >= first for n in part}
        missing = await self.context.cache.missing_parts(sorted(names))
        await dataset_store.copy_to_cache(self.context.database, self.context.cache, missing, overwrite=True)
        return len(missing)

    async def restore_parts(self, version: str, names: Sequence[str], requested_at: float) -> None:
        """Copy parts to the cache that were requested at `requested_at` (broker's clock), and publish that.

        Parts that were copied since then are skipped. Parts that are not stored, or are damaged, are built again from
        the market tables when the version is the current one.
        """
        wanted = [name for name in dict.fromkeys(names) if self._copied_at.get(name, 0.0) <= requested_at]
        if not wanted:
            return
        current = await dataset_store.current(self.context.database)
        absent = await self._copy(wanted)
        if absent and current is not None and version == current.manifest.version:
            log.warning("parts.rebuilt", version=version, parts=len(absent))
            await dataset_store.delete_damaged(self.context.database, absent)
            await self.prepare(rebuild=True)
            absent = await self._copy(absent)
        if absent:
            log.error("parts.unavailable", version=version, parts=len(absent))
        revision = current.revision if current is not None else 0
        await append(self._broker, DatasetPublished(version=version, revision=revision, parts=tuple(wanted)))

    async def _copy(self, names: Sequence[str]) -> list[str]:
        begin = time.time()  # a request from while parts are copied may be about one that was damaged after its copy
        absent = await dataset_store.copy_to_cache(self.context.database, self.context.cache, names, overwrite=True)
        self._copied_at.update(dict.fromkeys(set(names) - set(absent), begin))
        return absent

    async def _drop_superseded(self) -> None:
        """Delete parts from the cache that neither the current version nor the previous one has.

        A simulator that uses an older version requests them again and receives them from PostgreSQL.
        """
        async with self.context.database.connection() as connection:
            rows = await connection.fetch(dataset_store.SQL["superseded_parts"])
        await self.context.cache.drop_parts([row["name"] for row in rows])

    async def _publish(self, report: BuildReport) -> None:
        assert report.version is not None and report.revision is not None  # noqa: S101, PT018 - published means both
        await append(self._broker, DatasetPublished(version=report.version, revision=report.revision))
        await self._drop_superseded()
        versions, parts = await dataset_store.delete_unretained(self.context.database, self._keep_days)
        log.info("dataset.published", version=report.version, versions_deleted=versions, parts_deleted=parts)
