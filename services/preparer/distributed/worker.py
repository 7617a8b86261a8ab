"""Helping with builds of other preparers: a worker of the queue `prepare` that builds one part per job."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import msgspec
import structlog
from arq.worker import Worker

from services.preparer import dataset_store
from services.preparer.build_plan import Builder, Market, code_of, shape_of, source_of
from services.preparer.distributed.leader import Order, Presence, claim_part
from services.preparer.part_store import compute_part, made_to_bytes, store_part
from shared.contracts.jobs import PREPARE_QUEUE
from shared.errors import DatasetError
from shared.infra import arq_jobs
from shared.infra.database.pool import LOST, lone_connection
from shared.infra.redis import client as servers

log = structlog.get_logger()

_SNAPSHOT = re.compile(r"[0-9A-F]+(-[0-9A-F]+)*")
_OVER = (asyncpg.UndefinedObjectError, asyncpg.InvalidParameterValueError, asyncpg.ObjectNotInPrerequisiteStateError)
"""What PostgreSQL says when the transaction of a snapshot has ended."""
JOB_S = 600


class Hands:
    """What a preparer does for the builds of others."""

    def __init__(self, builder: Builder, broker_url: str, presence: Presence) -> None:
        self.presence = presence
        self._builder = builder
        self._broker_url = broker_url
        self._worker: Worker | None = None
        self._leading = 0
        self._known: tuple[Order, Market, set[str]] | None = None
        self._look = asyncio.Lock()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Take no jobs while one leads a build oneself: they are for the others."""
        self._leading += 1
        self._pick()
        try:
            yield
        finally:
            self._leading -= 1
            self._pick()

    def _pick(self) -> None:
        if self._worker is not None:
            self._worker.allow_pick_jobs = not self._leading

    async def work(self) -> None:
        """Task: the worker, built anew when the broker was away for too long."""
        while True:
            self._worker = arq_jobs.worker(
                self._broker_url, PREPARE_QUEUE, [prepare_part], [], context={"hands": self},
                most_jobs=self._builder.workers, timeout_s=JOB_S, tries=2,
            )  # fmt: skip
            self._pick()
            try:
                await self._worker.async_run()
            except servers.LOST as error:
                log.warning("worker.lost_the_broker", error=type(error).__name__)
            finally:
                await self._close(self._worker)
            await asyncio.sleep(0.5)

    async def _close(self, worker: Worker) -> None:
        closing = asyncio.ensure_future(arq_jobs.close(worker))
        await asyncio.wait({closing}, timeout=5)
        if not closing.done():
            closing.cancel()
        elif not closing.cancelled() and (error := closing.exception()) is not None:
            log.info("worker.left", error=type(error).__name__)

    async def help(self, order: Order, part: int) -> bool:
        """Build a part of another preparer's build; False when that is over, is not ours to do, or somebody has it."""
        builder, database = self._builder, self._builder.database
        if order.code != code_of(builder) or not _SNAPSHOT.fullmatch(order.snapshot):
            return False
        if not await claim_part(database, order.fence, part, self.presence.name):
            return False
        done = False
        try:
            done = await self._build(order, part)
        except (*LOST, DatasetError) as error:
            log.warning("part.failed", part=part, error=str(error) or type(error).__name__)
        finally:
            if not done:
                await asyncio.shield(self._release(order.fence, part))
        return done

    async def _build(self, order: Order, part: int) -> bool:
        builder = self._builder
        async with lone_connection(
            builder.database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
        ) as connection, connection.transaction(isolation="repeatable_read", readonly=True):  # fmt: skip
            try:
                await connection.execute(f"set transaction snapshot '{order.snapshot}'")
            except _OVER:
                log.info("part.too_late", part=part, fence=order.fence)
                return False
            shape, written = await self._shape(connection, order)
            source, first = await source_of(builder, connection, shape, part, shape.first_years[part])
        found = await compute_part(builder, shape, part, source, first)
        made = await store_part(builder, shape, found, written)
        async with builder.database.transaction() as connection:
            await connection.execute(dataset_store.SQL["later"])
            await connection.execute(
                dataset_store.SQL["report_part"], order.fence, part, self.presence.name, made_to_bytes(made)
            )
        log.info("part.built_for_another", part=part, fence=order.fence, built=made.parts)
        return True

    async def _shape(self, connection: Any, order: Order) -> tuple[Market, set[str]]:
        """The market of a build, read once for all its parts."""
        async with self._look:
            if self._known is None or self._known[0] != order:
                base = None
                if order.base is not None:
                    base = await dataset_store.base(self._builder.database, order.base, order.base_revision)
                self._known = order, await shape_of(connection, base, order.revision), set()
            return self._known[1:]

    async def _release(self, fence: int, part: int) -> None:
        try:
            async with self._builder.database.connection() as connection:
                await connection.execute(dataset_store.SQL["release_part"], fence, part, self.presence.name)
        except LOST as error:
            log.info("part.kept", part=part, error=type(error).__name__)


async def prepare_part(ctx: dict[str, Any], order: dict[str, Any], part: int) -> bool:
    """arq (`PREPARE_PART`): build a part of a build that another preparer leads."""
    hands: Hands = ctx["hands"]
    return await hands.help(msgspec.convert(order, Order), part)
