"""Each warning is given when its rule says, with its figures, and not otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulation.fixtures import DAYS, codes, market, result

LONG = [f"{year}-{month:02}-{day:02}" for year in (2021, 2022) for month in range(1, 13) for day in range(1, 21)]


def named(found: dict[str, Any], code: str) -> dict[str, Any]:
    """The one warning with this code."""
    (warning,) = [w for w in found["warnings"] if w["code"] == code]
    assert warning["message"]
    return warning


@pytest.mark.parametrize(
    ("sell", "field"),
    [
        ({"stop_loss_pct": 0.1}, "strategy.sell.stop_loss_pct"),
        ({"take_profit_pct": 0.49}, "strategy.sell.take_profit_pct"),
        ({"trailing_stop_pct": 0.2}, "strategy.sell.trailing_stop_pct"),
        ({"min_hold_days": 10, "max_hold_days": 5}, "strategy.sell.min_hold_days"),
        ({}, "strategy"),
    ],
)
def test_suspicious_values_are_named(sell: dict[str, Any], field: str) -> None:
    assert named(result(market({"A": [10_000] * 8}), sell=sell), "suspicious_value")["field"] == field


def test_ordinary_values_are_not_suspicious() -> None:
    for changes in ({"sell": {"stop_loss_pct": 0.5}}, {"buy": {"rank_by": "CHANGE_RATE"}}):
        assert "suspicious_value" not in codes(result(market({"A": [10_000] * 8}), **changes))


def test_short_window_is_below_60_rows() -> None:
    long = market({"A": [10_000] * len(LONG)}, days=LONG)
    assert named(result(long, start=LONG[1], end=LONG[59]), "short_window")["rows"] == 59
    assert "short_window" not in codes(result(long, start=LONG[1], end=LONG[60]))


def test_low_exposure_has_positions_and_slots() -> None:
    found = result(market({"A": [10_000] * 8}), portfolio={"max_positions": 4})
    warning = named(found, "low_exposure")
    assert warning["exposure"] == pytest.approx(0.2)
    assert (warning["mean_positions"], warning["slots"]) == (1.0, 4)
    assert "low_exposure" not in codes(result(market({"A": [10_000] * 8}), portfolio={"max_positions": 1}))


def test_low_exposure_names_the_remedy_of_its_cause() -> None:
    bars = market({"A": [(1_000, 1_000, 1_000, 1_000, 100)] * 8})
    small = named(result(bars, portfolio={"max_positions": 1}), "low_exposure")
    assert "lower initial_cash" in small["message"]
    few = named(result(market({"A": [10_000] * 8}), portfolio={"max_positions": 4}), "low_exposure")
    assert "lower max_positions" in few["message"]
    unused = result(market({"A": [10_000] * 8}), portfolio={"max_positions": 4, "stop_drawdown_pct": 50})
    assert named(unused, "low_exposure")["message"] == few["message"]


@pytest.mark.parametrize(("slots", "cause"), [(1, "on the others; compare"), (4, "on the others too: lower max_pos")])
def test_low_exposure_measures_the_rows_without_purchases(slots: int, cause: str) -> None:
    portfolio = {"max_positions": slots, "when": "row_mean(raw_close) < 15000", "when_false": "sell"}
    days = LONG[:40]
    found = result(
        market({"A": [10_000] * 20 + [20_000] * 20}, days=days), portfolio=portfolio, start=days[1], end=days[-1],
    )  # fmt: skip
    warning = named(found, "low_exposure")
    assert warning["stopped_rows"] == 19
    assert 0 < warning["open_positions"] <= 1
    assert "forbade purchases on 19 of 39 rows" in warning["message"]
    assert cause in warning["message"]


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("strategy.portfolio.when_false", {"portfolio": {"when_false": "sell"}}),
        ("strategy.portfolio.stop_resume_days", {"portfolio": {"stop_resume_days": 10}}),
        ("strategy.sell.min_hold_days", {"sell": {"min_hold_days": 5, "stop_loss_pct": 10}}),
        ("execution.delisting_haircut_pct", {"execution": {"delisting_haircut_pct": 25}}),
        ("execution.stale_haircut_pct", {"execution": {"delisting": "zero", "stale_haircut_pct": 50}}),
        ("costs.dividend_tax_pct", {"costs": {"dividend_tax_pct": 10}, "execution": {"dividends": False}}),
    ],
)
def test_field_that_nothing_reads_is_named(path: str, changes: dict[str, Any]) -> None:
    warning = named(result(market({"A": [10_000] * 8}), **changes), "no_effect")
    assert (warning["field"], path in warning["message"]) == (path, True)


def test_default_that_nothing_reads_is_not_named() -> None:
    found = result(
        market({"A": [10_000] * 8}), portfolio={"when_false": "hold", "when": None, "stop_resume_days": 30},
        sell={"min_hold_days": 0}, costs={"dividend_tax_pct": None},
        execution={"delisting": "haircut", "delisting_haircut_pct": 25, "stale_haircut_pct": 80},
    )  # fmt: skip
    assert "no_effect" not in codes(found)


def test_low_exposure_is_not_given_without_a_purchase() -> None:
    assert "low_exposure" not in codes(result(market({"A": [10_000] * 8}), buy={"where": "raw_close < 1"}))


def test_long_idle_names_the_longest_stretch() -> None:
    prices = [1_000] * 5 + [2_000] * 70 + [1_000] * 5 + [2_000] * 100
    found = result(
        market({"A": prices}, days=LONG[:180]), start=LONG[1], end=LONG[179], portfolio={"max_positions": 1},
        buy={"where": "raw_close < 1500"}, sell={"where": "raw_close > 1500"},
    )  # fmt: skip
    warning = named(found, "long_idle")
    idle = [point["date"] for point in found["equity"][76:] if point["positions"] == 0]
    assert (warning["from"], warning["to"], warning["rows"]) == (idle[0], idle[-1], len(idle))
    assert warning["stretches"] == 2


def test_large_orders_count_volume_and_listed_shares() -> None:
    bars = [(1_000, 1_000, 1_000, 1_000, 500)] * 8
    found = result(
        market({"A": bars}), initial_cash=1e9, portfolio={"max_positions": 1}, execution={"max_volume_pct": None}
    )
    warning = named(found, "large_orders")
    assert (warning["orders"], warning["buys"], warning["share"]) == (1, 1, 1.0)
    assert warning["largest"] == found["statistics"]["participation_max"] == pytest.approx(2_000)
    assert warning["above_listed_shares"] == 0
    more = result(
        market({"A": bars}), initial_cash=1e10, portfolio={"max_positions": 1}, execution={"max_volume_pct": None}
    )
    assert named(more, "large_orders")["above_listed_shares"] == 1


def test_mostly_not_common_counts_purchases_by_kind() -> None:
    stocks = {"000010": [1_000] * 8, "000015": [1_000] * 8, "000020": [1_000] * 8}
    names = {"000020": {"name": "한국스팩"}}
    found = result(market(stocks, companies=names), universe={"kinds": None}, portfolio={"max_positions": 3})
    warning = named(found, "mostly_not_common")
    assert (warning["preferred"], warning["spac"], warning["reit"], warning["buys"]) == (1, 1, 0, 3)
    assert "mostly_not_common" not in codes(result(market(stocks, companies=names), portfolio={"max_positions": 3}))


def test_unpriced_holdings_have_not_traded_for_60_rows() -> None:
    stocks = {"A": [10_000] * 3 + [None] * 100, "B": [10] * 103}
    for last, given in ((62, False), (63, True)):
        found = result(
            market(stocks, days=LONG), universe={"stock_codes": ["A"]}, portfolio={"max_positions": 1},
            start=LONG[1], end=LONG[last],
        )  # fmt: skip
        assert ("unpriced_holdings" in codes(found)) == given
    warning = named(found, "unpriced_holdings")
    assert (warning["count"], warning["value"]) == (1, 100_000)
    assert warning["holdings"] == [{"stock_code": "A", "last_traded": LONG[2]}]


def test_stale_exit_is_over_30_days_after_the_last_trade() -> None:
    days = [f"2023-0{month}-{day:02}" for month in (3, 4) for day in range(1, 29)]
    for delisted, given in (("2023-03-31", False), ("2023-04-10", True)):
        stocks = {"A": [10_000] * 5, "B": [10] * len(days)}
        found = result(
            market(stocks, days=days, companies={"A": {"delisted_on": delisted}}), start=days[1], end=days[-1],
            universe={"stock_codes": ["A"]}, portfolio={"max_positions": 1}, execution={"delisting": "last_price"},
        )  # fmt: skip
        assert found["trades"][-1]["reason"] == "delisted"
        assert ("stale_exit" in codes(found)) == given
    assert named(found, "stale_exit")["stock_codes"] == ["A"]


def test_unknown_excluded_stocks_are_named() -> None:
    found = result(market({"A": [10_000] * 8}), universe={"exclude": ["X", "Y"]})
    assert (named(found, "unknown_stocks")["stock_codes"], named(found, "unknown_stocks")["count"]) == (["X", "Y"], 2)


def test_index_that_starts_late_or_ends_early_is_named() -> None:
    indices = [{"date": day, "index": "KOSPI", "close": 100} for day in DAYS[2:5]]
    found = result(market({"A": [10_000] * 8}, indices=indices), benchmark="KOSPI")
    assert named(found, "benchmark_starts_late")["first"] == DAYS[2]
    assert named(found, "benchmark_ends_early")["last"] == DAYS[4]


def test_factor_gap_names_the_stretch_and_the_rebalances() -> None:
    statement = {
        "stock_code": "A", "fiscal_year": 2020, "fiscal_quarter": 4, "period_end": "2020-12-31",
        "disclosed_on": LONG[30], "net_income": 1e9, "total_equity": 1e10,
    }  # fmt: skip
    found = result(
        market({"A": [10_000] * 80}, days=LONG[:80], financials=[statement]), start=LONG[1], end=LONG[79],
        buy={"where": "ROE > 0"}, portfolio={"max_positions": 1},
    )  # fmt: skip
    warning = named(found, "factor_gap")
    assert (warning["factor"], warning["path"]) == ("ROE", "strategy.buy.where")
    assert (warning["from"], warning["rows"], warning["rebalances"]) == (LONG[0], warning["rows"], warning["rows"])
    assert 20 <= warning["rows"] <= 31
    assert warning["to"] == LONG[warning["rows"] - 1]


def test_factor_gap_of_a_sale_does_not_blame_candidates() -> None:
    found = result(
        market({"A": [10_000] * 180}, days=LONG[:180]), start=LONG[1], end=LONG[179],
        sell={"where": "DISTANCE_FROM_52W_HIGH < -35"}, portfolio={"max_positions": 1},
    )  # fmt: skip
    warning = named(found, "factor_gap")
    assert (warning["path"], warning["rebalances"]) == ("strategy.sell.where", 0)
    assert "comparisons with it were false" in warning["message"]
    assert "candidate" not in warning["message"]


def test_suspect_price_names_the_largest_move() -> None:
    bars = [10_000, 10_000, 20_000, 20_000, 5_000, 5_000, 5_000, 5_000]
    found = result(market({"A": bars}), portfolio={"max_positions": 1})
    warning = named(found, "suspect_price")
    assert (warning["stock_code"], warning["date"], warning["move"]) == ("A", DAYS[2], pytest.approx(1.0))
    assert {price["date"] for price in warning["prices"]} == {DAYS[2], DAYS[4]}
    calm = result(market({"A": [10_000, 10_000, 12_000]}), portfolio={"max_positions": 1}, end=DAYS[2])
    assert "suspect_price" not in codes(calm)
