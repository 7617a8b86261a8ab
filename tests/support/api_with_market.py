"""A small synthetic market, loaded and prepared, behind an api and a simulator."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ondol.cli.commands.synthesize import make_market, write_market
from ondol.local.run_file import Servers
from services.preparer.loading.load import load_market
from shared.settings import Settings
from tests.support.preparing import prepare_once
from tests.support.servers import fresh_settings
from tests.support.system import Client, api_of, simulator

FIRST, LAST = "2025-02-03", "2025-11-28"


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
async def served(servers: Servers) -> AsyncIterator[Client]:
    """Yield a client of a whole system with a database of its own."""
    async with fresh_settings(servers) as settings:
        await load_synthetic(settings)
        async with api_of(settings) as client, simulator(settings):
            yield client
