"""Worked backtests of the contract: every example comes out as its table says."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from shared.simulation import canonical_request, request_of, run
from tests.support.markets import panels_of

EXAMPLES = json.loads((pathlib.Path(__file__).parents[2] / "data" / "examples.json").read_text(encoding="utf-8"))
FIELDS = ("date", "stock_code", "side", "shares", "reason")


@pytest.mark.parametrize("example", EXAMPLES["backtests"], ids=lambda example: example["name"])
def test_worked_backtest_comes_out_as_its_table(example: dict[str, Any]) -> None:
    result = run(canonical_request(request_of(example["request"])), panels_of(example["market"])).result
    expected = example["expected"]
    assert [[t[f] for f in FIELDS] for t in result["trades"]] == [[t[f] for f in FIELDS] for t in expected["trades"]]
    assert [t["price"] for t in result["trades"]] == pytest.approx([t["price"] for t in expected["trades"]], rel=1e-9)
    assert [p["date"] for p in result["equity"]] == [date for date, _ in expected["equity"]]
    assert [p["equity"] for p in result["equity"]] == pytest.approx([e for _, e in expected["equity"]], rel=1e-9)
    assert result["unfilled"] == expected["unfilled"]
    for key, value in expected.get("statistics", {}).items():
        assert result["statistics"][key] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), key
    for action, wanted in zip(result["corporate_actions"], expected.get("corporate_actions", ()), strict=False):
        for key, value in wanted.items():
            assert action[key] == (pytest.approx(value, rel=1e-9) if isinstance(value, float) else value), key
    if "corporate_actions" in expected:
        assert len(result["corporate_actions"]) == len(expected["corporate_actions"])
    assert set(expected.get("warnings", ())) <= {warning["code"] for warning in result["warnings"]}
