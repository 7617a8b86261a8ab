"""The leader of a shared build: enqueue its parts, claim them, and collect what other preparers have built.

The leader (the preparer that holds the lease) enqueues one job per part of 512 instruments and starts with the first
part itself. A preparer builds a part after it has claimed it in PostgreSQL; all read in one snapshot, so the result is
the same. The leader builds the parts that no preparer claims or finishes in time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import structlog
from redis.exceptions import RedisError

from services.preparer import dataset_store
from services.preparer.part_store import StoredPart, stored_part_from_bytes
from shared.contracts.jobs import PREPARE_PART, PREPARE_QUEUE
from shared.infra import arq_jobs
from shared.infra.database.pool import Database

log = structlog.get_logger()

POLL_S = 0.03
ENQUEUE_S = 2.0


class BuildSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a build for other preparers; it contains no data.

    snapshot: the PostgreSQL snapshot in which the build reads. base: the version from which it continues, which
    represents `base_revision`. code: digest of the code, see `build_plan.code_of`.
    """

    fence: int
    revision: int
    snapshot: str
    base: str | None
    base_revision: int
    code: str


msgspec.json.Decoder(BuildSpec)  # compiled while there is one thread, see shared/model/request.py


class SharedBuild:
    """A shared build from the view of its leader.

    A part that another preparer has claimed is awaited for `min_wait_s`, or three times the longest duration here.
    """

    def __init__(self, database: Database, spec: BuildSpec, name: str, min_wait_s: float) -> None:
        self.spec = spec
        self.waiting: set[int] = set()
        """Parts that other preparers have claimed and not finished."""
        self._database = database
        self._name = name
        self._min_wait_s = min_wait_s
        self._longest_s = 0.0

    def record_duration(self, seconds: float) -> None:
        """Record the duration of a part built here; it bounds the wait for parts of other preparers."""
        self._longest_s = max(self._longest_s, seconds)

    async def claim(self, part: int) -> bool:
        """Claim a part; False when another preparer has claimed it, and then wait for it."""
        claimed = await claim_part(self._database, self.spec.fence, part, self._name)
        if not claimed:
            self.waiting.add(part)
        return claimed

    async def collect(self) -> tuple[dict[int, StoredPart], list[int]]:
        """Return the parts that other preparers have finished, and the parts to build here after all."""
        found: dict[int, StoredPart] = {}
        async with self._database.connection() as connection:
            rows = await connection.fetch(dataset_store.SQL["reported_parts"], self.spec.fence, sorted(self.waiting))
        late = self.waiting - {row["part"] for row in rows}
        for row in rows:
            if row["outcome"] is not None:
                found[row["part"]] = stored_part_from_bytes(row["outcome"])
            elif row["age"] > max(self._min_wait_s, 3 * self._longest_s):
                late.add(row["part"])
        self.waiting -= late | set(found)
        return found, sorted(late)


@asynccontextmanager
async def enqueue_parts(broker_url: str, spec: BuildSpec, parts: Sequence[int]) -> AsyncIterator[None]:
    """Enqueue a job for each part, the last part first, while the block starts with the first part."""
    enqueueing = asyncio.create_task(_enqueue(broker_url, spec, parts))
    try:
        yield
    finally:
        await enqueueing


async def _enqueue(broker_url: str, spec: BuildSpec, parts: Sequence[int]) -> None:
    try:
        async with asyncio.timeout(ENQUEUE_S), arq_jobs.queue(broker_url, PREPARE_QUEUE) as jobs:
            for part in reversed(parts):
                name = f"prepare:{spec.revision}:{part}:{spec.fence}"
                await asyncio.shield(
                    jobs.enqueue_job(PREPARE_PART, msgspec.to_builtins(spec), part, _job_id=name, _expires=600)
                )
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("parts.not_enqueued", error=type(error).__name__)


async def claim_part(database: Database, fence: int, part: int, name: str) -> bool:
    """Claim a part of a build; False when it is claimed already, or when the build has ended."""
    async with database.transaction() as connection:
        await connection.execute(dataset_store.SQL["async_commit"])
        return await connection.fetchval(dataset_store.SQL["claim_part"], fence, part, name) is not None
