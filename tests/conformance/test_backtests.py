"""The engine makes the trades of the worked examples, the handed cases and the reference: to the share, to 1e-9."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation.holdings import holdings_on
from tests.conformance.comparison import differences, engine_result, reference_result
from tests.conformance.expectations import assert_case, assert_worked
from tests.conformance.handed_cases import CASES, HandedCase
from tests.reference import engine
from tests.reference.market import read
from tests.support.cases import case_market, case_request
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

DATA = Path(__file__).parents[1] / "data"
EXAMPLES = json.loads((DATA / "examples.json").read_text(encoding="utf-8"))
FOUND = json.loads((DATA / "found_requests.json").read_text(encoding="utf-8"))
BLOCKS, MARKETS, REQUESTS = 10, 12, 5
HOLDING = ("stock_code", "shares", "entry_price", "entry_date", "price", "value")


@pytest.mark.parametrize("case", EXAMPLES["backtests"], ids=lambda case: case["name"])
def test_engine_gives_the_worked_backtest(case: dict[str, Any]) -> None:
    found = engine_result(panels_of(case["market"]), case["request"])
    assert isinstance(found, dict), found
    assert_worked(found, [w["code"] for w in found["warnings"]], case["expected"])
    assert differences(found, engine.backtest(case["market"], case["request"])) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_engine_gives_the_right_value_of_the_case(case: HandedCase) -> None:
    found = engine_result(panels_of(case.loaded()), case.asked())
    assert isinstance(found, dict), found
    assert_case(found, [w["code"] for w in found["warnings"]], case)


def test_engine_refuses_a_benchmark_that_is_not_loaded() -> None:
    found = engine_result(panels_of(case_market("31")), case_request("31", 4))
    assert isinstance(found, RunError), found
    assert "NOPE" in str(found)
    assert "KOSPI" in str(found)


@cache
def random_cases(seed: int) -> tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, Any] | Exception]]]:
    """Return a market, and requests on it with the reference's results."""
    market = random_market(seed)
    loaded = read(market)
    requests = [random_request(seed * 100 + turn, market) for turn in range(REQUESTS)]
    return market, [(request, reference_result(loaded, request)) for request in requests]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_engine_equals_the_reference_on_random_markets(block: int) -> None:
    for seed in range(block * MARKETS, (block + 1) * MARKETS):
        market, cases = random_cases(seed)
        panels = panels_of(market)
        for request, expected in cases:
            assert differences(engine_result(panels, request), expected) == [], (seed, request)


@pytest.mark.parametrize(("market_seed", "request_seed"), FOUND, ids=str)
def test_engine_equals_the_reference_where_it_once_did_not(market_seed: int, request_seed: int) -> None:
    market = random_market(market_seed)
    request = random_request(request_seed, market)
    expected = reference_result(read(market), request)
    assert differences(engine_result(panels_of(market), request), expected) == []


def test_random_backtests_reach_every_reason_and_obstacle() -> None:
    seen: Counter[str] = Counter()
    for seed in range(BLOCKS * MARKETS):
        for _, result in random_cases(seed)[1]:
            if isinstance(result, dict):
                seen.update(trade["reason"] for trade in result["trades"])
                seen.update(result["unfilled"])
                seen.update(action["kind"] for action in result["corporate_actions"])
                seen.update(result["warnings"])
    rules = {
        "stop_loss",
        "trailing_stop",
        "take_profit",
        "max_hold",
        "condition",
        "timing",
        "drawdown_stop",
        "rebalance",
    }
    reasons = rules | {"entry", "delisted", "corporate_action"}
    obstacles = {"halted", "limit_up", "cash", "volume", "sector_cap"}
    missed = {"sell_" + reason for reason in rules - {"take_profit"}}
    assert set(seen) >= reasons | obstacles | missed | {"split", "dividend"}
    assert set(seen) >= engine.WARNING_CODES


@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_holdings_of_every_evening_equal_the_reference(seed: int) -> None:
    market, cases = random_cases(seed)
    panels = panels_of(market)
    for request, expected in cases:
        found = engine_result(panels, request)
        if isinstance(found, Exception) or isinstance(expected, Exception):
            continue
        for point, evening in zip(expected["equity"], expected["holdings"], strict=True):
            shown = holdings_on(found, panels, dt.date.fromisoformat(point["date"]))
            rows = [{name: row[name] for name in HOLDING} for row in shown.document()["holdings"]]
            assert rows == [_approximate(holding) for holding in evening]
            total = shown.cash + sum(holding.value for holding in shown.holdings)
            assert total == pytest.approx(shown.equity, rel=1e-12)


def _approximate(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: pytest.approx(v, rel=1e-9) if isinstance(v, float) else v for k, v in entry.items()}
