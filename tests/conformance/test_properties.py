"""What must hold of every backtest, over random markets and requests: no rule of it needs the reference."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RunError
from shared.simulation import canonical_request, digest_of, request_of, run
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

SEEDS = range(25)
Market = dict[str, list[dict[str, Any]]]


def result_of(market: Market, request: dict[str, Any]) -> dict[str, Any] | None:
    """The result, None where the run ends with an error."""
    try:
        return run(canonical_request(request_of(request)), panels_of(market)).result
    except RunError:
        return None


def known_on(market: Market, day: str) -> Market:
    """A market as it was known on the evening of a day."""
    kept = {"prices": "date", "indices": "date", "financials": "disclosed_on", "dividends": "ex_date"}
    return {
        name: [row for row in rows if name == "companies" or row[kept[name]] <= day] for name, rows in market.items()
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_columns_changes_no_byte_of_a_result(seed: int) -> None:
    market, request = random_market(seed), random_request(seed, random_market(seed))
    found = result_of(market, request)
    turned = result_of(
        {**market, "companies": sorted(market["companies"], key=lambda c: str(c["stock_code"])[::-1])}, request
    )
    if found is None or turned is None:
        assert found is turned
    else:
        assert digest_of(found) == digest_of(turned)


def assert_nothing_is_seen_ahead(seed: int, request_seed: int) -> None:
    """Trades and equity up to a day do not change when the data after it are cut off."""
    market = random_market(seed)
    request = random_request(request_seed, market)
    whole = result_of(market, request)
    if whole is None:
        return
    rng = random.Random(seed)
    day = rng.choice(whole["equity"])["date"]
    later = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    cut = result_of(known_on(market, day), request)
    if cut is None:
        return  # a factor or the index has no value yet
    assert [t for t in whole["trades"] if t["date"] < later] == cut["trades"]
    past = [p for p in whole["equity"] if p["date"] < later]
    assert past == cut["equity"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_after_a_day_changes_nothing_up_to_it(seed: int) -> None:
    assert_nothing_is_seen_ahead(seed, seed)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(10_000, 10_000_000), request_seed=st.integers(0, 10_000_000))
def test_no_backtest_sees_ahead(seed: int, request_seed: int) -> None:
    assert_nothing_is_seen_ahead(seed, request_seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_money_is_conserved_and_no_stock_is_bought_on_the_day_of_its_sale(seed: int) -> None:
    market = random_market(seed)
    for turn in range(4):
        request = random_request(seed * 10 + turn, market)
        request["execution"]["dividends"] = False
        result = result_of(market, request)
        if result is None:
            continue
        assert min(p["cash"] for p in result["equity"]) >= -0.01
        sold: set[tuple[str, str]] = set()
        for trade in result["trades"]:
            at = (trade["date"], trade["stock_code"])
            assert trade["side"] == "sell" or at not in sold
            if trade["side"] == "sell":
                sold.add(at)
        held = sum(p["value"] for p in result["open_positions"])
        last = result["equity"][-1]
        assert last["equity"] == pytest.approx(last["cash"] + held, rel=1e-12, abs=1e-6)
        gains = sum(t["gain"] for t in result["round_trips"]) + sum(p["gain"] for p in result["open_positions"])
        assert last["equity"] - request["initial_cash"] == pytest.approx(gains, rel=1e-9, abs=1e-3)
        if not result["trades"]:
            assert {p["equity"] for p in result["equity"]} == {request["initial_cash"]}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_trades_at_higher_costs_never_end_with_more_money(seed: int) -> None:
    market = random_market(seed)
    request = random_request(seed, market)
    request["costs"] = {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0}
    cheap = result_of(market, request)
    for costs in ({"commission_pct": 0.001}, {"tax_pct": 0.3}, {"slippage_pct": 0.01}):
        dear = result_of(market, {**request, "costs": {**request["costs"], **costs}})
        if cheap is None or dear is None:
            assert cheap is dear
            continue
        what = [[(t["date"], t["stock_code"], t["shares"]) for t in r["trades"]] for r in (cheap, dear)]
        if what[0] == what[1]:
            assert dear["equity"][-1]["equity"] <= cheap["equity"][-1]["equity"] * (1 + 1e-12)


def test_a_result_is_the_same_whatever_was_served_before() -> None:
    market = random_market(3)
    fresh = [result_of(market, random_request(seed, market)) for seed in range(12)]
    panels = panels_of(market)
    for seed in (*range(12), *reversed(range(12))):
        request, expected = canonical_request(request_of(random_request(seed, market))), fresh[seed]
        if expected is None:
            with pytest.raises(RunError):
                run(request, panels)
        else:
            assert run(request, panels).result_digest == digest_of(expected)
