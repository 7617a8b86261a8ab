"""Properties of every run, on random markets with random requests."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation import Outcome, audit, canonical_request, digest_of, engine, explain, request_of, run
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request
from tests.unit.simulation import fixtures


@cache
def random_runs() -> list[tuple[dict[str, Any], dict[str, Any], Outcome]]:
    """(market, request, outcome) of random pairs that are not refused; computed by the first test that needs them."""
    found = []
    for seed in range(1000, 1025):
        market = random_market(seed)
        panels = panels_of(market)
        for k in range(3):
            body = random_request(10 * seed + k, market)
            body["strategy"].setdefault("universe", {})["kinds"] = None
            try:
                found.append((market, body, run(canonical_request(request_of(body)), panels)))
            except RunError:
                continue
    return found


def test_random_runs_trade() -> None:
    assert len(random_runs()) > 40
    assert sum(len(outcome.result["trades"]) for _, _, outcome in random_runs()) > 1_000


def test_digest_is_independent_of_column_order() -> None:
    for market, body, outcome in random_runs()[:20]:
        turned = {**market, "companies": market["companies"][::-1]}
        again = run(canonical_request(request_of(body)), panels_of(turned))
        assert again.result_digest == outcome.result_digest


def test_digest_is_independent_of_block_length(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = random_runs()[:20]
    monkeypatch.setattr(engine, "BLOCK_ROWS", 7)
    for market, body, outcome in runs:
        assert run(canonical_request(request_of(body)), panels_of(market)).result_digest == outcome.result_digest


def test_audit_finds_no_look_ahead() -> None:
    for market, body, _ in random_runs()[:20]:
        found = audit(canonical_request(request_of(body)), panels_of(market), seed=1, cuts=3)
        assert found["identical"], found


def test_cash_and_positions_add_up_and_cash_is_not_negative() -> None:
    for _, _, outcome in random_runs():
        result = outcome.result
        for point in result["equity"]:
            assert point["cash"] >= -0.01
        last = result["equity"][-1]
        held = sum(position["value"] for position in result["open_positions"])
        assert last["equity"] == pytest.approx(last["cash"] + held, rel=1e-12)
        assert last["positions"] == len(result["open_positions"])


def test_stock_sold_today_is_not_bought_today() -> None:
    for _, _, outcome in random_runs():
        sold = defaultdict(set)
        for trade in outcome.result["trades"]:
            if trade["side"] == "sell":
                sold[trade["date"]].add(trade["stock_code"])
            else:
                assert trade["stock_code"] not in sold[trade["date"]]


def test_gains_of_positions_add_up_to_the_gain_of_the_run() -> None:
    for _, body, outcome in random_runs():
        result = outcome.result
        gains = sum(trip["gain"] for trip in result["round_trips"]) + sum(p["gain"] for p in result["open_positions"])
        assert result["equity"][-1]["equity"] - body["initial_cash"] == pytest.approx(
            gains, abs=1e-6 * body["initial_cash"]
        )


def test_body_is_the_result_with_its_digest() -> None:
    for _, _, outcome in random_runs():
        read = json.loads(outcome.body)
        assert read == json.loads(json.dumps(outcome.result))
        assert read["provenance"]["result_digest"] == outcome.result_digest == digest_of(read)
        assert b"NaN" not in outcome.body


def test_explanation_covers_each_trade_and_rebalance() -> None:
    for market, body, outcome in random_runs()[:20]:
        found = explain(canonical_request(request_of(body)), panels_of(market))
        assert [{k: v for k, v in t.items() if k != "why"} for t in found["trades"]] == outcome.result["trades"]
        for trade in found["trades"]:
            assert trade["why"]["rule"]
            if trade["reason"] in ("stop_loss", "trailing_stop", "take_profit"):
                assert trade["why"]["level"] is not None
            if trade["reason"] == "entry":
                assert trade["why"]["decided_on"] < trade["date"]
                assert trade["why"]["values"]
        for rebalance in found["rebalances"]:
            assert rebalance["candidates"] <= rebalance["universe"]
            assert all(part["passed"] >= rebalance["candidates"] for part in rebalance["parts"])


def test_higher_costs_never_increase_the_final_equity() -> None:
    free = {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0}
    tried = 0
    for market, body, _ in random_runs():
        panels = panels_of(market)
        ends = []
        for costs in (free, {**free, "commission_pct": 0.01}, {**free, "commission_pct": 0.01, "tax_pct": 0.2}):
            canonical = canonical_request(request_of({**body, "costs": costs}))
            result = run(canonical, panels).result
            ends.append(([(t["date"], t["stock_code"], t["shares"]) for t in result["trades"]], result["equity"][-1]))
        for cheaper, dearer in pairwise(ends):
            if cheaper[0] == dearer[0]:
                tried += 1
                assert dearer[1]["equity"] <= cheaper[1]["equity"] + 1e-6
    assert tried > 20


def test_shares_and_cash_follow_from_trades_and_actions() -> None:
    """The ledger law: holdings of the last evening and its cash, to 0.01 won, from trades and corporate actions."""
    actions = 0
    for _, body, outcome in random_runs():
        result = outcome.result
        shares: dict[str, int] = defaultdict(int)
        cash = float(body["initial_cash"])
        for action in result["corporate_actions"]:
            cash += action["cash"]
            actions += 1
        events = [(a["date"], 0, a) for a in result["corporate_actions"]] + [
            (t["date"], 1, t) for t in result["trades"]
        ]
        for _, kind, event in sorted(events, key=lambda event: event[:2]):
            code = event["stock_code"]
            if kind == 0:
                if event["kind"] == "split":
                    assert shares[code] == event["shares_before"]
                    shares[code] = event["shares_after"]
                continue
            sign = 1 if event["side"] == "buy" else -1
            shares[code] += sign * event["shares"]
            cash -= sign * event["shares"] * event["price"] + event["commission"] + event["tax"]
        held = {position["stock_code"]: position["shares"] for position in result["open_positions"]}
        assert {code: count for code, count in shares.items() if count} == held
        assert result["equity"][-1]["cash"] == pytest.approx(cash, abs=0.01)
    assert actions > 20


def test_reweight_of_two_stocks_follows_the_rebalanced_portfolio() -> None:
    """Closed form of a constantly rebalanced portfolio at the opens: the mean of the two open-to-open returns."""
    opens = {"A": [1000, 1000, 1300, 1100, 1500, 1200], "B": [2000, 2000, 1500, 1900, 1700, 2600]}
    bars = fixtures.market({code: [(p, p, p, p) for p in prices] for code, prices in opens.items()})
    result = run(
        canonical_request(
            request_of(
                fixtures.request(
                    sell={"on_rebalance": "reweight"}, portfolio={"max_positions": 2, "invest": "full"},
                    initial_cash=1e13, end="2023-03-09",
                    execution={"tick_size": False, "price_limits": False, "max_volume_pct": None},
                )
            )
        ),
        panels_of(bars),
    ).result  # fmt: skip
    equity = 1e13
    for point, before, now in zip(result["equity"][1:], range(1, 5), range(2, 6), strict=False):
        equity *= sum(opens[code][now] / opens[code][before] for code in opens) / 2
        assert point["equity"] == pytest.approx(equity, rel=1e-8)
