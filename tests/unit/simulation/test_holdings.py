"""Holdings of an evening follow from trades, corporate actions and prices alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation.holdings import holdings_on
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, result
from tests.unit.simulation.test_engine_laws import random_runs


def day(text: str) -> dt.date:
    """The date of an ISO text."""
    return dt.date.fromisoformat(text)


def test_values_and_cash_add_up_to_equity_on_every_evening() -> None:
    for world, _, outcome in random_runs()[::4]:
        found, panels = outcome.result, panels_of(world)
        for point in found["equity"][:: max(1, len(found["equity"]) // 12)]:
            evening = holdings_on(found, panels, day(point["date"]))
            assert len(evening.holdings) == point["positions"]
            total = evening.cash + sum(holding.value for holding in evening.holdings)
            assert total == pytest.approx(point["equity"], rel=1e-12, abs=1e-6)


def test_ledger_explains_cash_of_every_day() -> None:
    for _, body, outcome in random_runs():
        found = outcome.result
        moves: dict[str, float] = {}
        for action in found["corporate_actions"]:
            moves[action["date"]] = moves.get(action["date"], 0.0) + action["cash"]
        for trade in found["trades"]:
            amount = trade["shares"] * trade["price"] * (-1 if trade["side"] == "buy" else 1)
            moves[trade["date"]] = moves.get(trade["date"], 0.0) + amount - trade["commission"] - trade["tax"]
        cash = body["initial_cash"]
        for point in found["equity"]:
            cash += moves.get(point["date"], 0.0)
            assert point["cash"] == pytest.approx(cash, abs=0.01)


def test_last_evening_equals_open_positions() -> None:
    compared = 0
    for world, _, outcome in random_runs()[::3]:
        found = outcome.result
        evening = holdings_on(found, panels_of(world), day(found["equity"][-1]["date"])).document()
        for holding, position in zip(evening["holdings"], found["open_positions"], strict=True):
            compared += 1
            for name in ("stock_code", "shares", "entry_date"):
                assert holding[name] == position[name]
            assert holding["value"] == position["value"]
            for name in ("entry_price", "gain", "return"):
                assert holding[name] == pytest.approx(position[name], rel=1e-9, abs=1e-6)
    assert compared > 10


def split_market() -> dict[str, Any]:
    """A stock that splits two for one and pays a dividend on its fourth day."""
    bars = [1_000, 1_000, 1_000, (500, 500, 500, 500, 1e6, 2), 600, 600, 600, 600]
    dividends = [{"stock_code": "A", "ex_date": DAYS[3], "dps": 100}]
    return market({"A": bars}, dividends=dividends)


def test_split_and_dividend_are_applied_on_their_day() -> None:
    found = result(split_market(), portfolio={"max_positions": 1}, costs={"commission_pct": 0, "slippage_pct": 0})
    panels = panels_of(split_market())
    (before,) = holdings_on(found, panels, day(DAYS[2])).holdings
    assert (before.shares, before.entry_price, before.price, before.gain) == (100, 1_000, 1_000, 0)
    (after,) = holdings_on(found, panels, day(DAYS[4])).holdings
    assert (after.shares, after.entry_price, after.price, after.value) == (200, 500, 600, 120_000)
    assert after.gain == pytest.approx(20_000 + 100 * 100 * (1 - 0.154))
    assert after.entry_date == DAYS[1]
    assert (after.cost, after.days) == (100_000, (day(DAYS[4]) - day(DAYS[1])).days)
    assert [(a["kind"], a["ratio"], a["dps"]) for a in found["corporate_actions"]] == [
        ("split", 2.0, None), ("dividend", None, 100.0),
    ]  # fmt: skip


def test_additions_and_trims_move_the_mean_entry_price() -> None:
    bars = market({"A": [1_000, 1_000, 2_000, 500, 800, 1_600, 700, 900], "B": [1_000] * 8})
    found = result(
        bars, sell={"on_rebalance": "reweight"}, portfolio={"max_positions": 2, "invest": "full"},
        costs={"commission_pct": 0.015, "slippage_pct": 0.1}, execution={"max_volume_pct": None},
    )  # fmt: skip
    assert {trade["reason"] for trade in found["trades"]} == {"entry", "rebalance"}
    panels = panels_of(bars)
    for point in found["equity"]:
        evening = holdings_on(found, panels, day(point["date"]))
        assert evening.cash + sum(h.value for h in evening.holdings) == pytest.approx(point["equity"], rel=1e-12)
    for holding, position in zip(evening.holdings, found["open_positions"], strict=True):
        assert (holding.shares, holding.entry_date) == (position["shares"], position["entry_date"])
        assert holding.entry_price == pytest.approx(position["entry_price"], rel=1e-12)
        assert holding.gain == pytest.approx(position["gain"], rel=1e-9)


def test_date_without_a_row_names_the_nearest() -> None:
    found = result(split_market())
    with pytest.raises(RunError, match="the nearest rows are 2023-03-03, 2023-03-06"):
        holdings_on(found, panels_of(split_market()), day("2023-03-05"))


def test_result_of_engine_version_1_is_refused() -> None:
    found = result(split_market())
    del found["corporate_actions"]
    with pytest.raises(RunError, match="run the backtest again"):
        holdings_on(found, panels_of(split_market()), day(DAYS[2]))
