"""The orders of the next day are what the engine does on that day once its row is there."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import msgspec
import pytest

from shared.errors import RunError
from shared.model.calendar import from_day, to_day
from shared.simulation import canonical_request, request_of
from shared.simulation.engine import simulate_days
from shared.simulation.holdings import positions_on
from shared.simulation.next_day import decide_next_day, orders_digest
from shared.simulation.structures import REASONS
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request
from tests.unit.simulation.test_engine_laws import random_runs

BY_RULE = ("max_hold", "condition", "timing", "drawdown_stop", "rebalance")
BY_LEVEL = ("stop_loss", "trailing_stop", "take_profit")


def decided(panels: Any, body: Any, day: int) -> dict[str, Any]:
    """The decision of a row from the rows before it, as a document."""
    canonical = canonical_request(request_of(body))
    row = int(panels.days.searchsorted(day))
    before = msgspec.structs.replace(canonical, end=from_day(int(panels.days[row - 1])), benchmark=None)
    run = None
    if to_day(canonical.start) <= int(panels.days[row - 1]):
        run, _ = simulate_days(before, panels)
    return decide_next_day(before, panels, day, run).document()


def check_day(panels: Any, trades: list[dict[str, Any]], found: dict[str, Any], held: set[str]) -> int:
    """Compare the trades of a day with its decision; return how many trades were explained."""
    sales = {o["stock_code"]: o for o in found["orders"] if o["side"] == "sell" and o["reason"] in BY_RULE}
    levels = {(o["stock_code"], o["reason"]) for o in found["orders"] if o["level"] is not None}
    buys = [o["stock_code"] for o in found["orders"] if o["side"] == "buy"]
    bought = [t["stock_code"] for t in trades if t["side"] == "buy"]
    for trade in trades:
        code = trade["stock_code"]
        if trade["side"] == "buy" or code not in held:
            continue
        if trade["reason"] in BY_RULE:
            assert sales.get(code, {}).get("reason") == trade["reason"], (trade, found)
        elif trade["reason"] in BY_LEVEL:
            assert (code, trade["reason"]) in levels, (trade, found)
    for code in sales:
        sold = [t for t in trades if t["stock_code"] == code and t["side"] == "sell"]
        assert all(t["reason"] != "entry" for t in sold)
    assert set(bought) <= set(buys), (bought, found)
    places = [buys.index(code) for code in bought]
    assert places == sorted(places)
    return len(trades)


@pytest.mark.parametrize("turn", range(4))
def test_orders_explain_the_trades_of_the_next_row(turn: int) -> None:
    explained = 0
    for world, body, outcome in random_runs()[turn::4]:
        if body["strategy"].get("sell", {}).get("on_rebalance") == "reweight":
            continue  # trims and additions depend on the opens
        panels = panels_of(world)
        result = outcome.result
        dates = [point["date"] for point in result["equity"]]
        for at in range(1, len(dates), 2):
            day = int(panels.days[panels.days.searchsorted(to_day(dt.date.fromisoformat(dates[at])))])
            trades = [trade for trade in result["trades"] if trade["date"] == dates[at]]
            held = held_before(result, at)
            try:
                found = decided(panels, body, day)
            except RunError:
                continue
            explained += check_day(panels, trades, found, held)
    assert explained > 20


def held_before(result: dict[str, Any], at: int) -> set[str]:
    """The stocks held on the evening before a row of the window."""
    return set(positions_on(result, result["equity"][at - 1]["date"]))


def test_first_day_buys_in_order_with_reserves() -> None:
    bars = market({code: [price] * 8 for code, price in (("A", 100), ("B", 300), ("C", 200), ("D", 50))})
    body = request(buy={"rank_by": "raw_close"}, portfolio={"max_positions": 2}, start=DAYS[2], end=DAYS[2])
    found = decided(panels_of(bars), body, to_day(dt.date.fromisoformat(DAYS[2])))
    assert (found["day"], found["decided_on"], found["buys"]) == (DAYS[2], DAYS[1], "allowed")
    listed = [(o["stock_code"], o["priority"], o["amount"], o["reserve"]) for o in found["orders"]]
    assert listed == [("B", 1, 50_000, False), ("C", 2, 50_000, False), ("A", 3, 50_000, True), ("D", 4, 50_000, True)]


def test_levels_stand_and_ages_are_sold() -> None:
    bars = market({"A": [100, 100, 110, 120, 115, 115, 115, 115]})
    sell = {"stop_loss_pct": 10, "trailing_stop_pct": 5, "take_profit_pct": 50, "max_hold_days": 6}
    body = request(buy={"rank_by": "raw_close"}, sell=sell, portfolio={"max_positions": 1})
    found = decided(panels_of(bars), body, to_day(dt.date.fromisoformat(DAYS[4])))
    sales = [(o["kind"], o["reason"], o["level"]) for o in found["orders"] if o["side"] == "sell"]
    assert sales == [("stop", "trailing_stop", pytest.approx(114)), ("target", "take_profit", pytest.approx(150))]
    found = decided(panels_of(bars), body | {"strategy": body["strategy"] | {"sell": {"max_hold_days": 4}}},
                    to_day(dt.date.fromisoformat(DAYS[3])))  # fmt: skip
    assert [(o["kind"], o["reason"]) for o in found["orders"] if o["side"] == "sell"] == [("open", "max_hold")]


def test_digest_ignores_names() -> None:
    order = {"stock_code": "A", "name": "one", "side": "buy", "amount": 1.0}
    assert orders_digest([order]) == orders_digest([order | {"name": "other"}])
    assert orders_digest([order]) != orders_digest([order | {"amount": 2.0}])


REWEIGHT = {"sell": {"on_rebalance": "reweight"}, "portfolio": {"max_positions": 2, "invest": "full"}}


def test_reweight_trims_and_adds_to_equal_parts() -> None:
    """500 shares of each: A at 140 and B at 60 are 100,000 won, so 142 of A are 20,000 too much, and B lacks 20,000."""
    bars = market({"A": [100, 100, (100, 140, 100, 140), 140], "B": [100, 100, (100, 100, 60, 60), 60]})
    body = request(buy={"rank_by": "raw_close"}, **REWEIGHT)
    found = decided(panels_of(bars), body, to_day(dt.date.fromisoformat(DAYS[3])))
    listed = [(o["stock_code"], o["side"], o["reason"], o["shares"], o["amount"]) for o in found["orders"]]
    assert listed == [("A", "sell", "rebalance", 142, 50_000), ("B", "buy", "entry", None, 20_000)]


def test_reweight_orders_are_the_trades_at_opens_like_closes() -> None:
    """The engine makes exactly the trims, and at most floor(amount / price) of each purchase."""
    for seed in range(6):
        draw = random.Random(seed)
        series: dict[str, list[Any]] = {}
        for code in "ABCD":
            closes = [draw.randrange(80, 120)]
            for _ in DAYS[1:]:
                closes.append(round(closes[-1] * draw.uniform(0.9, 1.1)))
            opens = [closes[0], *closes[:-1]]
            series[code] = [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]
        panels = panels_of(market(series))
        body = request(buy={"rank_by": "raw_close"}, **REWEIGHT)
        run, _ = simulate_days(canonical_request(request_of(body)), panels)
        codes = panels.instruments.code
        for row in range(2, len(DAYS)):
            found = decided(panels, body, int(panels.days[row]))
            trades = run.ledger.trades[run.ledger.trades["row"] == row]
            price = dict(zip(codes, panels.panel("open", slice(row, row + 1))[0].tolist(), strict=True))
            sold = {codes[t["col"]]: int(t["shares"]) for t in trades if REASONS[t["reason"]] != "entry"}
            bought = {codes[t["col"]]: int(t["shares"]) for t in trades if REASONS[t["reason"]] == "entry"}
            ordered = {o["stock_code"]: o for o in found["orders"]}
            assert sold == {c: o["shares"] for c, o in ordered.items() if o["side"] == "sell"}
            assert set(bought) <= {c for c, o in ordered.items() if o["side"] == "buy"}
            for code, shares in bought.items():
                assert shares <= ordered[code]["amount"] / price[code] + 1e-6
