"""Computing time of answers, which counts in the shares of their owners as that of backtests does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import asyncpg
import structlog

from shared.errors import UnavailableError
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements

log = structlog.get_logger()

SQL = statements("queue")
STORE_EVERY_S = 0.25

P = ParamSpec("P")
R = TypeVar("R")


class ComputedTime:
    """Collects nanoseconds of one core by owner, and stores them in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._collected: Counter[str] = Counter()

    def add(self, owner: str, nanoseconds: int) -> None:
        """Count computing time of an owner; from any thread."""
        with self._lock:
            self._collected[owner] += nanoseconds

    async def in_thread(self, owner: str, compute: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a function in a thread, and count what it computes."""

        def measured() -> R:
            begin = time.thread_time_ns()
            try:
                return compute(*args, **kwargs)
            finally:
                self.add(owner, time.thread_time_ns() - begin)

        return await asyncio.to_thread(measured)

    def pieces(self, owner: str, pieces: Iterator[R]) -> Iterator[R]:
        """Yield the pieces, and count what computing each takes in the thread that asks for it."""
        remaining = True
        while remaining:
            begin = time.thread_time_ns()
            try:
                piece = next(pieces)
            except StopIteration:
                remaining = False
            finally:
                self.add(owner, time.thread_time_ns() - begin)
            if remaining:
                yield piece

    async def store(self) -> None:
        """Advance the queues of the owners by what was collected; it is kept for the next call on errors."""
        with self._lock:
            collected, self._collected = self._collected, Counter()
        charged = sorted((owner, spent) for owner, spent in collected.items() if spent > 0)
        if not charged:
            return
        owners, spent = zip(*charged, strict=True)
        try:
            async with self._database.connection() as connection:
                await connection.execute(SQL["charge_shares"], owners, spent)
        except (*LOST, UnavailableError, asyncpg.PostgresError) as error:
            with self._lock:
                self._collected.update(collected)
            log.warning("computed_time.not_stored", owners=len(charged), error=type(error).__name__)

    async def store_forever(self) -> None:
        """Task: store four times a second."""
        while True:
            await asyncio.sleep(STORE_EVERY_S)
            await self.store()
