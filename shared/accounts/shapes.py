"""Shapes of the documents of paper accounts, which are stored and sent as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

Order = Mapping[str, Any]
"""An order of a day, the fields of `shared.simulation.next_day.Order`."""

Fill = Mapping[str, Any]
"""A trade of a result (`shared.simulation.result.tables`), with `won` where what it made by the evening is known."""

OrderMet = Mapping[str, Any]
"""What the orders of a stock met: `OrderLimits` of the day, with the outcome of a purchase."""

OpenedDay = Mapping[str, Any]
"""A day that was booked from opening quotes: {date, fills, met, quotes, unquoted}."""

Ledger = Mapping[str, Any]
"""The points of the equity curve and the trades of an account: {equity, trades}."""


class OrderStatus(TypedDict):
    """What became of an order. `fill_price` in won, None without a fill; `provisional` after opening quotes only."""

    status: Literal["decided", "working", "filled", "partly", "cancelled"]
    status_reason: str | None
    filled_shares: int
    fill_price: float | None
    provisional: NotRequired[bool]


class OrderDifference(TypedDict):
    """Orders that only the decision has, and those that only the current data give."""

    decided: list[dict[str, Any]]
    now: list[dict[str, Any]]


class LedgerDifference(TypedDict):
    """Where a ledger differs first. `won`: of the equity on the stored ledger's last day, None without that day."""

    date: str
    part: str
    stored: dict[str, Any] | None
    now: dict[str, Any] | None
    won: float | None


class FilledAt(TypedDict):
    """Shares and price in won of a fill."""

    shares: int | None
    price: float | None


class ReconciledFill(TypedDict):
    """A fill that quotes or rows gave. `won`: what the booked one made by the evening less the provisional one;
    `cause` None where both are the same."""

    stock_code: str
    name: str
    side: str
    reason: str
    quoted_open: float | None
    open: float | None
    provisional: FilledAt | None
    booked: FilledAt | None
    won: float
    cause: Literal["open_differs", "not_quoted", "other_orders", "intraday", "orders_differ"] | None
