"""Why a stock was not bought: the outcomes agree with what the engine counted and did."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import numpy as np
import pytest

from shared.errors import RunError
from shared.simulation import canonical_request, request_of, why_not
from shared.simulation.engine import simulate
from shared.simulation.explain.why_not import explain_candidate
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request
from tests.unit.simulation.test_engine_laws import random_runs

WALKED = ("halted", "limit_up", "cash", "volume", "sector_cap")


def explained(bars: dict[str, Any], code: str, day: str, **changes: Any) -> dict[str, Any]:
    """The explanation of a stock on a day of a request on a market."""
    canonical = canonical_request(request_of(request(**changes)))
    return why_not(canonical, panels_of(bars), code, dt.date.fromisoformat(day))


@pytest.mark.parametrize("turn", range(6))
def test_outcomes_add_up_to_the_unfilled_counts(turn: int) -> None:
    for world, body, outcome in random_runs()[turn::24]:
        if body["strategy"]["sell"].get("on_rebalance") == "reweight":
            continue  # `unfilled` counts additions to holdings too
        panels = panels_of(world)
        run = simulate(canonical_request(request_of(body)), panels)
        counts: Counter[str] = Counter()
        bought = {(trade["date"], trade["stock_code"]) for trade in outcome.result["trades"] if trade["side"] == "buy"}
        found = set()
        for row in (run.plan.window.start + np.flatnonzero(run.rebalance)).tolist():
            for column in range(len(panels.instruments)):
                one = explain_candidate(run, outcome.result, row, column)
                counts[one["outcome"]] += 1
                if one["outcome"] == "bought":
                    found.add((one["date"], one["stock_code"]))
        unfilled = {name: outcome.result["unfilled"].get(name, 0) for name in WALKED}
        assert {name: counts[name] for name in WALKED} == unfilled, body
        assert found == bought


def test_failed_parts_are_named_with_their_values() -> None:
    bars = market({"A": [10_000] * 8, "B": [900] * 8}, companies={"B": {"sector": "화학"}})
    changes = {"buy": {"where": "raw_close > 1000 and (raw_close < 5000 or raw_close > 20000)"}}
    found = explained(bars, "A", DAYS[2], **changes)
    assert (found["outcome"], found["rank"], found["decided_on"]) == ("condition", None, DAYS[1])
    assert found["message"] == "it did not meet a part of buy.where on the row before"
    first, second = found["condition"]
    assert (first["condition"], first["passed"], first["values"]) == ("raw_close > 1000", True, {"raw_close": 10_000})
    assert (second["passed"], second["operator"]) == (False, "or")
    assert [operand["passed"] for operand in second["operands"]] == [False, False]


def test_universe_parts_are_named_with_the_stocks_value() -> None:
    bars = market({"A": [10_000] * 8, "B": [900] * 8}, companies={"B": {"sector": "화학", "market": "KOSDAQ"}})
    changes = {"universe": {"markets": ["KOSPI"], "where": "raw_close > 1000"}}
    found = explained(bars, "B", DAYS[2], **changes)
    assert found["outcome"] == "not_in_universe"
    parts = {part["part"]: (part["passed"], part["value"]) for part in found["universe"]}
    assert parts["price"] == (True, 0)
    assert parts["markets"] == (False, "KOSDAQ")
    assert parts["kinds"] == (True, "common")
    assert parts["where: raw_close > 1000"] == (False, {"raw_close": 900.0})


def test_day_that_is_no_rebalance_day_and_first_row_are_named() -> None:
    bars = market({"A": [10_000] * 8})
    monthly = {"portfolio": {"rebalance": "monthly", "max_positions": 1}, "buy": {"where": "raw_close < 1"}}
    assert explained(bars, "A", DAYS[3], **monthly)["outcome"] == "no_rebalance_day"
    assert explained(bars, "A", DAYS[0], start=DAYS[0])["outcome"] == "no_signal"


def test_slots_and_cash_of_the_day_are_given() -> None:
    bars = market({"A": [10_000] * 8, "B": [9_000] * 8})
    found = explained(bars, "B", DAYS[1], portfolio={"max_positions": 1})
    assert (found["outcome"], found["rank"], found["candidates"]) == ("no_slot", 2, 2)
    assert (found["slots"], found["positions"], found["bought"], found["cash"]) == (1, 0, 1, 100_000)
    later = explained(bars, "A", DAYS[2], portfolio={"max_positions": 1})
    assert (later["outcome"], later["positions"], later["slots"]) == ("held", 1, 0)


def test_unknown_stock_and_date_are_refused() -> None:
    bars = market({"A": [10_000] * 8})
    with pytest.raises(RunError, match="no stock 'X'"):
        explained(bars, "X", DAYS[2])
    with pytest.raises(RunError, match="did you mean 005930"):
        explained(market({"005930": [10_000] * 8}), "5930", DAYS[2])
    with pytest.raises(RunError, match="is not a row of this backtest"):
        explained(bars, "A", "2023-03-05")
