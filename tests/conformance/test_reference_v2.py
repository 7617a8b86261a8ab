"""The reference of engine version 2 by itself gives every worked example of the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reference_v2 import engine, factors

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples_v2.json").read_text(encoding="utf-8"))
TRADE = ("date", "stock_code", "side", "shares", "price", "reason")


@pytest.mark.parametrize("case", EXAMPLES["backtests"], ids=lambda case: case["name"])
def test_reference_gives_the_worked_backtest(case: dict[str, Any]) -> None:
    found, expected = engine.backtest(case["market"], case["request"]), case["expected"]
    assert [{k: t[k] for k in TRADE} for t in found["trades"]] == [
        {**t, "price": pytest.approx(t["price"], rel=1e-9)} for t in expected["trades"]
    ]
    assert [p["date"] for p in found["equity"]] == [date for date, _ in expected["equity"]]
    assert [p["equity"] for p in found["equity"]] == pytest.approx([v for _, v in expected["equity"]], rel=1e-9)
    assert found["unfilled"] == expected["unfilled"]
    figures = expected.get("statistics", {})
    assert {name: found["statistics"][name] for name in figures} == _approximate(figures)
    if "corporate_actions" in expected:
        assert found["corporate_actions"] == [_approximate(entry) for entry in expected["corporate_actions"]]
    assert set(expected.get("warnings", ())) <= set(found["warnings"])


def _approximate(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: pytest.approx(v, rel=1e-9) if isinstance(v, int | float) else v for k, v in entry.items()}


@pytest.mark.parametrize("case", EXAMPLES["factors"], ids=lambda case: case["name"])
def test_reference_gives_the_worked_factor_table(case: dict[str, Any]) -> None:
    found = factors.table(case["market"])
    for date, stocks in case["expected_factors"].items():
        for code, values in stocks.items():
            assert found[date][code] == pytest.approx(values, rel=1e-5), (date, code)
