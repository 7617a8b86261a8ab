"""Cash, holdings, trades and round trips: what a fill does to them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from tests.reference import rules
from tests.reference.signals import Signals


@dataclass
class Holding:
    """Shares of one stock, bought once and sold once."""

    at: int
    shares: int
    entry: float
    peak: float
    bought: dt.date
    bought_row: int
    cost: float
    brought: float = 0.0
    bought_shares: int = 0
    entry_price: float = 0.0


@dataclass
class Book(Signals):
    """The state of one backtest."""

    cash: float = 0.0
    holdings: dict[int, Holding] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    round_trips: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    unfilled: dict[str, int] = field(default_factory=dict)
    sold: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    paid: dict[str, float] = field(
        default_factory=lambda: {"commission": 0.0, "tax": 0.0, "slippage": 0.0, "dividends": 0.0}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cash = self.initial

    def limits(self, row: int, at: int) -> tuple[float, float] | None:
        """Lower and upper limit, None when they do not bind."""
        stock = self.market.stocks[at]
        before = stock.last[row - 1] if row > 0 else None
        if not self.execution["price_limits"] or before is None:
            return None
        return rules.limits(before / stock.split[row], self.market.days[row], stock.market)

    def price(self, row: int, at: int, name: str) -> float:
        """A loaded price of a day with trading."""
        value = self.market.stocks[at].cell(row, name)
        assert value is not None
        return value

    def worth(self, row: int, name: str) -> float:
        """Cash and shares at today's `name`, at the last close what does not trade."""
        total = self.cash
        for at, held in sorted(self.holdings.items()):
            stock = self.market.stocks[at]
            value = self.price(row, at, name) if name != "last" and stock.tradable(row) else stock.last[row]
            assert value is not None
            total += held.shares * value
        return total

    # --- fills -----------------------------------------------------------------------------------------------

    def miss(self, reason: str) -> None:
        """Counts an order that could not be filled."""
        self.unfilled[reason] = self.unfilled.get(reason, 0) + 1

    def record(
        self, row: int, at: int, *, side: str, shares: int, price: float, paid: tuple[float, float], why: str
    ) -> None:
        """Appends to the list of trades."""
        stock = self.market.stocks[at]
        self.paid["commission"] += paid[0]
        self.paid["tax"] += paid[1]
        self.trades.append(
            {
                "date": self.market.days[row].isoformat(),
                "stock_code": stock.code,
                "name": stock.name,
                "side": side,
                "shares": shares,
                "price": price,
                "commission": paid[0],
                "tax": paid[1],
                "reason": why,
            }
        )

    def sell_all(self, row: int, at: int, reference: float, why: str) -> None:
        """Sells a holding at a reference price, with slippage, tick and limit."""
        stock, day = self.market.stocks[at], self.market.days[row]
        price = reference * (1 - self.s)
        if why != "delisted":
            if self.execution["tick_size"]:
                price = rules.floor_tick(price, day, stock.market)
            band = self.limits(row, at)
            if band is not None:
                price = max(price, band[0])
        rate = self.costs["tax_pct"]
        rate = (rules.tax_pct(day, stock.market) if rate is None else rate) / 100
        held = self.holdings[at]
        gross = held.shares * price
        got = held.shares * price * (1 - self.c - rate)
        self.cash += got
        held.brought += got
        self.paid["slippage"] += held.shares * abs(price - reference)
        self.record(row, at, side="sell", shares=held.shares, price=price, paid=(gross * self.c, gross * rate), why=why)
        self.close(row, at, price, why)

    def close(self, row: int, at: int, price: float, why: str) -> None:
        """Ends a holding: its round trip is complete."""
        held = self.holdings.pop(at)
        self.sold.add(at)
        gain = held.brought - held.cost
        if abs(gain) <= 1e-12 * held.cost:
            gain = 0.0
        self.round_trips.append(
            {
                "stock_code": self.market.stocks[at].code,
                "entry_date": held.bought.isoformat(),
                "exit_date": self.market.days[row].isoformat(),
                "entry_price": held.entry_price,
                "exit_price": price,
                "shares": held.bought_shares,
                "cost": held.cost,
                "gain": gain,
                "return": gain / held.cost,
                "days": (self.market.days[row] - held.bought).days,
                "reason": why,
            }
        )

    def refuse(self, at: int, why: str) -> None:
        """A due sell that cannot fill: counted, and the holding is left alone today."""
        self.miss("sell_" + why)
        self.alone.add(at)

    def ordered(self) -> list[Holding]:
        """Holdings by stock code."""
        return [self.holdings[at] for at in sorted(self.holdings)]
