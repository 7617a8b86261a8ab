"""The five phases of a warm run (`shared.contracts.warm.PHASES`) as lists of items."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from services.warmer import dataset
from services.warmer.metrics import WarmMetrics
from services.warmer.workload import (
    POPULAR_DAYS,
    WarmRequest,
    popular_requests,
    preset_requests,
    strategy_requests,
)
from shared.contracts.rankings import RANKINGS
from shared.infra.api_client import outcome
from shared.infra.api_client.client import ApiClient
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.model.fields import PART
from shared.settings import Settings

CONCURRENT: Final = frozenset({"rankings", "popular", "strategies"})
"""Phases whose items are requests to the API, several at once."""

POPULAR_ROWS: Final = 5000


@dataclass(frozen=True, kw_only=True)
class WarmContext:
    """Connections, clients and settings of the warmer."""

    settings: Settings
    database: Database
    database_url: str
    broker: BrokerClient
    cache: Cache
    client: ApiClient
    """Requests of the phases, with the origin `warmer`."""
    verifier: ApiClient
    """Requests of the verification, with the origin `verify`."""
    metrics: WarmMetrics
    worker: str


@dataclass(frozen=True, kw_only=True)
class ItemResult:
    """How an item ended.

    computed: it was not cached. error: why it failed. missing_data: it failed because the loaded data lack a value.
    """

    computed: bool = False
    error: str | None = None
    missing_data: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """An idempotent step of a phase; `name` is unique within the phase."""

    name: str
    run: Callable[[], Awaitable[ItemResult]]


async def items_of(context: WarmContext, phase: str, current: dataset.Current) -> list[Item]:
    """Return the items of a phase for a dataset version, in order."""
    if phase in ("prices", "factors"):
        parts_per_batch = max(1, context.settings.warm_factor_batch // PART)
        batches = current.price_batches() if phase == "prices" else current.factor_batches(parts_per_batch)
        return [
            Item(name=name, run=partial(_load_parts, context, current.version, parts))
            for name, parts in batches.items()
        ]
    if phase == "rankings":
        return [
            Item(name=" ".join((kind, *query.values())), run=partial(_rank, context, kind, query))
            for kind, query in ranking_queries(current)
        ]
    requests = await requests_of(context, phase, current)
    return [Item(name=request.name, run=partial(_backtest, context, request)) for request in requests]


def ranking_queries(current: dataset.Current) -> list[tuple[str, dict[str, str]]]:
    """Return (kind, query) of the warmed rankings: of all stocks, and of each main market in the dataset."""
    markets = [m for m in ("KOSPI", "KOSDAQ") if m in current.manifest.instruments.market]
    scopes: list[dict[str, str]] = [{}] + [{"market": market} for market in markets]
    return [(kind, scope) for kind in RANKINGS for scope in scopes]


async def requests_of(context: WarmContext, phase: str, current: dataset.Current) -> list[WarmRequest]:
    """Return the backtests of the phases `popular` and `strategies`."""
    indices = current.manifest.content.indices
    if phase == "strategies":
        return strategy_requests(current.last_day, indices)
    async with context.database.connection() as connection:
        rows = await connection.fetch(statements("warm")["select_popular"], POPULAR_DAYS, POPULAR_ROWS)
    return [
        *preset_requests(current.last_day, indices),
        *popular_requests([(row["request"], row["times"]) for row in rows], current.last_day),
    ]


async def _load_parts(context: WarmContext, version: str, parts: list[str]) -> ItemResult:
    return ItemResult(computed=await dataset.ensure_parts(context.cache, context.broker, version, parts) > 0)


async def _rank(context: WarmContext, kind: str, query: dict[str, str]) -> ItemResult:
    response = await outcome.get(context.client, f"/v1/rankings/{kind}", limit=100, **query)
    return ItemResult(error=response.error)


async def _backtest(context: WarmContext, request: WarmRequest) -> ItemResult:
    response = await outcome.backtest(context.client, request.body)
    return ItemResult(
        computed=response.error is None and not response.cached, error=response.error,
        missing_data=response.lacks_data,
    )  # fmt: skip
