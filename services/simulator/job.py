"""The job that a simulator works on, and the resources that every job uses."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from services.simulator.panel_store import PanelStore
from shared.contracts.events import BacktestEnded
from shared.infra.database.pool import Database
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.model.request import BacktestRequest
from shared.simulation.result.outcome import Outcome

Run = Callable[..., Outcome]


@dataclass(kw_only=True)
class Job:
    """A computation that this process leases, or runs before it has acquired the lease (then `lease` is 0)."""

    id: uuid.UUID
    lease: int
    entry: str
    request: BacktestRequest
    version: str
    origin: str
    attempts: int
    queue_ms: float
    started_at: dt.datetime
    status: str = "running"
    progress: float = 0.0
    waited: bool = False
    """The preparer had to provide chunks."""
    stop: bool = False
    """Set by the heartbeat when the lease is lost or the row was cancelled, and when the process shuts down."""
    leaving: bool = False
    """The process shuts down: the job is released, not cancelled."""
    long: bool = False
    """It runs beside short work, at a lower priority."""
    overdue: bool = False
    """It has run for longer than a run may."""
    ended_event: BacktestEnded | None = None
    """The event to publish once the outcome is stored."""
    points: list[dict[str, Any]] = field(default_factory=list)
    """Equity points that have not been published yet."""
    published_points: int = 0
    began: float = field(default_factory=time.monotonic)
    published_at: float = field(default_factory=time.monotonic)

    def is_stopped(self, limit_s: float) -> bool:
        """Return whether the run has to end; it is overdue when it has run for more than `limit_s` seconds."""
        if not self.stop and time.monotonic() - self.began > limit_s:
            self.overdue = True
        return self.stop or self.overdue

    def adopt_lease(self, leased: Job | None) -> bool:
        """Continue under the lease of `leased` if its row describes the job that is already running."""
        if leased is None or (self.request, self.version) != (leased.request, leased.version):
            return False
        self.lease, self.attempts, self.origin = leased.lease, leased.attempts, leased.origin
        self.long = leased.long
        return True


@dataclass(frozen=True, kw_only=True)
class Context:
    """The connections, pools and functions that every job uses."""

    database: Database
    broker: BrokerClient
    cache: Cache
    panel_store: PanelStore
    run_pool: Executor
    query_pool: Executor
    long_pool: Executor
    """One thread of a lower priority, for long runs and analyses."""
    run_limit_s: float
    """A run that takes longer fails."""
    run: Run
    worker: str
