"""What the routes share, and how a route is declared: once, for serving, validating and describing it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from services.api.auth import Caller, Doorkeeper
from services.api.backtests.progress import Ends
from services.api.backtests.results import Results
from services.api.datasets import Datasets
from services.api.metrics import Measures
from services.api.schemas.requests import NoQuery, Query
from shared.infra.database.pool import Database
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.settings import Settings


@dataclass
class Asked:
    """A question that waits for a simulator, and how many callers wait for its answer."""

    answer: asyncio.Future[bytes]
    callers: int = 0


@dataclass(frozen=True, kw_only=True)
class Api:
    """The services behind the routes; one object per process, handed to every route."""

    settings: Settings
    database: Database
    broker: BrokerClient
    cache: Cache
    datasets: Datasets
    ends: Ends
    results: Results
    doorkeeper: Doorkeeper
    measures: Measures
    drafts: dict[tuple[bytes, frozenset[str]], Any] = field(default_factory=dict)
    """Bodies that were understood lately."""
    told: dict[Any, asyncio.Future[Any]] = field(default_factory=dict)
    """Written events of the last finished results that were followed."""
    asked: dict[str, Asked] = field(default_factory=dict)
    """Questions that wait for a simulator."""
    checked: dict[tuple[str, str], None] = field(default_factory=dict)
    """(request digest, dataset) that fit together."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of a caller, with its query parameters checked."""

    request: web.Request
    caller: Caller
    query: Any


Handler = Callable[[Api, Call], Awaitable[web.StreamResponse]]
Described = type[BaseModel] | str
"""A model of the JSON that is answered, or a media type."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """A route with everything that its description says."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answers: Mapping[int, Described]
    also: tuple[str, ...] = ()
    """Further media types of a 200."""
    query: type[Query] = NoQuery
    body: type[BaseModel] | None = None
    public: bool = False
    """Needs no key."""
    headers: tuple[str, ...] = ()
    """Request headers that matter here."""
    problems: tuple[int, ...] = ()
    """Statuses of problem documents besides 401, 422, 429, 500 and 503."""
