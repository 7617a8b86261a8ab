"""What must hold of every backtest, over random markets and requests: no test of this file needs the reference."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation import canonical_request, digest_of, request_of, run
from tests.support.markets import panels_of
from tests.support.random_markets import random_market, spelled
from tests.support.random_requests import random_request

SEEDS = range(25)
LIQUIDATION_DAYS = 21
Market = dict[str, list[dict[str, Any]]]


def result_of(market: Market, request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the result, None where the run ends with an error."""
    try:
        panels = panels_of(market)
        return run(canonical_request(request_of(request), frozenset(panels.indices)), panels).result
    except RunError:
        return None


def known_on(market: Market, day: str) -> Market:
    """Return a market as it was known on the evening of a day, with the delistings announced by then."""
    kept = {"prices": "date", "indices": "date", "financials": "disclosed_on", "dividends": "ex_date"}
    known = {name: [row for row in rows if name not in kept or row[kept[name]] <= day] for name, rows in market.items()}
    announced = (dt.date.fromisoformat(day) + dt.timedelta(days=LIQUIDATION_DAYS)).isoformat()
    known["companies"] = [
        {**c, "delisted_on": None} if (c.get("delisted_on") or day) > announced else c for c in market["companies"]
    ]
    return known


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_columns_changes_no_byte_of_a_result(seed: int) -> None:
    market, request = random_market(seed), random_request(seed, random_market(seed))
    found = result_of(market, request)
    turned = result_of(
        {**market, "companies": sorted(market["companies"], key=lambda c: str(c["stock_code"])[::-1])}, request
    )
    if found is None or turned is None:
        assert found is turned
    else:
        assert digest_of(found) == digest_of(turned)


@pytest.mark.parametrize("seed", range(60))
def test_data_after_a_day_change_nothing_up_to_it(seed: int) -> None:
    market = random_market(seed)
    request = random_request(seed, market)
    whole = result_of(market, request)
    if whole is None:
        return
    day = random.Random(seed).choice(whole["equity"])["date"]
    cut = result_of(known_on(market, day), request)
    if cut is None:
        return  # a factor or the index has no value yet
    for name in ("trades", "equity", "corporate_actions"):
        assert [entry for entry in whole[name] if entry["date"] <= day] == cut[name]


@pytest.mark.parametrize("seed", SEEDS)
def test_halts_in_four_spellings_give_equal_results(seed: int) -> None:
    market = random_market(5_000 + seed, states=False)
    for turn in range(3):
        request = random_request(seed * 10 + turn, market)
        results = [result_of(spelled(market, how), request) for how in ("missing", "same", "zero", "null")]
        digests = {None if result is None else digest_of(result) for result in results}
        assert len(digests) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_trades_and_corporate_actions_explain_shares_and_cash(seed: int) -> None:
    market = random_market(seed)
    for turn in range(4):
        request = random_request(seed * 10 + turn, market)
        result = result_of(market, request)
        if result is None:
            continue
        cash, shares = float(request["initial_cash"]), defaultdict(int)
        entries = [(a["date"], 0, a) for a in result["corporate_actions"]]
        entries += [(t["date"], 1, t) for t in result["trades"]]
        entries.sort(key=lambda entry: entry[:2])
        at = 0
        for point in result["equity"]:
            while at < len(entries) and entries[at][0] <= point["date"]:
                cash += cash_of(entries[at][2], shares)
                at += 1
            assert cash == pytest.approx(point["cash"], abs=0.01, rel=1e-12)
            assert sum(count > 0 for count in shares.values()) == point["positions"]
        held = {p["stock_code"]: p["shares"] for p in result["open_positions"]}
        assert held == {code: count for code, count in shares.items() if count}


def cash_of(entry: dict[str, Any], shares: dict[str, int]) -> float:
    """Return what a trade or corporate action adds to the cash, and bring the shares up to date."""
    code = entry["stock_code"]
    if entry.get("kind") == "split":
        assert shares[code] == entry["shares_before"]
        shares[code] = entry["shares_after"]
        return float(entry["cash"])
    if entry.get("kind") == "dividend":
        return float(entry["cash"])
    amount = entry["shares"] * entry["price"]
    if entry["side"] == "buy":
        shares[code] += entry["shares"]
        return -float(amount + entry["commission"])
    shares[code] -= entry["shares"]
    return float(amount - entry["commission"] - entry["tax"])


@pytest.mark.parametrize("seed", SEEDS)
def test_cash_and_positions_are_the_equity(seed: int) -> None:
    market = random_market(seed)
    for turn in range(4):
        request = random_request(seed * 10 + turn, market)
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
def test_same_trades_at_higher_costs_never_end_with_more(seed: int) -> None:
    market = random_market(seed)
    request = random_request(seed, market)
    request["costs"] = {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0}
    cheap = result_of(market, request)
    for costs in ({"commission_pct": 0.001}, {"tax_pct": 0.3}, {"slippage_pct": 0.01}, {"impact": 0.01}):
        dear = result_of(market, {**request, "costs": {**request["costs"], **costs}})
        if cheap is None or dear is None:
            assert cheap is dear
            continue
        what = [[(t["date"], t["stock_code"], t["shares"]) for t in r["trades"]] for r in (cheap, dear)]
        if what[0] == what[1]:
            assert dear["equity"][-1]["equity"] <= cheap["equity"][-1]["equity"] * (1 + 1e-12)


def test_result_does_not_depend_on_what_was_served_before() -> None:
    market = random_market(3)
    fresh = [result_of(market, random_request(seed, market)) for seed in range(12)]
    panels = panels_of(market)
    for seed in (*range(12), *reversed(range(12))):
        request = canonical_request(request_of(random_request(seed, market)), frozenset(panels.indices))
        expected = fresh[seed]
        if expected is None:
            with pytest.raises(RunError):
                run(request, panels)
        else:
            assert run(request, panels).result_digest == digest_of(expected)


@pytest.mark.parametrize("seed", range(8))
def test_equal_reweighting_follows_its_closed_form(seed: int) -> None:
    rng = random.Random(seed)
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(40)]
    codes, prices = ("000010", "000020"), []
    opens: dict[str, list[float]] = {code: [rng.uniform(90, 110)] for code in codes}
    closes: dict[str, list[float]] = {code: [] for code in codes}
    for day in days:
        for code in codes:
            opening = opens[code][-1]
            close = opening * rng.uniform(0.9, 1.1)
            closes[code].append(close)
            high, low = max(opening, close), min(opening, close)
            line = {"date": day.isoformat(), "stock_code": code, "open": opening, "high": high, "low": low}
            prices.append({**line, "close": close, "volume": 1e15, "listed_shares": 1e9})
            opens[code].append(close * rng.uniform(0.95, 1.05))
    companies = [{"stock_code": code, "name": code, "market": "KOSPI"} for code in codes]
    request = {
        "strategy": {
            "sell": {"on_rebalance": "reweight"},
            "portfolio": {"max_positions": 2, "invest": "full", "rebalance": "daily"},
        },
        "start": days[1].isoformat(),
        "end": days[-1].isoformat(),
        "initial_cash": 1e13,
        "costs": {"commission_pct": 0, "slippage_pct": 0, "tax_pct": 0},
        "execution": {"tick_size": False, "price_limits": False, "max_volume_pct": None},
        "benchmark": None,
    }
    result = result_of({"prices": prices, "companies": companies}, request)
    assert result is not None
    equity = 1e13
    for row in range(1, len(days)):
        if row > 1:
            equity *= sum(opens[code][row] / opens[code][row - 1] for code in codes) / 2
        worth = equity * sum(closes[code][row] / opens[code][row] for code in codes) / 2
        assert result["equity"][row - 1]["equity"] == pytest.approx(worth, rel=1e-9)
