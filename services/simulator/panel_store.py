"""The dataset versions that this process has opened; missing chunk parts are requested from the preparer."""

from __future__ import annotations

import asyncio
import gc
import pathlib
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from cachetools import LRUCache

from shared.contracts.events import DATASETS, DatasetPublished, DatasetRequested
from shared.dataset.manifest import Manifest, from_bytes
from shared.dataset.panel_files import RELEASE_S, PanelFiles
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.errors import ChunkMissingError, DatasetError, RunError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.memory import unlinked_bytes
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Broadcast, append
from shared.messages import say

log = structlog.get_logger()

SQL = statements("dataset")
MAX_OPEN_VERSIONS = 3
WAIT_S = 60.0
"""How long a backtest waits for chunks that the preparer has to provide."""
REQUEST_AGAIN_S = 10.0
POLL_S = 0.25
COLLECT_S = 10.0
"""How often garbage is collected while evicted files are mapped."""


class PanelStore:
    """Mapped panels by dataset version; `_fetch` runs in worker threads, everything else in the event loop."""

    def __init__(
        self, *, directory: str, budget_bytes: int, cache: Cache, broker: BrokerClient, database: Database
    ) -> None:
        self._directory = directory
        self.files = PanelFiles(pathlib.Path(directory), budget_bytes)
        self._budget_bytes = budget_bytes
        self._cache = cache
        self._broker = broker
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._open: LRUCache[str, MappedPanels] = LRUCache(MAX_OPEN_VERSIONS)
        self._newest: str | None = None
        """The version that was used last."""
        self._lock = threading.Lock()
        self._published = asyncio.Condition()

    async def panels(self, version: str) -> MappedPanels:
        """Return the panels of a version; RunError `dataset_gone` when the version was deleted."""
        opened = self._opened(version)
        if opened is not None:
            return opened
        manifest = await self._manifest(version)
        created = await asyncio.to_thread(MappedPanels, self._directory, manifest, self._fetch, self._budget_bytes)
        with self._lock:
            self._newest = version
            return self._open.setdefault(version, created)

    def _opened(self, version: str) -> MappedPanels | None:
        with self._lock:
            opened: MappedPanels | None = self._open.get(version)
            if opened is not None:
                self._newest = version
            return opened

    async def _manifest(self, version: str) -> Manifest:
        body = await self._cache.get_manifest(version)
        if body is not None:
            try:
                found = await asyncio.to_thread(from_bytes, body)
                if found.version == version:
                    return found
                log.warning("manifest.rejected", version=version, error=f"it is that of {found.version}")
            except DatasetError as error:
                log.warning("manifest.rejected", version=version, error=str(error))
        async with self._database.connection() as connection:
            body = await connection.fetchval(SQL["manifest"], version)
        if body is None:
            raise RunError("dataset_gone", say("dataset_gone", version=version))
        return await asyncio.to_thread(from_bytes, body.encode() if isinstance(body, str) else bytes(body))

    def _fetch(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the parts that the cache holds; called by worker threads."""
        return asyncio.run_coroutine_threadsafe(self._cache.get_parts(names), self._loop).result(30)

    async def fetch_missing(self, version: str, missing: tuple[str, ...], is_wanted: Callable[[], bool]) -> None:
        """Request parts from the preparer and wait until the cache holds them, or until `is_wanted` is false.

        Raises ChunkMissingError after `WAIT_S` seconds.
        """
        deadline = time.monotonic() + WAIT_S
        request_at = 0.0
        absent = list(missing)
        # a damaged part is in the cache and must be replaced: the preparer writes every part that is requested
        while is_wanted():
            if time.monotonic() >= request_at:
                request_at = time.monotonic() + REQUEST_AGAIN_S
                log.info("parts.requested", version=version, parts=len(absent))
                await append(self._broker, DatasetRequested(version=version, parts=tuple(absent)))
            await self._wait_for_publication(POLL_S)
            absent = await self._cache.missing_parts(absent)
            if not absent:
                return
            if time.monotonic() >= deadline:
                raise ChunkMissingError(tuple(absent))

    async def _wait_for_publication(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._published:
                await self._published.wait()

    async def release_evicted_forever(self) -> None:
        """Task: unmap files that were evicted, also while this process has nothing to do.

        A run that was cancelled or failed leaves arrays in cycles of its exception, which only the collector frees; it
        does not run while this process has nothing to do.
        """
        collect_at = time.monotonic() + COLLECT_S
        while True:
            await asyncio.sleep(RELEASE_S)
            with self._lock:
                opened = list(self._open.values())
            for panels in opened:
                if panels.has_evicted:
                    await asyncio.to_thread(panels.release_evicted)
            if time.monotonic() >= collect_at:
                collect_at = time.monotonic() + COLLECT_S
                if await asyncio.to_thread(unlinked_bytes, self._directory):
                    gc.collect()

    async def follow(self) -> None:
        """Task: follow publications; map the data of a new version that were used of the previous one."""
        async for event in Broadcast(self._broker, DATASETS).follow(_log_lost):
            if isinstance(event, DatasetPublished):
                async with self._published:
                    self._published.notify_all()
                if not event.parts:
                    await self._map_ahead(event.version)

    async def _map_ahead(self, version: str) -> None:
        with self._lock:
            before = None if self._newest is None else self._open.get(self._newest)
        if before is None or before.version == version:
            return
        wanted = {field: years for field, years in before.mapped_fields().items() if years}
        try:
            panels = await self.panels(version)
            await asyncio.to_thread(_map_years, panels.reader(), panels.manifest.years, wanted)
        except (DatasetError, RunError, UnavailableError, *DATABASE_LOST) as error:
            log.warning("dataset.map_ahead_failed", version=version, error=str(error))
            return
        log.info("dataset.mapped_ahead", version=version, fields=len(wanted))


def _log_lost(error: Exception) -> None:
    log.warning("broker.disconnected", error=type(error).__name__)


def _map_years(reader: PanelReader, rows_of: dict[int, slice], wanted: dict[str, tuple[int, ...]]) -> None:
    """Map these years of these fields, and the newest year of each."""
    newest = max(rows_of, default=0)
    for field, years in wanted.items():
        for year in sorted({*years, newest} & set(rows_of)):
            reader.panel(field, rows_of[year])
