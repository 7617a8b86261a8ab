"""The factor tables of the preparer are those of the examples and of the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.factors.catalogue import FACTORS
from shared.model.calendar import iso
from tests.reference import factors
from tests.reference import market as reference
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text(encoding="utf-8"))
KEYS = tuple(f.key for f in FACTORS)
NOISE = 1e-9
"""What is left of a zero by the order of additions."""


@pytest.mark.parametrize("case", EXAMPLES["factors"], ids=lambda case: case["name"])
def test_the_preparer_makes_the_worked_table(case: dict[str, Any]) -> None:
    panels = panels_of(case["market"])
    rows = slice(0, len(panels.days))
    for date, stocks in case["expected_factors"].items():
        row = [iso(d) for d in panels.days].index(date)
        for code, expected in stocks.items():
            column = panels.instruments.ordinal[code]
            values = {key: float(panels.panel(key, rows)[row, column]) for key in KEYS}
            found = {key: value for key, value in values.items() if not np.isnan(value)}
            assert found == pytest.approx(expected, rel=1e-5), (date, code)


def assert_tables_agree(seed: int) -> None:
    """Every factor of a random market: values to a relative 1e-5, and where there is none."""
    market = random_market(seed)
    made, panels = reference.read(market), panels_of(market)
    order = [panels.instruments.ordinal[stock.code] for stock in made.stocks]
    for key in KEYS:
        series = factors.factor(made, key)
        expected = np.array([[np.nan if v is None else v for v in s] for s in series], np.float64).T
        found = panels.panel(key, slice(0, len(made.days)))[:, order].astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=NOISE, err_msg=f"{key} of market {seed}")


def test_the_catalogue_and_the_reference_have_the_same_57_keys() -> None:
    assert sorted(KEYS) == sorted(factors.KEYS)


@pytest.mark.parametrize("block", range(6))
def test_factors_of_random_markets_are_those_of_plain_loops(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        assert_tables_agree(seed)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(10_000, 10_000_000))
def test_factors_of_any_market_are_those_of_plain_loops(seed: int) -> None:
    assert_tables_agree(seed)
