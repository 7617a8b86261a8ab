"""The five phases as lists of items: what each is called and what doing it means."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from services.warmer import dataset
from services.warmer.metrics import WarmMetrics
from services.warmer.workload import POPULAR_DAYS, Ask, popular_asks, preset_asks, strategy_asks
from shared.contracts.rankings import RANKINGS
from shared.infra.api_client import Client
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.connection import BrokerClient
from shared.model.fields import PART
from shared.settings import Settings

ASKING: Final = frozenset({"rankings", "popular", "strategies"})
"""Phases whose items are questions to the API, several at once."""

POPULAR_ROWS: Final = 5000


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a run works with."""

    settings: Settings
    database: Database
    database_url: str
    broker: BrokerClient
    cache: Cache
    user: Client
    """Asks as the warmer."""
    verifier: Client
    """Asks as the verification."""
    metrics: WarmMetrics
    worker: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an item ended: `fresh` when it needed work, `error` when it failed, `lacking` when only for want of data."""

    fresh: bool = False
    error: str | None = None
    lacking: bool = False


@dataclass(frozen=True, kw_only=True)
class Item:
    """A piece of a phase; doing it twice is harmless."""

    name: str
    do: Callable[[], Awaitable[Outcome]]


async def items_of(tools: Tools, phase: str, current: dataset.Current) -> list[Item]:
    """The items of a phase for a dataset version, in order."""
    if phase in ("prices", "factors"):
        each = max(1, tools.settings.warm_batch // PART)
        batches = current.price_batches() if phase == "prices" else current.factor_batches(each)
        return [Item(name=n, do=partial(_bring, tools, current.version, parts)) for n, parts in batches.items()]
    if phase == "rankings":
        return [
            Item(name=" ".join((kind, *query.values())), do=partial(_rank, tools, kind, query))
            for kind, query in ranking_questions(current)
        ]
    asks = await asks_of(tools, phase, current)
    return [Item(name=ask.name, do=partial(_backtest, tools, ask)) for ask in asks]


def ranking_questions(current: dataset.Current) -> list[tuple[str, dict[str, str]]]:
    """(kind, query) of the rankings that are kept warm: together, and for each main market that the data have."""
    markets = [m for m in ("KOSPI", "KOSDAQ") if m in current.manifest.instruments.market]
    scopes: list[dict[str, str]] = [{}] + [{"market": market} for market in markets]
    return [(kind, scope) for kind in RANKINGS for scope in scopes]


async def asks_of(tools: Tools, phase: str, current: dataset.Current) -> list[Ask]:
    """The backtests of the phases `popular` and `strategies`."""
    indices = current.manifest.content.indices
    if phase == "strategies":
        return strategy_asks(current.last_day, indices)
    async with tools.database.connection() as connection:
        rows = await connection.fetch(statements("warm")["popular"], POPULAR_DAYS, POPULAR_ROWS)
    return [
        *preset_asks(current.last_day, indices),
        *popular_asks([(row["request"], row["times"]) for row in rows], current.last_day),
    ]


async def _bring(tools: Tools, version: str, parts: list[str]) -> Outcome:
    return Outcome(fresh=await dataset.bring_parts(tools.cache, tools.broker, version, parts) > 0)


async def _rank(tools: Tools, kind: str, query: dict[str, str]) -> Outcome:
    answer = await tools.user.get(f"/v1/rankings/{kind}", limit=100, **query)
    return Outcome(error=answer.error)


async def _backtest(tools: Tools, ask: Ask) -> Outcome:
    answer = await tools.user.backtest(ask.body)
    return Outcome(fresh=answer.error is None and not answer.cached, error=answer.error, lacking=answer.lacks_data)
