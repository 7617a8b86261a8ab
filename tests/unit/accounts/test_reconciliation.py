"""Fills of opening quotes against those of the row, on hand-worked cases."""

from __future__ import annotations

from typing import Any

import pytest

from shared.accounts.reconciliation import COUNTED, provisional_statuses, reconcile


def fill(shares: int, price: float, side: str = "buy", reason: str = "entry", **more: Any) -> dict[str, Any]:
    return {
        "stock_code": "A", "name": "name A", "side": side, "reason": reason, "shares": shares, "price": price,
        "commission": 0.0, "tax": 0.0, **more,
    }  # fmt: skip


def reconciled(
    provisional: list[dict[str, Any]], booked: list[dict[str, Any]], *, quote: float | None = 100.0,
    opened: float | None = 100.0, last: float = 110.0, split: float = 1.0, **more: Any,
) -> list[tuple[Any, Any]]:  # fmt: skip
    opened_day = {"fills": provisional, "quotes": {"A": quote}, "unquoted": []} | more.pop("quotes", {})
    prices = {"A": {"open": opened, "last": last, "split": split}}
    found = reconcile(opened_day, more.get("orders", []), booked, prices, more.get("changed", ()))
    return [(item["cause"], item["won"]) for item in found]


def test_equal_fills_have_no_cause() -> None:
    assert reconciled([fill(10, 100.0)], [fill(10, 100.0, won=100.0)]) == [(None, 0.0)]


def test_another_open_makes_the_difference_by_the_evening() -> None:
    """Ten shares at 100 would have made 100 won by the evening at 110; nine at 104 made 54."""
    found = reconciled([fill(10, 100.0)], [fill(9, 104.0, won=54.0)], opened=104.0)
    assert found == [("open_differs", -46.0)]
    sale = {"side": "sell", "reason": "max_hold"}
    found = reconciled([fill(10, 100.0, **sale, tax=2.0)], [fill(10, 104.0, **sale, won=-60.0)], opened=104.0)
    assert found == [("open_differs", 42.0)]


def test_fills_of_one_side_only_have_their_cause() -> None:
    bought = fill(10, 100.0, won=100.0)
    assert reconciled([], [bought], quotes={"quotes": {}, "unquoted": ["A"]}) == [("not_quoted", 100.0)]
    assert reconciled([], [bought], quote=None) == [("open_differs", 100.0)]
    assert reconciled([], [bought]) == [("other_orders", 100.0)]
    assert reconciled([], [bought], changed=("A",)) == [("orders_differ", 100.0)]
    assert reconciled([fill(10, 100.0)], []) == [("other_orders", -100.0)]
    assert reconciled([fill(10, 100.0)], [], opened=None) == [("open_differs", -100.0)]


def test_a_level_reached_after_the_open_is_not_counted() -> None:
    stop = fill(10, 95.0, side="sell", reason="stop_loss", won=-150.0)
    level = {"stock_code": "A", "side": "sell", "kind": "stop", "reason": "stop_loss", "level": 96.0}
    assert reconciled([], [stop], orders=[level]) == [("intraday", -150.0)]
    assert reconciled([], [stop]) == [("intraday", -150.0)]
    assert reconciled([], [stop], orders=[level], opened=94.0) == [("open_differs", -150.0)]
    target = level | {"kind": "target", "reason": "take_profit", "level": 104.0}
    reached = fill(10, 106.0, side="sell", reason="take_profit", won=-40.0)
    assert reconciled([], [reached], orders=[target], opened=106.0) == [("open_differs", -40.0)]
    assert "intraday" not in COUNTED


def test_a_split_of_the_day_changes_the_basis_of_the_quote() -> None:
    """Ten shares at 100 are twenty at 50."""
    assert reconciled([fill(10, 100.0)], [fill(20, 50.0, won=100.0)], opened=50.0, last=55.0, split=2.0) == [(None, 0)]


def test_settlements_are_no_fills_of_orders() -> None:
    assert reconciled([fill(10, 100.0, side="sell", reason="delisted")], []) == []


@pytest.mark.parametrize(
    ("quotes", "fills", "met", "expected"),
    [
        ({}, [], {}, ("working", None)),
        ({"A": 100.0}, [fill(10, 100.0)], {}, ("filled", None)),
        ({"A": None}, [], {"outcome": "halted", "price": None}, ("cancelled", "halted")),
    ],
)
def test_orders_follow_their_quotes(
    quotes: dict[str, Any], fills: list[dict[str, Any]], met: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    order = {"stock_code": "A", "side": "buy", "kind": "open", "reason": "entry", "shares": None, "amount": 1_000.0,
             "level": None}  # fmt: skip
    limits = {"outcome": "bought", "price": 100.0, "low": 100.0, "high": 100.0, "lower_limit": 70.0,
              "most_shares": None}  # fmt: skip
    found = provisional_statuses([order], {"fills": fills, "met": {"A": limits | met}, "quotes": quotes})[0]
    assert (found["status"], found["status_reason"]) == expected
    assert found["provisional"] is (expected[0] != "working")


def test_a_level_below_the_open_is_still_working() -> None:
    order = {"stock_code": "A", "side": "sell", "kind": "stop", "reason": "stop_loss", "shares": 10, "amount": None,
             "level": 90.0}  # fmt: skip
    met = {"outcome": "held", "price": 100.0, "low": 100.0, "high": 100.0, "lower_limit": 70.0, "most_shares": None}
    found = provisional_statuses([order], {"fills": [], "met": {"A": met}, "quotes": {"A": 100.0}})[0]
    assert found["status"] == "working"
