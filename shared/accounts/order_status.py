"""What became of the orders of a booked day, from its fills and from what the orders met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from shared.accounts.shapes import Fill, Order, OrderMet, OrderStatus

_NEARLY = 1e-9
"""Relative tolerance of a price at its limit."""


def order_statuses(orders: Sequence[Order], fills: Sequence[Fill], met: Mapping[str, OrderMet]) -> list[OrderStatus]:
    """Return the status of each order of a booked day.

    fills: those of the day; met: stock code -> what its orders met.
    `status_reason` says why an order is `partly` filled or `cancelled`: see `REASONS`.
    """
    return [_status(order, fills, met.get(order["stock_code"])) for order in orders]


REASONS = {
    "volume": "purchase above the cap of the mean volume (`execution.max_volume_pct`)",
    "open_differs": "reweight: fewer shares, since the open differs from the last close",
    "within_band": "reweight: at the open the position was within the band, or holds enough already",
    "level_not_reached": "the price did not reach the level",
    "sold_otherwise": "another order of the stock sold it first",
    "halted": "the stock did not trade",
    "limit_up": "the open was at the upper limit",
    "limit_down": "the price was at the lower limit",
    "no_slot": "a reserve, or candidates before it took the slots",
    "max_new_per_day": "the purchases of a day were reached",
    "sector_cap": "the positions of a sector were reached",
    "cash": "the cash did not suffice for one share",
    "not_ordered_again": "the run on the current data has no such order; the drift report says why",
}
"""Reasons of orders that are partly filled or cancelled."""

_PASSED_ON = {"volume", "halted", "limit_up", "no_slot", "max_new_per_day", "sector_cap", "cash"}


def _status(order: Order, fills: Sequence[Fill], met: OrderMet | None) -> OrderStatus:
    mine = [fill for fill in fills if _fills(order, fill)]
    if not mine:
        return _answer("cancelled", _reason(order, fills, met))
    shares = sum(fill["shares"] for fill in mine)
    price = sum(fill["shares"] * fill["price"] for fill in mine) / shares
    reason = _shortfall(order, shares, price, met)
    return _answer("filled" if reason is None else "partly", reason, shares, price)


def _answer(
    status: Literal["filled", "partly", "cancelled"],
    reason: str | None = None,
    shares: int = 0,
    price: float | None = None,
) -> OrderStatus:
    return {"status": status, "status_reason": reason, "filled_shares": shares, "fill_price": price}


def _fills(order: Order, fill: Fill) -> bool:
    """Return whether a fill belongs to an order; two sales of a stock differ in their reasons."""
    if (fill["stock_code"], fill["side"]) != (order["stock_code"], order["side"]):
        return False
    return order["side"] == "buy" or bool(fill["reason"] == order["reason"])


def _shortfall(order: Order, shares: int, price: float, met: OrderMet | None) -> str | None:
    """Return why an order was filled in part; None when it was filled."""
    if order["side"] == "sell":
        return "open_differs" if shares < order["shares"] else None
    most = None if met is None else met["most_shares"]
    wanted = math.floor(order["amount"] / price)
    return "volume" if most is not None and shares >= most and most < wanted else None


def _reason(order: Order, fills: Sequence[Fill], met: OrderMet | None) -> str:
    if met is None:
        return "not_ordered_again"
    if order["side"] == "buy":
        if met["outcome"] == "held":
            return "within_band"
        return str(met["outcome"]) if met["outcome"] in _PASSED_ON else "not_ordered_again"
    if any(fill["stock_code"] == order["stock_code"] and fill["side"] == "sell" for fill in fills):
        return "sold_otherwise"
    if met["price"] is None:
        return "halted"
    if order["kind"] == "target":
        return "level_not_reached" if met["high"] < order["level"] else "not_ordered_again"
    if order["kind"] == "stop" and met["low"] > order["level"]:
        return "level_not_reached"
    if met["lower_limit"] is not None and met["price"] <= met["lower_limit"] * (1 + _NEARLY):
        return "limit_down"
    return "within_band" if order["amount"] is not None else "not_ordered_again"
