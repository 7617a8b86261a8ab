"""The dataset versions that requests are checked against; the current one changes on publication."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import structlog

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

log = structlog.get_logger()

SQL = statements("dataset")
BACKTEST = statements("backtest")
KEPT = 3
BELIEVED_S = 2.0
"""How long the current version is believed without asking again; a publication is heard of at once."""

Days = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, kw_only=True)
class View:
    """A dataset version as the api needs it: what is in it, without the data."""

    manifest: Manifest

    @property
    def version(self) -> str:
        """Its name."""
        return self.manifest.version

    @cached_property
    def days(self) -> Days:
        """int32 [D]: the trading days."""
        return self.manifest.days

    @property
    def instruments(self) -> Instruments:
        """The columns."""
        return self.manifest.instruments

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Stock codes, ascending."""
        return tuple(sorted(self.manifest.instruments.code))

    @cached_property
    def indices(self) -> frozenset[str]:
        """Names of the loaded indices."""
        return frozenset(self.manifest.content.indices)

    @cached_property
    def factors(self) -> frozenset[str]:
        """Factor keys in this version."""
        return self.manifest.factors

    def first_and_last(self) -> tuple[dt.date | None, dt.date | None]:
        """The first and the last trading day."""
        if not len(self.days):
            return None, None
        return from_day(int(self.days[0])), from_day(int(self.days[-1]))


class Datasets:
    """Views by version."""

    def __init__(self, database: Database, broker: BrokerClient) -> None:
        self._database = database
        self._broker = broker
        self._views: OrderedDict[str, View] = OrderedDict()
        self._current: str | None = None
        self._asked_at = -BELIEVED_S
        self._waiters: set[asyncio.Future[None]] = set()
        self._loading: dict[str, asyncio.Task[View | None]] = {}
        self.published_at: float | None = None

    async def current(self) -> View | None:
        """The current version, None before the first one."""
        now = time.monotonic()
        if now - self._asked_at >= BELIEVED_S:
            async with self._database.connection() as connection:
                row = await connection.fetchrow(SQL["current"])
            self._asked_at = now
            self._current = None if row is None else row["version"]
            self.published_at = None if row is None else row["built_at"].timestamp()
        return None if self._current is None else await self.get(self._current)

    async def get(self, version: str) -> View | None:
        """A version by its name, None when it is not kept."""
        held = self._views.get(version)
        if held is not None:
            self._views.move_to_end(version)
            return held
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
        view = View(manifest=await asyncio.to_thread(from_bytes, bytes(body)))
        _ = view.days, view.indices, view.instruments.ordinal
        self._views[version] = view
        while len(self._views) > KEPT:
            self._views.popitem(last=False)
        return view

    async def has_data(self) -> bool:
        """Whether any market data were loaded."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(BACKTEST["has_data"]))

    async def ask_for_first(self) -> None:
        """Tell the preparer that somebody waits for the first version."""
        try:
            await asyncio.shield(append(self._broker, DatasetRequested(version=None)))
        except LOST as error:
            log.warning("dataset.not_asked", error=type(error).__name__)

    async def changed(self, seconds: float) -> None:
        """Wait for a publication, at most this long."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            return
        finally:
            self._waiters.discard(waiter)

    def wake(self) -> None:
        """Somebody waited for a version, or for a row that waited for one."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def follow(self, published: asyncio.Event) -> None:
        """Task: hear of publications."""
        broadcast = Broadcast(self._broker, DATASETS)
        started = False
        while True:
            try:
                if not started:
                    await broadcast.start()
                    started = True
                for _, event in await broadcast.read():
                    if isinstance(event, DatasetPublished) and not event.parts:
                        self._asked_at = -BELIEVED_S
                        await self.current()
                        published.set()
            except (*LOST, *DATABASE_LOST, UnavailableError, DatasetError) as error:
                log.warning("datasets.lost", error=type(error).__name__)
                await asyncio.sleep(0.3)
