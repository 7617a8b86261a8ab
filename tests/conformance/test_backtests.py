"""The engine makes the trades of the worked examples and of the reference: to the share, equity to 1e-9."""

from __future__ import annotations

import json
import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.comparison import differences, product_result, reference_result
from tests.reference import engine
from tests.reference.market import read
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "examples.json").read_text(encoding="utf-8"))
TRADE = ("date", "stock_code", "side", "shares", "price", "reason")
BLOCKS, MARKETS, REQUESTS = 10, 10, 5


@pytest.mark.parametrize("case", EXAMPLES["backtests"], ids=lambda case: case["name"])
def test_the_engine_makes_the_trades_of_the_worked_backtest(case: dict[str, Any]) -> None:
    found = product_result(panels_of(case["market"]), case["request"])
    assert isinstance(found, dict), found
    expected = case["expected"]
    assert [{k: t[k] for k in TRADE} for t in found["trades"]] == [
        {**t, "price": pytest.approx(t["price"], rel=1e-9)} for t in expected["trades"]
    ]
    assert [p["date"] for p in found["equity"]] == [date for date, _ in expected["equity"]]
    assert [p["equity"] for p in found["equity"]] == pytest.approx([v for _, v in expected["equity"]], rel=1e-9)
    assert found["unfilled"] == expected["unfilled"]
    assert differences(found, engine.backtest(case["market"], case["request"])) == []


@cache
def fixed(seed: int) -> tuple[dict[str, Any], list[tuple[dict[str, Any], dict[str, Any] | Exception]]]:
    """A market, and requests on it with what the reference makes of them."""
    market = random_market(seed)
    made = read(market)
    requests = [random_request(seed * 100 + turn, market) for turn in range(REQUESTS)]
    return market, [(request, reference_result(made, request)) for request in requests]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_backtests_are_those_of_the_reference(block: int) -> None:
    for seed in range(block * MARKETS, (block + 1) * MARKETS):
        market, cases = fixed(seed)
        panels = panels_of(market)
        for request, expected in cases:
            assert differences(product_result(panels, request), expected) == [], (seed, request)


def test_the_random_backtests_reach_every_reason_and_every_miss() -> None:
    seen: Counter[str] = Counter()
    for seed in range(BLOCKS * MARKETS):
        for _, result in fixed(seed)[1]:
            if isinstance(result, dict):
                seen.update(trade["reason"] for trade in result["trades"])
                seen.update(result["unfilled"])
    reasons = {"stop_loss", "trailing_stop", "take_profit", "max_hold", "condition", "rebalance"}
    expected = {"entry", "delisted", "corporate_action", "halted", "limit_up", "cash", "volume"}
    missed = {"sell_" + reason for reason in reasons - {"take_profit"}}
    assert set(seen) - {"sell_take_profit"} == reasons | expected | missed


def test_a_profit_that_opens_at_the_lower_limit_is_missed_once_and_taken_later() -> None:
    cells = (
        ("2023-03-02", 1000, 1000, 1000, 1000, 10_000),
        ("2023-03-03", 1000, 1000, 1000, 1000, 10_000),
        ("2023-03-06", None, None, None, 1800, 0),
        ("2023-03-07", 1260, 1300, 1260, 1280, 10_000),
        ("2023-03-08", 1280, 1280, 1280, 1280, 10_000),
    )
    names = ("date", "open", "high", "low", "close", "volume")
    prices = [{**dict(zip(names, row, strict=True)), "stock_code": "A", "listed_shares": 1_000} for row in cells]
    companies: list[dict[str, Any]] = [{"stock_code": "A", "name": "A", "market": "KOSPI"}]
    market = {"prices": prices, "companies": companies}
    request = {
        "strategy": {"buy": {"where": "raw_close == 1000"}, "sell": {"take_profit_pct": 20}},
        "start": "2023-03-03",
        "end": "2023-03-08",
        "costs": {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0},
        "benchmark": None,
    }
    found = product_result(panels_of(market), request)
    assert isinstance(found, dict)
    assert found["unfilled"]["sell_take_profit"] == 1
    assert [(t["date"], t["price"], t["reason"]) for t in found["trades"]] == [
        ("2023-03-03", 1000.0, "entry"),
        ("2023-03-08", 1280.0, "take_profit"),
    ]
    assert differences(found, engine.backtest(market, request)) == []


@settings(max_examples=60, deadline=None)
@given(market_seed=st.integers(10_000, 10_000_000), request_seed=st.integers(0, 10_000_000))
def test_any_backtest_is_that_of_the_reference(market_seed: int, request_seed: int) -> None:
    market = random_market(market_seed)
    request = random_request(request_seed, market)
    made = read(market)
    expected = reference_result(made, request)
    said = differences(product_result(panels_of(market), request), expected)
    if said and isinstance(expected, dict):
        moved = engine.backtest(made, request, random.Random(0))
        if moved["trades"] != expected["trades"]:
            return  # the last bit of an expression decides a trade
    assert said == [], request
