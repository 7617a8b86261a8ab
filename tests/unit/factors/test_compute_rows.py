"""Rows without trading, changes that are noise, and the index of the market on a row."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from shared.dataset.memory_panels import MemoryPanels
from shared.factors.catalogue import FACTORS
from tests.support.markets import panels_of

KEYS = tuple(factor.key for factor in FACTORS)
ROWS = 150
DATES = [str(dt.date(2023, 1, 2) + dt.timedelta(days=n)) for n in range(ROWS)]
NULLS: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close", "trading_value", "listed_shares"))


def bar(code: str, row: int, close: float, **more: Any) -> dict[str, Any]:
    prices = {"open": close, "high": close * 1.01, "low": close * 0.99, "close": close, "volume": 10 + row % 7}
    return {"stock_code": code, "date": DATES[row], "trading_value": close * 10, "listed_shares": 1000} | prices | more


def walk(row: int) -> float:
    return round(1000 * (1 + 0.02 * np.sin(row) + 0.001 * row))


def market(prices: list[dict[str, Any]], **more: Any) -> MemoryPanels:
    """Stock A with these prices beside stock B, which trades every day."""
    companies = [{"stock_code": code, "name": code, "market": "KOSPI"} for code in "AB"]
    every_day = [bar("B", row, walk(row)) for row in range(ROWS)]
    return panels_of({"companies": companies, "prices": [*prices, *every_day], **more})


def halted(spelling: str, rows: range) -> list[dict[str, Any]]:
    """Stock A, which does not trade on `rows`: its last close repeated, null, or no row at all."""
    prices = []
    for row in range(ROWS):
        if row not in rows:
            prices.append(bar("A", row, walk(row)))
        elif spelling == "repeated":
            prices.append(bar("A", row, walk(rows.start - 1), volume=0))
        elif spelling == "block trade":
            prices.append(bar("A", row, walk(rows.start - 1), open=0, volume=5))
        elif spelling == "null":
            prices.append(bar("A", row, 1, volume=0) | NULLS)
    return prices


def column(panels: MemoryPanels, key: str) -> np.ndarray:
    return panels.panel(key, slice(0, ROWS))[:, 0]


@pytest.mark.parametrize("rows", [range(100, 101), range(60, 90), range(50, 115)])
@pytest.mark.parametrize("spelling", ["null", "missing", "block trade"])
def test_every_spelling_of_a_halt_gives_the_same_factors(spelling: str, rows: range) -> None:
    one, other = market(halted("repeated", rows)), market(halted(spelling, rows))
    for key in KEYS:
        assert column(one, key).tobytes() == column(other, key).tobytes(), key


def test_no_factor_exists_from_the_61st_row_without_trading() -> None:
    panels = market(halted("repeated", range(50, 115)))
    assert column(panels, "MARKET_CAP")[109] == walk(49) * 1000
    for key in KEYS:
        assert np.isnan(column(panels, key)[110:115]).all(), key
    assert column(panels, "MARKET_CAP")[115] == walk(115) * 1000


def test_a_row_without_trading_counts_as_volume_0() -> None:
    panels = market(halted("repeated", range(100, 120)))
    assert column(panels, "VOLUME_ROC")[119] == -100
    assert column(panels, "VOLUME_MOMENTUM")[119] == -100
    assert np.isnan(column(panels, "STOCHASTIC_14")[119])


def test_a_change_that_is_noise_is_0() -> None:
    """Splits of 3, 7 and 1/11 leave an adjusted close that differs from the one before in its last bits."""
    splits = {20: 3.0, 40: 7.0, 60: 1 / 11, 80: 1 / 3}
    close, prices = 100.0, []
    for row in range(ROWS):
        close /= splits.get(row, 1.0)
        prices.append(bar("A", row, close, split=splits.get(row, 1.0), high=close, low=close))
    panels = market(prices)
    for key in ("CHANGE_RATE", "MOMENTUM_1M", "MOMENTUM_3M", "MACD_SIGNAL", "RSI_14", "DISTANCE_FROM_52W_HIGH"):
        values = column(panels, key)
        assert set(values[~np.isnan(values)].tolist()) == {0.0}, key
    for key in ("BOLLINGER_POSITION", "STOCHASTIC_14", "PRICE_POSITION"):
        assert np.isnan(column(panels, key)).all(), key


def test_the_index_is_that_of_the_market_on_the_row() -> None:
    levels = {"KOSPI": lambda row: 2000 + 10 * row, "KOSDAQ": lambda row: 900 - row}
    indices = [
        {"index": name, "date": DATES[row], "close": level(row)}
        for name, level in levels.items()
        for row in range(ROWS)
    ]
    listings = [
        {"stock_code": "A", "from_date": DATES[0], "market": "KOSDAQ"},
        {"stock_code": "A", "from_date": DATES[100], "market": "KOSPI"},
    ]
    prices = [bar("A", row, 1000) for row in range(ROWS)]
    strength = column(market(prices, indices=indices, listings=listings), "RELATIVE_STRENGTH")
    assert strength[99] == pytest.approx(-(801 / 861 - 1) * 100, rel=1e-6)
    assert strength[100] == pytest.approx(-(3000 / 2400 - 1) * 100, rel=1e-6)


def test_an_index_is_carried_for_at_most_10_rows() -> None:
    indices = [{"index": "KOSPI", "date": DATES[row], "close": 2000} for row in range(ROWS) if not 80 <= row < 95]
    strength = column(market([bar("A", row, 1000) for row in range(ROWS)], indices=indices), "RELATIVE_STRENGTH")
    assert strength[89] == 0
    assert np.isnan(strength[90:95]).all()
    assert strength[95] == 0
