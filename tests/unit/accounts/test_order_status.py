"""What became of orders, worked by hand."""

from __future__ import annotations

from typing import Any

import pytest

from shared.accounts.order_status import REASONS, order_statuses

MET = {
    "outcome": "bought", "price": 100.0, "low": 95.0, "high": 104.0, "upper_limit": 130.0, "lower_limit": 70.0,
    "most_shares": None,
}  # fmt: skip


def order(side: str = "buy", kind: str = "open", **changed: Any) -> dict[str, Any]:
    plain = {"stock_code": "A", "side": side, "kind": kind, "reason": "entry", "shares": None, "amount": 1_000.0,
             "level": None, "priority": 1, "reserve": False}  # fmt: skip
    if side == "sell":
        plain |= {"reason": "max_hold", "shares": 10, "amount": None}
    return plain | changed


def fill(shares: int, side: str = "buy", reason: str = "entry", price: float = 100.0) -> dict[str, Any]:
    return {"stock_code": "A", "side": side, "shares": shares, "price": price, "reason": reason}


def status(one: dict[str, Any], *fills: dict[str, Any], **met: Any) -> tuple[str, str | None, int]:
    found = order_statuses([one], fills, {"A": MET | met})[0]
    return found["status"], found["status_reason"], found["filled_shares"]


def test_purchases_are_filled_or_cut_by_the_volume() -> None:
    assert status(order(), fill(10)) == ("filled", None, 10)
    assert status(order(), fill(4), most_shares=4) == ("partly", "volume", 4)
    assert status(order(), fill(10), most_shares=10) == ("filled", None, 10)
    assert status(order(), fill(9), most_shares=20) == ("filled", None, 9)


@pytest.mark.parametrize("reason", ["limit_up", "halted", "no_slot", "max_new_per_day", "sector_cap", "cash", "volume"])
def test_cancelled_purchases_say_why(reason: str) -> None:
    assert status(order(), outcome=reason) == ("cancelled", reason, 0)
    assert reason in REASONS


def test_purchases_that_are_not_made_again_refer_to_the_drift() -> None:
    assert status(order(), outcome="condition") == ("cancelled", "not_ordered_again", 0)
    assert status(order(), outcome="held") == ("cancelled", "within_band", 0)
    assert order_statuses([order()], [], {})[0]["status_reason"] == "not_ordered_again"


def test_levels_are_reached_or_not() -> None:
    stop = order("sell", "stop", reason="stop_loss", level=94.0)
    target = order("sell", "target", reason="take_profit", level=105.0)
    assert status(stop) == status(target) == ("cancelled", "level_not_reached", 0)
    assert status(stop, fill(10, "sell", "stop_loss", 94.0)) == ("filled", None, 10)
    assert status(target, fill(10, "sell", "stop_loss", 94.0)) == ("cancelled", "sold_otherwise", 0)
    assert status(stop, low=70.0, price=70.0) == ("cancelled", "limit_down", 0)


def test_sales_at_the_open_are_filled_or_held_up() -> None:
    sale = order("sell")
    assert status(sale, fill(10, "sell", "max_hold")) == ("filled", None, 10)
    assert status(sale, price=None, low=None, high=None) == ("cancelled", "halted", 0)
    assert status(sale, price=70.0) == ("cancelled", "limit_down", 0)
    assert status(sale) == ("cancelled", "not_ordered_again", 0)
    trim = order("sell", reason="rebalance", amount=500.0)
    assert status(trim) == ("cancelled", "within_band", 0)
    assert status(trim, fill(7, "sell", "rebalance")) == ("partly", "open_differs", 7)


def test_mean_price_is_that_of_all_fills() -> None:
    found = order_statuses([order()], [fill(3, price=100.0), fill(1, price=104.0)], {"A": MET})[0]
    assert (found["filled_shares"], found["fill_price"]) == (4, 101.0)
