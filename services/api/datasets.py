"""Dataset versions that requests are validated against; the current one changes on publication."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import structlog
from cachetools import LRUCache

from services.api.change_signal import ChangeSignal
from shared.contracts.events import DATASETS, DatasetPublished, DatasetRequested
from shared.dataset.manifest import Manifest, from_bytes
from shared.errors import DatasetError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import Broadcast, append
from shared.model.calendar import from_day
from shared.model.instruments import Instruments
from shared.model.stock_search import StockSearch

log = structlog.get_logger()

SQL = statements("dataset")
BACKTEST = statements("backtest")
MAX_VIEWS = 3
CURRENT_TTL_S = 2.0
"""Time for which the current version is cached; a publication is received at once."""

Days = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, kw_only=True)
class View:
    """The manifest of a dataset version, as requests are validated against it."""

    manifest: Manifest

    @property
    def version(self) -> str:
        """Name of the version."""
        return self.manifest.version

    @cached_property
    def days(self) -> Days:
        """int32 [D]: trading days, ascending."""
        return self.manifest.days

    @property
    def instruments(self) -> Instruments:
        """The stocks, by column."""
        return self.manifest.instruments

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Stock codes, ascending."""
        return tuple(sorted(self.manifest.instruments.code))

    @cached_property
    def search(self) -> StockSearch:
        """The search of stocks by code, name and initial consonants."""
        return StockSearch.of(self.instruments, int(self.days[-1]) if len(self.days) else 0)

    @cached_property
    def indices(self) -> frozenset[str]:
        """Names of the loaded indices."""
        return frozenset(self.manifest.content.indices)

    @cached_property
    def factors(self) -> frozenset[str]:
        """Keys of the factors in this version."""
        return self.manifest.factors

    def first_and_last(self) -> tuple[dt.date | None, dt.date | None]:
        """Return the first and the last trading day, None for a version without days."""
        if not len(self.days):
            return None, None
        return from_day(int(self.days[0])), from_day(int(self.days[-1]))


class Datasets:
    """Views by version."""

    def __init__(self, database: Database, broker: BrokerClient) -> None:
        self._database = database
        self._broker = broker
        self._views: LRUCache[str, View] = LRUCache(MAX_VIEWS)
        self._unreadable: set[str] = set()
        self._current: str | None = None
        self._queried_at = -CURRENT_TTL_S
        self._loading: dict[str, asyncio.Task[View | None]] = {}
        self.changed = ChangeSignal()
        """Notified when pending backtests get a version."""
        self.published_at: float | None = None

    async def current(self) -> View | None:
        """Return the current version, None before the first one that can be read."""
        now = time.monotonic()
        if now - self._queried_at >= CURRENT_TTL_S:
            async with self._database.connection() as connection:
                row = await connection.fetchrow(SQL["current"])
            self._queried_at = now
            self._current = None if row is None else row["version"]
            self.published_at = None if row is None else row["built_at"].timestamp()
        return None if self._current is None else await self.get(self._current)

    async def get(self, version: str) -> View | None:
        """Return a version by its name, None when it does not exist or has the format of another program version.

        The preparer of this version builds another one from the same data.
        """
        cached = self._views.get(version)
        if cached is not None:
            return cached
        loading = self._loading.get(version)
        if loading is None:
            loading = self._loading[version] = asyncio.ensure_future(self._load(version))
            loading.add_done_callback(lambda _: self._loading.pop(version, None))
        return await asyncio.shield(loading)

    async def _load(self, version: str) -> View | None:
        async with self._database.connection() as connection:
            body = await connection.fetchval(SQL["manifest"], version)
        if body is None:
            return None
        try:
            view = View(manifest=await asyncio.to_thread(from_bytes, bytes(body)))
        except DatasetError as error:
            if version not in self._unreadable:
                self._unreadable.add(version)
                log.warning("dataset.unreadable", version=version, error=str(error))
            return None
        _ = view.days, view.indices, view.instruments.ordinal, view.search
        self._views[version] = view
        return view

    async def has_data(self) -> bool:
        """Return whether any market data are loaded."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(BACKTEST["has_data"]))

    async def request_first(self) -> None:
        """Request the first version from the preparer; when the broker is unavailable, it builds on its own later."""
        try:
            await asyncio.shield(append(self._broker, DatasetRequested(version=None)))
        except LOST as error:
            log.warning("dataset.request_failed", error=type(error).__name__)

    async def wait_for_change(self, timeout_s: float) -> None:
        """Wait until pending backtests get a version, at most `timeout_s`."""
        await self.changed.wait(timeout_s)

    async def follow(self, published: asyncio.Event) -> None:
        """Task: receive publications and set `published` after each."""

        def on_lost(error: Exception) -> None:
            log.warning("broker.disconnected", error=type(error).__name__)

        async for event in Broadcast(self._broker, DATASETS).follow(on_lost):
            if isinstance(event, DatasetPublished) and not event.parts:
                self._queried_at = -CURRENT_TTL_S
                try:
                    await self.current()
                except (*DATABASE_LOST, UnavailableError, DatasetError) as error:  # the next query reads it again
                    self._queried_at = -CURRENT_TTL_S
                    log.warning("dataset.read_failed", error=type(error).__name__)
                published.set()
