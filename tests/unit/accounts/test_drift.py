"""Differences of ledgers and orders."""

from __future__ import annotations

from typing import Any

from shared.accounts.drift import ledger_difference, order_difference, unordered_fills


def ledger(*equity: float, trades: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    points = [
        {"date": f"2025-03-{3 + at:02}", "equity": value, "cash": 1.0, "positions": 1}
        for at, value in enumerate(equity)
    ]
    return {"equity": points, "trades": list(trades)}


def trade(day: int, code: str, side: str = "buy", reason: str = "entry") -> dict[str, Any]:
    return {"date": f"2025-03-{day:02}", "stock_code": code, "side": side, "shares": 1, "price": 10.0, "reason": reason}


def test_equal_days_are_no_difference_whatever_follows() -> None:
    assert ledger_difference(ledger(1, 2), ledger(1, 2, 3, trades=(trade(5, "A"),))) is None


def test_first_difference_has_its_day_and_won() -> None:
    found = ledger_difference(ledger(1, 2, 4), ledger(1, 3, 7, 9))
    assert found is not None
    assert (found["date"], found["part"], found["won"]) == ("2025-03-04", "equity", 3)
    found = ledger_difference(ledger(1, 2, trades=(trade(3, "A"),)), ledger(1, 2, trades=(trade(3, "B"),)))
    assert found is not None
    assert (found["part"], found["stored"]["stock_code"], found["now"]["stock_code"]) == ("trades", "A", "B")


def test_a_missing_day_has_no_won() -> None:
    found = ledger_difference(ledger(1, 2), ledger(1))
    assert found is not None
    assert (found["date"], found["now"], found["won"]) == ("2025-03-04", None, None)


def test_orders_of_one_side_are_listed_without_regard_to_names() -> None:
    one = {"stock_code": "A", "name": "x", "amount": 1.0}
    other = {"stock_code": "A", "name": "y", "amount": 1.0}
    more = {"stock_code": "B", "name": "z", "amount": 2.0}
    assert order_difference([one], [other, more]) == {"decided": [], "now": [more]}


def test_fills_without_an_order_are_found() -> None:
    decision = {"orders": [{"stock_code": "A", "side": "buy"}, {"stock_code": "B", "side": "sell"}]}
    backed = [
        trade(3, "A"),
        trade(3, "A", "sell", "stop_loss"),
        trade(3, "B", "sell"),
        trade(3, "C", "sell", "delisted"),
    ]
    loose = [trade(3, "D"), trade(3, "B")]
    assert unordered_fills(decision, [*backed, *loose]) == loose
    assert unordered_fills(None, [trade(3, "A")]) == [trade(3, "A")]
