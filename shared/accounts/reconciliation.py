"""Fills that were booked from opening quotes, compared with those that the day's rows gave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from shared.accounts.drift import SETTLED
from shared.accounts.order_status import order_statuses
from shared.accounts.shapes import Fill, OpenedDay, Order, OrderStatus, ReconciledFill

Cause = Literal["open_differs", "not_quoted", "other_orders", "intraday", "orders_differ"]

COUNTED: Final = frozenset({"open_differs", "not_quoted", "other_orders"})
"""Causes that the quotes answer for. A level that is reached after the open is no difference of them, and orders that
later data change have a report of their own."""
_LEVELS: Final = frozenset({"stop_loss", "trailing_stop", "take_profit"})
_SAME_WON: Final = 0.005
_SAME_PRICE: Final = 1e-9


def provisional_statuses(orders: Sequence[Order], opened: OpenedDay) -> list[OrderStatus]:
    """Return the status of each order after the open, as `order_statuses` does.

    An order without a quote, and a level that the open does not reach, are
    `working`.
    """
    found = order_statuses(orders, opened["fills"], opened["met"])
    return [
        _working() if _is_open(order, status, opened["quotes"]) else {**status, "provisional": True}
        for order, status in zip(orders, found, strict=True)
    ]


def _is_open(order: Order, status: OrderStatus, quotes: Mapping[str, float | None]) -> bool:
    return order["stock_code"] not in quotes or status["status_reason"] == "level_not_reached"


def _working() -> OrderStatus:
    return {
        "status": "working", "status_reason": None, "filled_shares": 0, "fill_price": None, "provisional": False,
    }  # fmt: skip


def reconcile(
    opened: OpenedDay,
    orders: Sequence[Order],
    fills: Sequence[Fill],
    prices: Mapping[str, Mapping[str, Any]],
    changed: Collection[str],
) -> list[ReconciledFill]:
    """Return each fill that was booked from quotes or from the day's rows, with the difference in won.

    orders: the decision of the day; fills: those of the rows with their won; prices: stock code -> {open, last, split}
    of the day; changed: stocks whose orders later data change.
    """
    one = {_key(fill): fill for fill in opened["fills"] if fill["reason"] not in SETTLED}
    other = {_key(fill): fill for fill in fills if fill["reason"] not in SETTLED}
    levels = {
        (order["stock_code"], order["reason"]): order for order in orders if order["kind"] in {"stop", "target"}
    }  # fmt: skip
    return [
        _item(one.get(key), other.get(key), opened, prices.get(key[0]), levels.get((key[0], key[2])), changed)
        for key in dict.fromkeys((*one, *other))
    ]


def _key(fill: Fill) -> tuple[str, str, str]:
    return fill["stock_code"], fill["side"], fill["reason"]


def _item(  # noqa: PLR0917 - the two fills and what is known of their stock
    provisional: Fill | None,
    booked: Fill | None,
    opened: OpenedDay,
    price: Mapping[str, Any] | None,
    level: Order | None,
    changed: Collection[str],
) -> ReconciledFill:
    fill: Fill = provisional or booked or {}
    code, quotes, unquoted = fill["stock_code"], opened["quotes"], opened["unquoted"]
    split = 1.0 if price is None else price["split"]
    found = None if price is None else price["open"]
    shares = None if provisional is None else round(provisional["shares"] * split)
    paid = None if provisional is None else provisional["price"] / split
    won = 0.0 if booked is None else booked["won"]
    if provisional is not None and shares is not None and paid is not None:
        last = paid if price is None or price["last"] is None else price["last"]
        sign = 1 if provisional["side"] == "buy" else -1
        won -= sign * shares * (last - paid) - provisional["commission"] - provisional["tax"]
    is_same = (
        booked is not None and shares == booked["shares"] and paid is not None
        and abs(paid - booked["price"]) < _SAME_WON
    )  # fmt: skip
    cause: Cause | None = None
    if not is_same:
        quote = quotes.get(code)
        cause = _cause(
            fill, is_new=provisional is None, is_quoted=code in quotes, quote=None if quote is None else quote / split,
            opened=found, level=level, split=split, is_changed=code in changed, is_unquoted=code in unquoted,
        )  # fmt: skip
    return {
        "stock_code": code, "name": fill["name"], "side": fill["side"], "reason": fill["reason"],
        "quoted_open": quotes.get(code), "open": found,
        "provisional": None if provisional is None else {"shares": shares, "price": paid},
        "booked": None if booked is None else {"shares": booked["shares"], "price": booked["price"]},
        "won": round(won, 2), "cause": cause,
    }  # fmt: skip


def _cause(
    fill: Fill,
    *,
    is_new: bool,
    is_quoted: bool,
    is_unquoted: bool,
    quote: float | None,
    opened: float | None,
    level: Order | None,
    split: float,
    is_changed: bool,
) -> Cause:
    if is_new and fill["reason"] in _LEVELS and not _reaches(level, opened, split):
        return "intraday"
    if is_changed:
        return "orders_differ"
    if is_unquoted:
        return "not_quoted"
    if not is_quoted or quote is None or opened is None:
        return "open_differs" if is_quoted and quote != opened else "other_orders"
    return "other_orders" if abs(quote - opened) <= opened * _SAME_PRICE else "open_differs"


def _reaches(level: Order | None, opened: float | None, split: float) -> bool:
    """Return whether a standing level is reached by the open."""
    if level is None or opened is None:
        return False
    price = level["level"] / split
    return bool(opened <= price) if level["kind"] == "stop" else bool(opened >= price)
