"""The factor tables of the preparer equal those of the examples, of the handed cases and of the reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.factors.catalogue import FACTORS
from shared.model.calendar import iso
from tests.conformance.handed_cases import FACTORS as FACTORS_OF_CASE
from tests.reference import factors
from tests.reference import market as reference
from tests.support.cases import case_market
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text(encoding="utf-8"))
KEYS = tuple(f.key for f in FACTORS)
NOISE = 1e-9
"""What the order of additions leaves of a zero."""


@pytest.mark.parametrize("case", EXAMPLES["factors"], ids=lambda case: case["name"])
def test_preparer_gives_the_worked_table(case: dict[str, Any]) -> None:
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
    """Compare every factor of a random market: values to a relative 1e-5, and where there is none."""
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market)
    order = [panels.instruments.ordinal[stock.code] for stock in loaded.stocks]
    for key in KEYS:
        series = factors.factor(loaded, key)
        expected = np.array([[np.nan if v is None else v for v in s] for s in series], np.float64).T
        found = panels.panel(key, slice(0, len(loaded.days)))[:, order].astype(np.float64)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=NOISE, err_msg=f"{key} of market {seed}")


def test_catalogue_and_reference_have_the_same_57_keys() -> None:
    assert sorted(KEYS) == sorted(factors.KEYS)


@pytest.mark.parametrize("block", range(6))
def test_factors_of_random_markets_equal_plain_loops(block: int) -> None:
    for seed in range(block * 10, block * 10 + 10):
        assert_tables_agree(seed)


def test_preparer_gives_the_right_factors_of_statements() -> None:
    panels = panels_of(case_market("20"))
    days = [iso(d) for d in panels.days]
    for code, date, key, value in FACTORS_OF_CASE:
        row = days.index(date)
        found = float(panels.panel(key, slice(row, row + 1))[0, panels.instruments.ordinal[code]])
        if value is None:
            assert np.isnan(found), (code, date, key)
        else:
            assert found == pytest.approx(value, rel=1e-5), (code, date, key)
