"""The loader accepts a synthetic market."""

from __future__ import annotations

import pathlib

from ondol.cli.commands.synthesize import make_market, write_market
from services.preparer.loading.load import load_market
from shared.settings import Settings


async def test_synthetic_market_loads_and_reloads_without_change(settings: Settings, tmp_path: pathlib.Path) -> None:
    market = make_market(seed=2, stocks=120, years=3)
    write_market(market, tmp_path, "SYNTHETIC")
    report = await load_market(tmp_path, settings.database_url or "")
    assert report.rows == {name: table.height for name, table in market.tables().items()}
    assert report.ignored == {}
    again = await load_market(tmp_path, settings.database_url or "")
    assert again.revision is None
