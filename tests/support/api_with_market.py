"""A small synthetic market, loaded and prepared, behind an api and a simulator."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from ondol.cli.commands.synthesize import make_market, write_market
from ondol.local.run_file import Servers
from services.preparer.loading.load import load_market
from shared.contracts.events import DatasetPublished
from shared.infra.redis import client as redis_servers
from shared.infra.redis.streams import append
from shared.settings import Settings
from tests.support.preparing import prepare_once
from tests.support.servers import copy_database, fresh_settings
from tests.support.system import Client, api_of, simulator

FIRST, LAST = "2025-02-03", "2025-11-28"
_prepared: set[tuple[str, str]] = set()
"""(server, database) of the prepared markets of this process."""


def request(**changes: Any) -> dict[str, Any]:
    """Return a backtest request; `buy`, `sell`, `portfolio`, `universe` are parts of its strategy."""
    strategy: dict[str, Any] = {
        "buy": {"where": "PER < 25 and close > ts_mean(close, 20)", "rank_by": "MOMENTUM_1M"},
        "sell": {"stop_loss_pct": 10, "take_profit_pct": 20, "max_hold_days": 60},
        "portfolio": {"max_positions": 5},
    }
    for part in ("buy", "sell", "portfolio", "universe"):
        if part in changes:
            strategy[part] = changes.pop(part)
    return {"strategy": strategy, "start": FIRST, "end": LAST} | changes


async def load_synthetic(settings: Settings, *, stocks: int = 60, years: int = 2, seed: int = 5) -> None:
    """Generate, load and prepare a synthetic market."""
    with tempfile.TemporaryDirectory() as folder:
        write_market(make_market(seed, stocks, years), pathlib.Path(folder), "synthetic")
        await load_market(pathlib.Path(folder), settings.database_url or "")
    await prepare_once(settings)


@asynccontextmanager
async def prepared_settings(servers: Servers, *, stocks: int = 60) -> AsyncIterator[Settings]:
    """Yield settings of a new database with a published synthetic market.

    The first call of a session for a number of stocks loads and prepares the market; the database is a copy of that.
    """
    template = f"template_{stocks}_stocks"
    if (servers.database_url, template) not in _prepared:
        async with fresh_settings(servers) as first:
            await load_synthetic(first, stocks=stocks)
            await copy_database(servers, urlsplit(first.database_url or "").path.strip("/"), template)
        _prepared.add((servers.database_url, template))
    async with fresh_settings(servers, template) as settings:
        current = await prepare_once(settings)  # copies the parts to the cache
        assert current.version is not None
        assert current.revision is not None
        async with redis_servers.broker(settings.broker_url or "") as broker:
            await append(broker, DatasetPublished(version=current.version, revision=current.revision))
        yield settings


@asynccontextmanager
async def served(servers: Servers) -> AsyncIterator[Client]:
    """Yield a client of a whole system with a database of its own."""
    async with prepared_settings(servers) as settings, api_of(settings) as client, simulator(settings):
        yield client
