"""Rules of a day that the worked examples do not cover, computed by hand."""

from __future__ import annotations

import math

import pytest

from tests.unit.simulation.fixtures import brief, market, result

ONE = {"max_positions": 1}


def test_split_to_zero_shares_ends_the_holding() -> None:
    bars = [50_000, 50_000, (5_000_000, 5_000_000, 5_000_000, 5_000_000, 1e6, 0.01), 5_000_000]
    found = result(market({"A": bars}), portfolio=ONE, initial_cash=120_000)
    assert brief(found)[:2] == [("03", "A", 2, 50_000, "entry"), ("06", "A", 0, 5_000_000, "corporate_action")]
    assert found["equity"][1]["cash"] == pytest.approx(20_000 + 0.02 * 5_000_000)
    assert found["round_trips"][0]["gain"] == pytest.approx(0, abs=1e-6)
    assert found["statistics"]["trades"] == 1
    assert found["equity"][1]["positions"] == 0


def test_stop_at_the_lower_limit_is_retried_the_next_day() -> None:
    bars = [10_000, 10_000, (7_000, 7_500, 7_000, 7_000), (6_500, 6_500, 6_500, 6_500)]
    found = result(market({"A": bars}), sell={"stop_loss_pct": 10}, portfolio={**ONE, "rebalance": "monthly"})
    assert brief(found)[1:] == [("07", "A", -10, 6_500, "stop_loss")]
    assert found["unfilled"] == {"sell_stop_loss": 1}


def test_nothing_sells_on_a_day_at_the_lower_limit() -> None:
    # bought at the close of 03-03; 03-06 has its high at the limit although its open is missing the stop by little
    bars = [10_000, 10_000, (7_000, 7_000, 7_000, 7_000), 7_000]
    found = result(
        market({"A": bars}), sell={"stop_loss_pct": 10}, portfolio={**ONE, "rebalance": "monthly"},
        execution={"price": "close"},
    )  # fmt: skip
    assert brief(found)[1:] == [("07", "A", -10, 7_000, "stop_loss")]
    assert found["unfilled"] == {"sell_stop_loss": 1}


def test_stop_level_above_the_open_is_the_open_on_entry_day() -> None:
    # 1 % slippage: entry 10,100, stop 0.5 % below it is 10,049.5, above the open: the level is the open
    found = result(
        market({"A": [10_000, (10_000, 10_200, 9_900, 10_100)]}), sell={"stop_loss_pct": 0.5}, portfolio=ONE,
        costs={"commission_pct": 0, "slippage_pct": 1, "tax_pct": 0},
    )  # fmt: skip
    assert brief(found)[:2] == [("03", "A", 9, 10_100, "entry"), ("03", "A", -9, 9_900, "stop_loss")]


def test_sale_at_the_open_funds_purchases_of_the_same_open() -> None:
    stocks = {"A": [10_000, 10_000, 10_000, 10_000], "B": [9_000, 9_000, 9_000, 9_000]}
    found = result(market(stocks), sell={"max_hold_days": 3}, portfolio=ONE)
    assert brief(found)[:3] == [
        ("03", "A", 10, 10_000, "entry"), ("06", "A", -10, 10_000, "max_hold"), ("06", "B", 11, 9_000, "entry"),
    ]  # fmt: skip


def test_stock_sold_today_is_no_candidate() -> None:
    found = result(market({"A": [10_000] * 4}), sell={"max_hold_days": 3}, portfolio=ONE)
    assert [t[:3] for t in brief(found)] == [("03", "A", 10), ("06", "A", -10), ("07", "A", 10)]


def test_take_profit_at_the_open_fills_at_the_open() -> None:
    bars = [10_000, 10_000, (12_500, 12_600, 12_000, 12_000)]
    found = result(market({"A": bars}), sell={"take_profit_pct": 20}, portfolio=ONE)
    assert brief(found)[1] == ("06", "A", -10, 12_500, "take_profit")


def test_trailing_stop_starts_from_the_entry_price() -> None:
    bars = [10_000, (10_000, 12_000, 10_000, 10_000), (9_900, 9_900, 8_900, 9_000)]
    found = result(market({"A": bars}), sell={"trailing_stop_pct": 10}, portfolio=ONE)
    assert brief(found)[1] == ("06", "A", -10, 9_000, "trailing_stop")


def test_equal_stop_levels_are_a_stop_loss() -> None:
    bars = [10_000, 10_000, (9_900, 9_900, 8_900, 9_000)]
    found = result(market({"A": bars}), sell={"trailing_stop_pct": 10, "stop_loss_pct": 10}, portfolio=ONE)
    assert brief(found)[1][4] == "stop_loss"


def test_close_mode_buys_and_values_at_closes() -> None:
    stocks = {"A": [10_000, (10_000, 10_000, 10_000, 8_000)], "B": [9_000, (9_000, 9_000, 9_000, 9_000)]}
    found = result(
        market(stocks), sell={"stop_loss_pct": 5}, portfolio={"max_positions": 2}, execution={"price": "close"}
    )
    assert brief(found) == [("03", "A", 6, 8_000, "entry"), ("03", "B", 5, 9_000, "entry")]


def test_halted_holding_is_valued_at_its_last_close() -> None:
    halted = (0, 0, 0, 10_000, 0)
    stocks = {"A": [10_000, 10_000, halted, 10_000], "B": [None, 9_000, 9_000, 9_000]}
    found = result(market(stocks), portfolio={"max_positions": 2})
    # A: 50,000 / 10,000; B from 03-06 on: equity 100,000 with A at its last close
    assert brief(found) == [("03", "A", 5, 10_000, "entry"), ("06", "B", 5, 9_000, "entry")]


@pytest.mark.parametrize(("order", "first"), [("desc", "A"), ("asc", "C")])
def test_ranking_follows_the_requested_order(order: str, first: str) -> None:
    stocks = {"C": [8_000, 8_000], "A": [10_000, 10_000], "B": [9_000, 9_000]}
    assert brief(result(market(stocks), buy={"order": order}, portfolio=ONE))[0][1] == first


def test_walk_continues_until_slots_are_used() -> None:
    # 30 stocks too dear for the money, ranked first, then one that is not
    stocks = {f"A{i:02}": [200_000 + i, 200_000 + i] for i in range(30)} | {"Z": [1_000, 1_000]}
    found = result(market(stocks), portfolio=ONE)
    assert brief(found) == [("03", "Z", 100, 1_000, "entry")]
    assert found["unfilled"] == {"cash": 30}


def test_halted_and_limit_up_candidates_are_skipped() -> None:
    stocks = {"A": [10_000, (0, 0, 0, 10_000, 0)], "B": [9_000, 11_700], "C": [8_000, 8_000]}
    found = result(market(stocks), portfolio=ONE)
    assert brief(found) == [("03", "C", 12, 8_000, "entry")]
    assert found["unfilled"] == {"halted": 1, "limit_up": 1}


def test_rotation_keeps_the_target_list() -> None:
    stocks = {"A": [10_000, 10_000, 10_000, 10_000], "B": [9_000, 9_000, 12_000, 12_000], "C": [8_000] * 4}
    found = result(market(stocks), sell={"on_rebalance": "rotate"}, portfolio={"max_positions": 2})
    assert brief(found) == [("03", "A", 5, 10_000, "entry"), ("03", "B", 5, 9_000, "entry")]
    kept = result(market(stocks), sell={"on_rebalance": "rotate", "min_hold_days": 5}, portfolio=ONE, end="2023-03-07")
    assert brief(kept) == [("03", "A", 10, 10_000, "entry")]


def test_volume_cap_uses_20_rows_in_todays_shares() -> None:
    bars = [
        (1_000, 1_000, 1_000, 1_000, 300),
        (1_000, 1_000, 1_000, 1_000, 500),
        (500, 500, 500, 500, 900, 2),
    ]  # mean of 300 * 2 and 500 * 2 shares of today: 800, 1 % of it: 8
    found = result(market({"A": bars}), execution={"max_volume_pct": 1}, start="2023-03-06", end="2023-03-06")
    assert brief(found) == [("06", "A", 8, 500, "entry")]
    few = result(market({"A": bars}), execution={"max_volume_pct": 0.1}, start="2023-03-06", end="2023-03-06")
    assert few["trades"] == []
    assert few["unfilled"] == {"volume": 1}


def test_inverse_volatility_weights_use_the_mean_if_unknown() -> None:
    days = [f"2022-{m:02}-{d:02}" for m in (9, 10, 11) for d in range(1, 29)][:70]
    calm = [10_000 * (1.01 if i % 2 else 1) for i in range(70)]
    wild = [10_000 * (1.03 if i % 2 else 1) for i in range(70)]
    young = [None] * 40 + [10_000] * 30
    stocks = {"A": calm, "B": wild, "C": young}

    def deviation(step: float) -> float:
        up, down = step, 1 / (1 + step) - 1
        mean = (up + down) / 2
        return math.sqrt(60 * ((up - mean) ** 2 + (down - mean) ** 2) / 2 / 59)

    a, b = 1 / deviation(0.01), 1 / deviation(0.03)
    c = (a + b) / 2
    found = result(
        market(stocks, days=days), portfolio={"max_positions": 3, "weighting": "inverse_volatility"},
        start=days[-1], end=days[-1], initial_cash=30_000_000, execution={"tick_size": False},
    )  # fmt: skip
    bought = {t["stock_code"]: t["shares"] for t in found["trades"]}
    money = {name: 30_000_000 * w / (a + b + c) for name, w in zip("ABC", (a, b, c), strict=True)}
    prices = {"A": calm[-1], "B": wild[-1], "C": 10_000}
    assert bought == {name: math.floor(money[name] / prices[name] + 1e-9) for name in "ABC"}


def test_candidate_behind_a_failed_one_gets_an_equal_share() -> None:
    # n = 2: A and B share two thirds of 90,000 by cap 3 : 1; B cannot buy one share, C gets a third of the money
    stocks = {"A": [30_000, 30_000], "B": [20_000, 20_000], "C": [5_000, 5_000]}
    bars = market(stocks)
    for row in bars["prices"]:
        row["listed_shares"] = {"A": 1e6, "B": 5e5, "C": 1e6}[row["stock_code"]]
    found = result(
        bars, portfolio={"max_positions": 3, "weighting": "market_cap", "max_new_per_day": 2}, initial_cash=90_000
    )
    assert brief(found)[:2] == [("03", "A", 1, 30_000, "entry"), ("03", "C", 6, 5_000, "entry")]
    assert found["unfilled"]["cash"] >= 1


def test_dividend_is_paid_on_shares_before_the_split() -> None:
    bars = [10_000, 10_000, (5_000, 5_000, 5_000, 5_000, 1e6, 2)]
    dividends = [{"stock_code": "A", "ex_date": "2023-03-06", "dps": 100}]
    found = result(market({"A": bars}, dividends=dividends), portfolio=ONE, end="2023-03-06")
    assert found["equity"][1]["cash"] == pytest.approx(10 * 100 * 0.846)


def test_delisting_exit_has_costs_and_no_ticks() -> None:
    bars = [10_000, 10_000, 333]
    stocks = {"A": bars, "B": [10] * 5}
    found = result(
        market(stocks, companies={"A": {"delisted_on": "2023-03-07"}}), universe={"stock_codes": ["A"]},
        portfolio=ONE, execution={"delisting": "haircut", "delisting_haircut_pct": 50, "price_limits": False},
        costs={"commission_pct": 0, "slippage_pct": 10, "tax_pct": 1},
    )  # fmt: skip
    trade = found["trades"][1]
    assert (trade["date"], trade["reason"]) == ("2023-03-07", "delisted")
    assert trade["price"] == pytest.approx(333 * 0.5 * 0.9)
    assert trade["tax"] == pytest.approx(trade["price"] * trade["shares"] * 0.01)


@pytest.mark.parametrize(
    ("rebalance", "bought"),
    [("daily", "06"), ("weekly", "13"), ("monthly", None), ("quarterly", None)],
)
def test_purchases_happen_on_rebalance_days_only(rebalance: str, bought: str | None) -> None:
    # the window begins on 03-07, a Tuesday; B exists from 03-06 on and passes from then on
    stocks = {"A": [10_000] * 8, "B": [None, None, None, 1_000, 1_000, 1_000, 1_000, 1_000]}
    found = result(
        market(stocks), buy={"where": "raw_close == 1000"}, portfolio={**ONE, "rebalance": rebalance},
        start="2023-03-07",
    )  # fmt: skip
    first = brief(found)[0][0] if found["trades"] else None
    assert first == ("08" if rebalance == "daily" else bought)


def test_peak_of_a_halted_position_ignores_repeated_prices() -> None:
    # the halted row of 03-06 repeats a high price: the trailing stop counts from the close of 03-03
    bars = [10_000, (10_000, 10_000, 10_000, 10_000), (20_000, 20_000, 20_000, 20_000, 0), (9_100, 9_100, 9_050, 9_100)]
    found = result(market({"A": bars}), sell={"trailing_stop_pct": 10}, portfolio=ONE)
    assert brief(found) == [("03", "A", 10, 10_000, "entry")]


def test_several_dividends_of_one_day_are_separate_entries() -> None:
    dividends = [{"stock_code": "A", "ex_date": "2023-03-06", "dps": dps} for dps in (300, 200)]
    found = result(market({"A": [10_000] * 4}, dividends=dividends), portfolio=ONE, end="2023-03-06")
    assert [(a["dps"], round(a["cash"], 6)) for a in found["corporate_actions"]] == [(200, 1692), (300, 2538)]
    assert found["equity"][-1]["equity"] == pytest.approx(100_000 + 10 * 500 * 0.846)


def test_split_to_zero_shares_still_receives_the_dividend() -> None:
    bars = [50_000, 50_000, (5_000_000, 5_000_000, 5_000_000, 5_000_000, 1e6, 0.01), 5_000_000]
    dividends = [{"stock_code": "A", "ex_date": "2023-03-06", "dps": 1000}]
    found = result(market({"A": bars}, dividends=dividends), portfolio=ONE, initial_cash=120_000, end="2023-03-06")
    kinds = [(action["kind"], action["shares_before"], action["shares_after"]) for action in found["corporate_actions"]]
    assert kinds == [("split", 2, 0), ("dividend", 2, 2)]
    assert found["round_trips"][0]["gain"] == pytest.approx(2 * 1000 * 0.846)


def test_price_beyond_the_daily_limit_is_logged_as_suspect() -> None:
    # 03-06 closes 40 % above the evening before, beyond 30 %; 03-07 opens 60 % below that
    bars = [10_000, 10_000, (10_000, 14_000, 10_000, 14_000), (5_600, 5_600, 5_600, 5_600)]
    found = result(market({"A": bars}), portfolio={**ONE, "rebalance": "monthly"}, end="2023-03-07")
    suspects = [warning for warning in found["warnings"] if warning["code"] == "suspect_price"]
    assert [(p["date"], round(p["move"], 9)) for p in suspects[0]["prices"]] == [
        ("2023-03-07", -0.6), ("2023-03-07", -0.6), ("2023-03-06", 0.4),
    ]  # fmt: skip


def test_limit_move_of_adjusted_prices_is_not_suspect() -> None:
    # 9,993 won is off the tick grid, its limit 12,980 is on it; 12,990 is + 30 %, and 12,991 over a tick beyond
    for close, count in ((12_990, 0), (12_991, 1)):
        bars = [9_993, 9_993, (9_993, close, 9_993, close)]
        found = result(market({"A": bars}), portfolio={**ONE, "rebalance": "monthly"}, end="2023-03-06")
        assert sum(w["count"] for w in found["warnings"] if w["code"] == "suspect_price") == count


def test_other_market_has_no_suspect_prices() -> None:
    bars = [10_000, 10_000, (10_000, 14_000, 10_000, 14_000)]
    found = result(
        market({"A": bars}, companies={"A": {"market": "NASDAQ"}}), portfolio=ONE, end="2023-03-06",
        universe={"markets": ["NASDAQ"]},
    )  # fmt: skip
    assert "suspect_price" not in {warning["code"] for warning in found["warnings"]}


def test_new_position_is_opened_whatever_the_band() -> None:
    stocks = {"A": [10_000] * 4, "B": [9_000] * 4}
    found = result(
        market(stocks), sell={"on_rebalance": "reweight"},
        portfolio={"max_positions": 2, "rebalance_band_pct": 100}, end="2023-03-06",
    )  # fmt: skip
    assert brief(found) == [("03", "A", 5, 10_000, "entry"), ("03", "B", 5, 9_000, "entry")]


def test_impact_above_the_price_sells_at_one_tick_at_least() -> None:
    closes = [1_000 * (1.25 if row % 2 else 1) for row in range(23)]
    days = [f"2023-{m:02}-{d:02}" for m in (3, 4) for d in range(1, 13)][:23]
    bars = [(c, c, c, c, 1e6) for c in closes]
    found = result(
        market({"A": bars}, days=days), sell={"max_hold_days": 1}, portfolio={**ONE, "rebalance": "monthly"},
        start=days[21], end=days[22], initial_cash=1e9,
        costs={"commission_pct": 0, "slippage_pct": 50, "tax_pct": 0, "impact": 10},
        execution={"price_limits": False, "max_volume_pct": None},
    )  # fmt: skip
    assert [(t["side"], t["price"]) for t in found["trades"]][1:] == [("sell", 1.0)]


def test_rest_after_a_drawdown_ends_on_its_first_row_not_barred() -> None:
    # -20 % on 03-06: sold at the open of 03-07; barred until 03-08 (2 days from 03-06), which buys again
    bars = [10_000, 10_000, (10_000, 10_000, 8_000, 8_000), 8_000, 8_000, 8_000]
    found = result(
        market({"A": bars}), portfolio={**ONE, "stop_drawdown_pct": 10, "stop_resume_days": 2}, end="2023-03-09"
    )
    assert [trade[:3] + trade[4:] for trade in brief(found)] == [
        ("03", "A", 10, "entry"), ("07", "A", -10, "drawdown_stop"), ("08", "A", 10, "entry"),
    ]  # fmt: skip
