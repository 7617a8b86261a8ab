"""Differences of a paper account: between its stored ledger and the same days computed again, and between orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.accounts.shapes import Fill, Ledger, LedgerDifference, Order, OrderDifference

SETTLED = ("delisted", "corporate_action")
"""Reasons of fills that need no order of the day."""
_EQUITY = ("equity", "cash", "positions")
_TRADE = ("date", "stock_code", "side", "shares", "price", "commission", "tax", "reason")


def ledger_difference(stored: Ledger, found: Ledger) -> LedgerDifference | None:
    """Return where a ledger differs first over the days of the stored one; None when it does not."""
    last = stored["equity"][-1]["date"]
    points = {point["date"]: point for point in found["equity"] if point["date"] <= last}
    first: tuple[str, str, Any, Any] | None = None
    for point in stored["equity"]:
        other = points.get(point["date"])
        if other is None or any(point[name] != other[name] for name in _EQUITY):
            first = (point["date"], "equity", _pick(point, _EQUITY), other and _pick(other, _EQUITY))
            break
    trades = _first_trade(stored["trades"], [trade for trade in found["trades"] if trade["date"] <= last])
    if trades is not None and (first is None or trades[0] <= first[0]):
        first = trades
    if first is None:
        return None
    end = points.get(last)
    won = None if end is None else round(end["equity"] - stored["equity"][-1]["equity"], 2)
    date, part, one, other = first
    return {"date": date, "part": part, "stored": one, "now": other, "won": won}


def _first_trade(stored: Sequence[Fill], found: Sequence[Fill]) -> tuple[str, str, Any, Any] | None:
    for at in range(max(len(stored), len(found))):
        one = _pick(stored[at], _TRADE) if at < len(stored) else None
        other = _pick(found[at], _TRADE) if at < len(found) else None
        if one != other:
            date = min(trade["date"] for trade in (one, other) if trade is not None)
            return date, "trades", one, other
    return None


def _pick(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def order_difference(decided: Sequence[Order], found: Sequence[Order]) -> OrderDifference:
    """Return the orders of one side only; names of stocks do not count."""

    def key(order: Order) -> str:
        return repr(sorted((name, value) for name, value in order.items() if name != "name"))

    one, other = {key(order): order for order in decided}, {key(order): order for order in found}
    return {
        "decided": [dict(order) for text, order in one.items() if text not in other],
        "now": [dict(order) for text, order in other.items() if text not in one],
    }


def unordered_fills(decision: Mapping[str, Any] | None, fills: Sequence[Fill]) -> list[Fill]:
    """Return the fills of a day that no order of its decision stands behind.

    A sale of a stock that was bought on the same day stands behind its purchase.
    """
    orders = set() if decision is None else {(order["stock_code"], order["side"]) for order in decision["orders"]}
    found = []
    for fill in fills:
        code = fill["stock_code"]
        if fill["reason"] in SETTLED or (code, fill["side"]) in orders:
            continue
        if fill["side"] == "sell" and (code, "buy") in orders:
            continue
        found.append(fill)
    return found


def affected_stocks(orders: OrderDifference) -> set[str]:
    """Return the codes of all stocks in orders of either side."""
    return {order["stock_code"] for order in (*orders["decided"], *orders["now"])}
