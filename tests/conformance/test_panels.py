"""What the preparer derives from the loaded rows is what the plain loops of the reference derive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.reference import language, market as reference
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


def test_splits_last_closes_and_carried_values_are_those_of_the_reference() -> None:
    for seed in range(60):
        market = random_market(seed)
        made, panels = reference.read(market), panels_of(market, ())
        order = [panels.instruments.ordinal[s.code] for s in made.stocks]
        rows = slice(0, len(made.days))
        gone = np.array([[made.gone(s, r) for s in made.stocks] for r in range(len(made.days))])
        for name in ("split", "last", "adjust"):
            expected = columns([getattr(s, name) for s in made.stocks])
            found = panels.panel(name, rows)[:, order]
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"seed {seed} {name}")
        for name in ("cap", "shares"):
            present = columns([s.close for s in made.stocks])
            expected = columns([getattr(s, name) for s in made.stocks])
            found = np.where(gone | np.isnan(present), np.nan, panels.panel(name, rows)[:, order])
            np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"seed {seed} {name}")


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_price_field_of_the_language_is_that_of_the_reference(name: str) -> None:
    for seed in range(60):
        market = random_market(seed)
        made, panels = reference.read(market), panels_of(market, ())
        order = [panels.instruments.ordinal[s.code] for s in made.stocks]
        expected = columns(language.name_values(made, name))
        found = panels.panel(FIELDS[name], slice(0, len(made.days)))[:, order]
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"seed {seed}")
