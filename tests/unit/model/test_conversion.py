"""Conversion of plain values into declared types, with every problem at once."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from shared.model.conversion import convert
from shared.model.request import BacktestRequest, Portfolio, RebalanceCalendar, canonical_json, request_from_json


def _request(**portfolio: Any) -> dict[str, Any]:
    return {"strategy": {"portfolio": portfolio}, "start": "2023-01-02", "end": "2023-12-28"}


def test_right_value_has_no_problems() -> None:
    found = convert(_request(max_positions=10.0, rebalance={"weekday": "fri"}), BacktestRequest)
    assert found.problems == []
    assert found.value is not None
    portfolio = found.value.strategy.portfolio
    assert (portfolio.max_positions, portfolio.rebalance) == (10, RebalanceCalendar(weekday="fri"))
    assert isinstance(portfolio.max_positions, int)
    assert request_from_json(canonical_json(found.value)) == found.value


def test_wrong_fields_have_their_defaults() -> None:
    found = convert(_request(max_positions="x", keep_rank=30) | {"initial_cash": 0, "end": 3}, BacktestRequest)
    assert {problem.path for problem in found.problems} == {"strategy.portfolio.max_positions", "initial_cash", "end"}
    assert found.value is not None
    assert (found.value.strategy.portfolio.max_positions, found.value.strategy.portfolio.keep_rank) == (20, 30)
    assert (found.value.initial_cash, found.value.start) == (1e8, dt.date(2023, 1, 2))


def test_problems_after_a_missing_field_are_reported() -> None:
    found = convert({"rows": 1}, BacktestRequest)
    assert {problem.path for problem in found.problems} == {"rows", "strategy", "start", "end"}
    assert convert([], BacktestRequest).value is None


@pytest.mark.parametrize(
    ("rebalance", "path"),
    [
        ("yearly", "rebalance"),
        (7, "rebalance"),
        ({"months": [0]}, "rebalance.months[0]"),
        ({"months": []}, "rebalance.months"),
        ({"day": 32}, "rebalance.day"),
        ({"day": 0}, "rebalance.day"),
        ({"weekday": "sat"}, "rebalance.weekday"),
        ({"rows": 501}, "rebalance.rows"),
        ({"week": 1}, "rebalance.week"),
    ],
)
def test_rebalance_is_a_word_or_a_calendar(rebalance: object, path: str) -> None:
    found = convert({"rebalance": rebalance}, Portfolio)
    assert [problem.path for problem in found.problems] == [path]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stop_drawdown_pct", 0), ("stop_drawdown_pct", 100), ("stop_drawdown_pct", math.nan), ("max_per_sector", 0),
        ("max_positions", 5_001), ("keep_rank", 10_001), ("stop_resume_days", 0), ("stop_resume_days", 3_651),
        ("rebalance_band_pct", 101), ("rebalance_band_pct", -1), ("position_pct", 0), ("max_positions", True),
        ("when", ""), ("when", "a\x00b"), ("invest", "all"), ("max_position_value", 0.5), ("max_positions", 2**70),
    ],
)  # fmt: skip
def test_value_out_of_range_is_refused(field: str, value: object) -> None:
    found = convert({field: value}, Portfolio)
    assert [problem.path for problem in found.problems] == [field]
    assert found.value == Portfolio()
