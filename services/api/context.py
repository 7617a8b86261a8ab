"""What the handlers share, and the declaration of a route: one for serving, validating and describing it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from cachetools import LRUCache

from services.api.auth import Authenticator, Caller
from services.api.backtests.results import Results, Selection
from services.api.computed_time import ComputedTime
from services.api.datasets import Datasets
from services.api.event_hub import EventHub
from services.api.metrics import ApiMetrics
from services.api.schemas.requests import NoQuery, Query
from services.api.web_bundle import WebBundle
from shared.infra.database.pool import Database
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.settings import MIB, Settings

if TYPE_CHECKING:
    import msgspec

    from services.api.backtests.canonicalize import CanonicalRequest
    from services.api.backtests.event_cache import EventCache
    from services.api.disk_guard import DiskGuard
    from services.api.research.lines import ResearchLines
    from services.api.simulator_queries import PendingQuery
    from services.api.sweeps.tables import Sweeps
    from services.api.walk_forwards.store import WalkForwards

CACHED_REQUESTS = 2000
COMPRESSED_BYTES = 16 * MIB


@dataclass(kw_only=True)
class AppContext:
    """The services behind the routes; one object per process."""

    settings: Settings
    database: Database
    broker: BrokerClient
    cache: Cache
    datasets: Datasets
    event_hub: EventHub
    results: Results
    events: EventCache
    authenticator: Authenticator
    metrics: ApiMetrics
    sweeps: Sweeps
    walk_forwards: WalkForwards
    lines: ResearchLines
    disk: DiskGuard
    computed: ComputedTime
    bundle: WebBundle | None = None
    """The web application; None: it is not served."""
    canonical_requests: LRUCache[tuple[bytes, frozenset[str]], CanonicalRequest] = field(
        default_factory=lambda: LRUCache(CACHED_REQUESTS)
    )
    """Body and index series -> canonical request, of recent bodies that name no strategy of the caller's own."""
    validated: LRUCache[tuple[str, str], int] = field(default_factory=lambda: LRUCache(CACHED_REQUESTS))
    """What requests cost that were validated, by request digest and dataset version."""
    compressed: LRUCache[tuple[bytes, uuid.UUID | None, Selection, str], bytes] = field(
        default_factory=lambda: LRUCache(COMPRESSED_BYTES, getsizeof=len)
    )
    """Compressed answers of large results: by what surrounds the result, computation, selection and coding."""
    pending_queries: dict[str, PendingQuery] = field(default_factory=dict)
    """Queries that wait for a simulator, by name."""
    accepted_without_key: int = 0
    """Backtests of requests without a key that may be unfinished: an upper limit of those of this process."""
    query_turns: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    """Turns of the short queries of each owner."""
    file_turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    """Turns of the XLSX and Parquet files of each owner."""
    submission_turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    """Turns of the submissions of each key with a limit of unfinished backtests."""


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """One request of a caller, with its query parameters validated."""

    request: web.Request
    caller: Caller
    query: Any


Handler = Callable[[AppContext, RequestContext], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route with everything that its description says."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: Mapping[int, type | tuple[type, ...] | str]
    """Status -> struct of the JSON that is answered (of several, one), or a media type."""
    also: tuple[str, ...] = ()
    """Further media types of a 200."""
    query: type[Query] = NoQuery
    body: type[msgspec.Struct] | None = None
    public: bool = False
    """Whether no key is needed."""
    admits_visitors: bool = False
    """Whether a request without a key may read what is public."""
    opened_by: str = ""
    """Flag of the settings by which no key is needed."""
    role: str = "user"
    """Role of the keys that may use the route, as those of the roles after it (`services.api.auth.ROLES`)."""
    headers: tuple[str, ...] = ()
    """Request headers that the route reads."""
    stores_work: bool = False
    """Whether it begins work whose results are stored; refused while the disk has too little room."""
    problems: tuple[int, ...] = ()
    """Statuses of problem documents besides 401, 422, 429, 500 and 503."""
