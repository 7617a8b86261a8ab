"""The derived fields of the preparer equal those of the plain loops of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.model.calendar import to_day
from shared.model.listings import name_on, row_attributes
from tests.reference import language
from tests.reference import market as reference
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

FIELDS = {
    "open": "adj_open",
    "high": "adj_high",
    "low": "adj_low",
    "close": "adj_close",
    "volume": "adj_volume",
    "trading_value": "view_trading_value",
    "listed_shares": "view_listed_shares",
    "raw_open": "view_open",
    "raw_high": "view_high",
    "raw_low": "view_low",
    "raw_close": "view_close",
    "raw_volume": "view_volume",
}


def columns(series: list[list[float | None]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Lists per stock -> [rows, stocks], NaN where absent."""
    return np.array([[np.nan if v is None else v for v in s] for s in series], np.float64).T


@pytest.mark.parametrize("block", range(5))
def test_derived_fields_of_random_markets_equal_plain_loops(block: int) -> None:
    for seed in range(block * 8, block * 8 + 8):
        market = random_market(seed)
        loaded, panels = reference.read(market), panels_of(market, ())
        assert panels.days.tolist() == [to_day(day) for day in loaded.days]
        order = [panels.instruments.ordinal[s.code] for s in loaded.stocks]
        absent = np.isnan(columns([s.close for s in loaded.stocks]))
        expected = {name: columns([getattr(s, name) for s in loaded.stocks]) for name in ("split", "last", "adjust")}
        expected |= {name: columns([getattr(s, name) for s in loaded.stocks]) for name in ("cap", "shares")}
        expected |= {field: columns(language.name_values(loaded, name)) for name, field in FIELDS.items()}
        for field, values in expected.items():
            found = panels.panel(field, slice(0, len(loaded.days)))[:, order]
            if field in {"cap", "shares"}:
                found = np.where(absent, np.nan, found)
            np.testing.assert_allclose(found, values, rtol=1e-12, err_msg=f"{field} of market {seed}")


@pytest.mark.parametrize("seed", range(40))
def test_attributes_of_a_row_equal_the_reference(seed: int) -> None:
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market, ())
    found = row_attributes(panels, slice(0, len(loaded.days)))
    for stock in loaded.stocks:
        column = panels.instruments.ordinal[stock.code]
        assert [found.markets[i] for i in found.market[:, column]] == stock.market
        assert [found.kinds[i] for i in found.kind[:, column]] == stock.kind
        assert [None if i < 0 else found.sectors[i] for i in found.sector[:, column]] == stock.sector
        names = [name_on(panels, column, int(day)) for day in panels.days]
        assert names == [stock.identity.name_on(day) for day in loaded.days]
