"""Explanations of trades: the rule, the parts of the condition with their values, and the rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.model.request import BacktestRequest
from shared.simulation import canonical_request, explain, request_of
from shared.simulation.explain.drawdown_stops import drawdown_stops
from shared.simulation.explain.trades import RULES
from shared.simulation.structures import REASONS
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request


def explanation(bars: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The explanation of a request on a market."""
    return explain(canonical_request(request_of(request(**changes))), panels_of(bars))


def test_every_reason_has_a_rule() -> None:
    assert set(REASONS) <= set(RULES)


def test_sale_by_condition_names_all_parts_with_values() -> None:
    bars = market({"A": [10_000, 10_000, 12_000, 12_000, 12_000, 12_000, 12_000, 12_000]})
    found = explanation(
        bars, sell={"where": "raw_close > 11000 and raw_volume > 10"}, portfolio={"max_positions": 1},
        buy={"where": "raw_close < 11000"},
    )  # fmt: skip
    entry, sale = found["trades"][:2]
    assert (sale["reason"], sale["why"]["decided_on"], sale["date"]) == ("condition", DAYS[2], DAYS[3])
    assert [(part["condition"], part["passed"]) for part in sale["why"]["parts"]] == [
        ("raw_close > 11000", True), ("raw_volume > 10", True),
    ]  # fmt: skip
    assert sale["why"]["values"]["raw_close"] == 12_000
    assert sale["why"]["held_days"] == 4
    assert (entry["why"]["rank"], entry["why"]["candidates"]) == (1, 1)
    assert [part["condition"] for part in entry["why"]["parts"]] == ["raw_close < 11000"]


def test_rotation_names_the_rank() -> None:
    bars = market({"A": [10_000, 10_000, 1_000, 1_000], "B": [5_000] * 4})
    found = explanation(
        bars, sell={"on_rebalance": "rotate"}, portfolio={"max_positions": 1}, buy={"rank_by": "raw_close"}, end=DAYS[3]
    )
    sale = next(trade for trade in found["trades"] if trade["reason"] == "rebalance")
    assert (sale["stock_code"], sale["why"]["rank"], sale["why"]["candidates"]) == ("A", 2, 2)
    assert sale["why"]["values"]["raw_close"] == 1_000


def test_stop_names_its_level() -> None:
    bars = market({"A": [10_000, 10_000, (10_000, 10_000, 8_000, 8_500), 8_500]})
    found = explanation(bars, sell={"stop_loss_pct": 10}, portfolio={"max_positions": 1}, end=DAYS[3])
    stop = found["trades"][1]
    assert (stop["reason"], stop["why"]["level"], stop["why"]["held_days"]) == ("stop_loss", 9_000, 3)


def drawdown_request(**portfolio: Any) -> BacktestRequest:
    """A canonical request with a drawdown stop."""
    return canonical_request(request_of(request(portfolio=portfolio)))


def test_drawdown_stop_restarts_the_row_before_buying_resumes() -> None:
    stopped = drawdown_request(stop_drawdown_pct=10, stop_resume_days=3)
    days = np.array([10, 11, 12, 13, 16, 17], np.int32)
    equity = np.array([110_000, 99_000, 95_000, 94_000, 93_000, 84_600], np.float64)
    first, second = drawdown_stops(stopped, equity, days)
    assert (first.row, first.resumed, first.highest, first.level) == (1, 4, 110_000, pytest.approx(99_000))
    assert (second.row, second.highest) == (5, 94_000)
    assert drawdown_stops(drawdown_request(), equity, days) == []
