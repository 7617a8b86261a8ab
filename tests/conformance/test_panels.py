"""What the preparer derives from the loaded rows is what the plain loops of the reference derive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
def test_what_is_derived_from_random_markets_is_what_the_reference_derives(block: int) -> None:
    for seed in range(block * 8, block * 8 + 8):
        market = random_market(seed)
        made, panels = reference.read(market), panels_of(market, ())
        order = [panels.instruments.ordinal[s.code] for s in made.stocks]
        absent = np.isnan(columns([s.close for s in made.stocks]))
        expected = {name: columns([getattr(s, name) for s in made.stocks]) for name in ("split", "last", "adjust")}
        expected |= {name: columns([getattr(s, name) for s in made.stocks]) for name in ("cap", "shares")}
        expected |= {field: columns(language.name_values(made, name)) for name, field in FIELDS.items()}
        for field, values in expected.items():
            found = panels.panel(field, slice(0, len(made.days)))[:, order]
            if field in {"cap", "shares"}:
                found = np.where(absent, np.nan, found)
            np.testing.assert_allclose(found, values, rtol=1e-12, err_msg=f"{field} of market {seed}")
