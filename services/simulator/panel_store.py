"""The dataset versions that this process has mapped, and how it gets what no tier within reach holds."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog
from redis.asyncio import Redis

from shared.contracts.events import DATASETS, DatasetPublished, DatasetRequested
from shared.dataset.manifest import Manifest, from_bytes
from shared.dataset.panel_reader import Reading
from shared.dataset.panels import MappedPanels
from shared.errors import ChunkMissingError, DatasetError, RunError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import Broadcast, append

log = structlog.get_logger()

SQL = statements("dataset")
KEPT_VERSIONS = 3
WAIT_S = 60.0
"""How long a backtest waits for chunks that the preparer has to bring."""
ASK_AGAIN_S = 10.0


class Versions:
    """Mapped panels by dataset version; `of` runs in worker threads, everything else in the event loop."""

    def __init__(self, *, directory: str, budget_bytes: int, cache: Cache, broker: Redis, database: Database) -> None:
        self._directory = directory
        self._budget_bytes = budget_bytes
        self._cache = cache
        self._broker = broker
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._held: OrderedDict[str, MappedPanels] = OrderedDict()
        self._guard = threading.Lock()
        self._published: set[asyncio.Future[None]] = set()

    async def panels(self, version: str) -> MappedPanels:
        """The panels of a version; RunError `dataset_gone` when there is no such version any more."""
        with self._guard:
            held = self._held.get(version)
            if held is not None:
                self._held.move_to_end(version)
                return held
        manifest = await self._manifest(version)
        made = await asyncio.to_thread(MappedPanels, self._directory, manifest, self._fetch, self._budget_bytes)
        with self._guard:
            held = self._held.setdefault(version, made)
            while len(self._held) > KEPT_VERSIONS:
                self._held.popitem(last=False)
        return held

    async def _manifest(self, version: str) -> Manifest:
        body = await self._cache.get_manifest(version)
        if body is not None:
            try:
                return await asyncio.to_thread(from_bytes, body)
            except DatasetError as error:
                log.warning("manifest.damaged", version=version, error=str(error))
        async with self._database.connection() as connection:
            body = await connection.fetchval(SQL["manifest"], version)
        if body is None:
            raise RunError("dataset_gone", f"The dataset version {version} is not kept any more.")
        return await asyncio.to_thread(from_bytes, body.encode() if isinstance(body, str) else bytes(body))

    def _fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """What the cache holds of these parts; called by worker threads."""
        return asyncio.run_coroutine_threadsafe(self._cache.get_parts(names), self._loop).result(30)

    async def bring(self, version: str, missing: tuple[str, ...], alive: Callable[[], bool]) -> None:
        """Ask the preparer for parts and wait until they are in the cache; ChunkMissingError when it takes too long."""
        deadline = time.monotonic() + WAIT_S
        ask_at = 0.0
        left = list(missing)
        # damaged parts are in the cache and useless there: the preparer writes all that it is asked for
        while alive():
            if time.monotonic() >= ask_at:
                ask_at = time.monotonic() + ASK_AGAIN_S
                log.info("dataset.asked", version=version, parts=len(left))
                await append(self._broker, DatasetRequested(version=version, parts=tuple(left)))
            await self._publication(0.25)
            left = await self._cache.missing_parts(left)
            if not left:
                return
            if time.monotonic() >= deadline:
                raise ChunkMissingError(tuple(left))

    async def _publication(self, seconds: float) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._published.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return
        finally:
            self._published.discard(waiter)

    async def follow(self) -> None:
        """Task: hear of publications; map of a new version what was used of the last one before anybody asks."""
        broadcast = Broadcast(self._broker, DATASETS)
        started = False
        while True:
            try:
                if not started:
                    await broadcast.start()
                    started = True
                for _, event in await broadcast.read():
                    if isinstance(event, DatasetPublished):
                        for waiter in self._published:
                            if not waiter.done():
                                waiter.set_result(None)
                        if not event.parts:
                            await self._take_over(event.version)
            except LOST as error:
                log.warning("datasets.lost", error=type(error).__name__)
                await asyncio.sleep(0.2)

    async def _take_over(self, version: str) -> None:
        with self._guard:
            before = next(reversed(self._held.values()), None)
        if before is None or before.version == version:
            return
        wanted = {field: years for field, years in before.mapped_fields().items() if years}
        try:
            panels = await self.panels(version)
            await asyncio.to_thread(_map_years, panels.reading(), panels.manifest.years, wanted)
        except (DatasetError, RunError, UnavailableError, *DATABASE_LOST) as error:
            log.warning("dataset.not_mapped_ahead", version=version, error=str(error))
            return
        log.info("dataset.mapped_ahead", version=version, fields=len(wanted))


def _map_years(reading: Reading, rows_of: dict[int, slice], wanted: dict[str, tuple[int, ...]]) -> None:
    """Map these years of these fields; a year that grew is mapped whole."""
    newest = max(rows_of, default=0)
    for field, years in wanted.items():
        for year in sorted({*years, newest} & set(rows_of)):
            reading.panel(field, rows_of[year])
