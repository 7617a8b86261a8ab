"""The reference by itself gives every worked example of the contract and the right values of the handed cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.expectations import assert_case, assert_worked
from tests.conformance.handed_cases import CASES, FACTORS, HandedCase
from tests.reference import engine, factors
from tests.support.cases import case_market, case_request

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", EXAMPLES["backtests"], ids=lambda case: case["name"])
def test_reference_gives_the_worked_backtest(case: dict[str, Any]) -> None:
    found = engine.backtest(case["market"], case["request"])
    assert_worked(found, found["warnings"], case["expected"])


@pytest.mark.parametrize("case", EXAMPLES["factors"], ids=lambda case: case["name"])
def test_reference_gives_the_worked_factor_table(case: dict[str, Any]) -> None:
    found = factors.table(case["market"])
    for date, stocks in case["expected_factors"].items():
        for code, values in stocks.items():
            assert found[date][code] == pytest.approx(values, rel=1e-5), (date, code)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reference_gives_the_right_value_of_the_case(case: HandedCase) -> None:
    found = engine.backtest(case.loaded(), case.asked())
    assert_case(found, found["warnings"], case)


def test_reference_refuses_a_benchmark_that_is_not_loaded() -> None:
    with pytest.raises(engine.RefusedError) as refused:
        engine.backtest(case_market("31"), case_request("31", 4))
    assert refused.value.kind == "benchmark"


def test_reference_gives_the_right_factors_of_statements() -> None:
    found = factors.table(case_market("20"))
    for code, date, key, value in FACTORS:
        expected = value if value is None else pytest.approx(value, rel=1e-5)
        assert found[date][code].get(key) == expected, (code, date, key)
