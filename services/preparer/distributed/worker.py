"""The worker side of shared builds: an arq worker that builds one part of another preparer's build per job."""

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
from redis.exceptions import RedisError

from services.preparer import dataset_store
from services.preparer.build_plan import BuildContext, BuildPlan, code_of, load_part_inputs, plan_build
from services.preparer.distributed.leader import BuildSpec, claim_part
from services.preparer.distributed.membership import Membership
from services.preparer.part_store import compute_part, store_part, stored_part_to_bytes
from shared.contracts.jobs import PREPARE_QUEUE
from shared.errors import DatasetError
from shared.infra import arq_jobs
from shared.infra.database.pool import LOST, lone_connection
from shared.infra.redis.client import LOST as REDIS_LOST

log = structlog.get_logger()

_SNAPSHOT = re.compile(r"[0-9A-F]+(-[0-9A-F]+)*")
_SNAPSHOT_ENDED = (
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidParameterValueError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
"""Errors of PostgreSQL when the transaction of a snapshot has ended."""
JOB_S = 600


class PartWorker:
    """Builds parts of builds that other preparers lead."""

    def __init__(self, context: BuildContext, broker_url: str, membership: Membership) -> None:
        self.membership = membership
        self._builder = context
        self._broker_url = broker_url
        self._worker: Worker | None = None
        self._leading = 0
        self._known: tuple[BuildSpec, BuildPlan, set[str]] | None = None
        self._plan_lock = asyncio.Lock()

    @contextmanager
    def leading(self) -> Iterator[None]:
        """Accept no jobs while this preparer leads a build: its jobs are for the other preparers."""
        self._leading += 1
        self._update_picking()
        try:
            yield
        finally:
            self._leading -= 1
            self._update_picking()

    def _update_picking(self) -> None:
        if self._worker is not None:
            self._worker.allow_pick_jobs = not self._leading

    async def run(self) -> None:
        """Task: run the arq worker; create a new one when the broker was lost for too long."""
        while True:
            self._worker = arq_jobs.worker(
                self._broker_url, PREPARE_QUEUE, [prepare_part], [], context={"part_worker": self},
                max_jobs=self._builder.workers, timeout_s=JOB_S, tries=2,
            )  # fmt: skip
            self._update_picking()
            try:
                await self._worker.async_run()
            except (*REDIS_LOST, RedisError) as error:  # also a broker that refuses writes
                log.warning("broker.disconnected", error=type(error).__name__)
            finally:
                await arq_jobs.close(self._worker)
            await asyncio.sleep(0.5)

    async def build_part(self, spec: BuildSpec, part: int) -> bool:
        """Build a part of another preparer's build; False when it has ended, has other code, or the part is claimed."""
        context, database = self._builder, self._builder.database
        if spec.code != code_of(context) or not _SNAPSHOT.fullmatch(spec.snapshot):
            return False
        if not await claim_part(database, spec.fence, part, self.membership.name):
            return False
        done = False
        try:
            done = await self._build(spec, part)
        except (*LOST, DatasetError) as error:
            log.warning("part.failed", part=part, error=str(error) or type(error).__name__)
        finally:
            if not done:
                await asyncio.shield(self._release(spec.fence, part))
        return done

    async def _build(self, spec: BuildSpec, part: int) -> bool:
        context = self._builder
        async with lone_connection(
            context.database_url, statement_timeout="0", idle_in_transaction_session_timeout="0"
        ) as connection, connection.transaction(isolation="repeatable_read", readonly=True):  # fmt: skip
            try:
                await connection.execute(f"set transaction snapshot '{spec.snapshot}'")
            except _SNAPSHOT_ENDED:
                log.info("part.expired", part=part, fence=spec.fence)
                return False
            plan, written = await self._shape(connection, spec)
            source, first = await load_part_inputs(context, connection, plan, part, plan.first_years[part])
        found = await compute_part(context, plan, part, source, first)
        stored = await store_part(context, plan, found, written)
        async with context.database.transaction() as connection:
            await connection.execute(dataset_store.SQL["async_commit"])
            await connection.execute(
                dataset_store.SQL["report_part"], spec.fence, part, self.membership.name, stored_part_to_bytes(stored)
            )
        log.info("part.built", part=part, fence=spec.fence, built=stored.parts)
        return True

    async def _shape(self, connection: asyncpg.Connection, spec: BuildSpec) -> tuple[BuildPlan, set[str]]:
        """Return the plan of a build and its stored names; read once for all parts of the build."""
        async with self._plan_lock:
            if self._known is None or self._known[0] != spec:
                base = None
                if spec.base is not None:
                    base = await dataset_store.base(self._builder.database, spec.base, spec.base_revision)
                self._known = spec, await plan_build(connection, base, spec.revision), set()
            return self._known[1:]

    async def _release(self, fence: int, part: int) -> None:
        try:
            async with self._builder.database.connection() as connection:
                await connection.execute(dataset_store.SQL["release_part"], fence, part, self.membership.name)
        except LOST as error:
            log.info("part.not_released", part=part, error=type(error).__name__)


async def prepare_part(ctx: dict[str, Any], spec: dict[str, Any], part: int) -> bool:
    """Job `PREPARE_PART`: build a part of a build that another preparer leads."""
    part_worker: PartWorker = ctx["part_worker"]
    return await part_worker.build_part(msgspec.convert(spec, BuildSpec), part)
