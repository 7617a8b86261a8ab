"""What a worked example or a handed case says about a result of the engine or of the reference."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from tests.conformance.handed_cases import HandedCase

TRADE = ("date", "stock_code", "side", "shares", "price", "reason")
ACTION = ("date", "stock_code", "kind", "ratio", "shares_before", "shares_after", "dps", "cash")


def _approximate(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: pytest.approx(v, rel=1e-9) if isinstance(v, int | float) else v for k, v in entry.items()}


def assert_worked(found: dict[str, Any], codes: Collection[str], expected: dict[str, Any]) -> None:
    """Assert the trades, equity, figures, actions and warnings of a worked backtest."""
    assert [{k: t[k] for k in TRADE} for t in found["trades"]] == [_approximate(t) for t in expected["trades"]]
    assert [p["date"] for p in found["equity"]] == [date for date, _ in expected["equity"]]
    assert [p["equity"] for p in found["equity"]] == pytest.approx([v for _, v in expected["equity"]], rel=1e-9)
    assert found["unfilled"] == expected["unfilled"]
    figures = expected.get("statistics", {})
    assert {name: found["statistics"][name] for name in figures} == _approximate(figures)
    if "corporate_actions" in expected:
        actions = [{k: action[k] for k in ACTION} for action in found["corporate_actions"]]
        assert actions == [_approximate(entry) for entry in expected["corporate_actions"]]
    assert set(expected.get("warnings", ())) <= set(codes)


def assert_case(found: dict[str, Any], codes: Collection[str], case: HandedCase) -> None:
    """Assert the known parts of the result of a handed case."""
    if case.equity is not None:
        curve = [point["equity"] for point in found["equity"]][-len(case.equity) :]
        assert curve == pytest.approx(case.equity, rel=1e-9)
    if case.benchmark is not None:
        assert found["equity"][-1]["benchmark"] == pytest.approx(case.benchmark, rel=1e-9)
    if case.trades is not None:
        assert [(t["date"], t["side"], t["shares"], t["price"]) for t in found["trades"]] == list(case.trades)
    if case.unfilled is not None:
        assert found["unfilled"] == case.unfilled
    figures = case.statistics
    assert {name: found["statistics"][name] for name in figures} == _approximate(figures)
    assert set(case.warnings) <= set(codes)
