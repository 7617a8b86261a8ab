"""Cash, holdings, trades, round trips and the ledger: what a fill does to them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.reference import language, rules
from tests.reference.price_factors import quiet
from tests.reference.signals import Signals

NEAR = 1e-9
NO_DISPERSION = 1e-12


@dataclass
class Holding:
    """Shares of one stock, from the first purchase until there are none."""

    at: int
    shares: int
    entry: float
    peak: float
    bought: dt.date
    last_purchase_row: int
    cost: float
    proceeds: float = 0.0
    most_shares: int = 0


@dataclass
class Book(Signals):
    """The state of one backtest."""

    cash: float = 0.0
    holdings: dict[int, Holding] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    round_trips: list[dict[str, Any]] = field(default_factory=list)
    corporate_actions: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    evenings: list[list[dict[str, Any]]] = field(default_factory=list)
    unfilled: dict[str, int] = field(default_factory=dict)
    sold: set[int] = field(default_factory=set)
    bought: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    stale_exits: list[str] = field(default_factory=list)
    suspects: list[tuple[int, int]] = field(default_factory=list)
    participations: list[float] = field(default_factory=list)
    oversized: list[bool] = field(default_factory=list)
    uncommon: list[bool] = field(default_factory=list)
    paid: dict[str, float] = field(
        default_factory=lambda: {"commission": 0.0, "tax": 0.0, "slippage": 0.0, "dividends": 0.0}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cash = self.initial

    # --- prices ------------------------------------------------------------------------------------------------

    def market_rule(self, row: int, at: int, name: str) -> bool:
        """Return whether `tick_size` or `price_limits` holds for a stock: null is by the market of the day."""
        wanted = self.execution[name]
        return bool(self.market.stocks[at].market[row] in rules.KOREAN if wanted is None else wanted)

    def base(self, row: int, at: int) -> float | None:
        """Return the unrounded base price of a day; None without an earlier close."""
        stock = self.market.stocks[at]
        before = stock.last[row - 1] if row > 0 else None
        return None if before is None else before / stock.split[row]

    def limits(self, row: int, at: int) -> tuple[float, float] | None:
        """Return the lower and upper limit of a day, None when there are none."""
        stock, base = self.market.stocks[at], self.base(row, at)
        if base is None or stock.liquidation[row] or not self.market_rule(row, at, "price_limits"):
            return None
        return rules.limits(base, self.market.days[row], stock.market[row])

    def price(self, row: int, at: int, name: str) -> float:
        """Return a loaded price of a day with trading."""
        value = self.market.stocks[at].cell(row, name)
        assert value is not None
        return value

    def value_price(self, row: int, at: int, name: str) -> float:
        """Return the day's `name`, the last close of what does not trade."""
        stock = self.market.stocks[at]
        value = self.price(row, at, name) if name != "last" and stock.tradable(row) else stock.last[row]
        assert value is not None
        return value

    def worth(self, row: int, name: str) -> float:
        """Return cash and shares at today's `name`."""
        total = self.cash
        for at, held in sorted(self.holdings.items()):
            total += held.shares * self.value_price(row, at, name)
        return total

    def check_price(self, row: int, at: int, name: str) -> None:
        """Note a position whose open or close lies over a tick beyond the daily limit of its market without a split."""
        stock, base = self.market.stocks[at], self.base(row, at)
        if not stock.tradable(row) or stock.liquidation[row] or stock.split[row] != 1 or base is None:
            return
        if stock.market[row] in rules.KOREAN:
            day, market = self.market.days[row], stock.market[row]
            lower, upper = rules.limits(base, day, market)
            lower, upper = lower - rules.tick_of(lower, day, market), upper + rules.tick_of(upper, day, market)
            price = self.price(row, at, name)
            if not (rules.at_least(price, lower) and rules.at_most(price, upper)):
                self.suspects.append((row, at))

    # --- volume and impact -------------------------------------------------------------------------------------

    def mean_volume(self, row: int, at: int) -> float | None:
        """Return the mean volume of the 20 rows before, in shares of the day; None when the stock has none of them."""
        stock = self.market.stocks[at]
        seen = []
        for r in range(max(0, row - 20), row):
            volume = stock.volume(r)
            if volume is not None:
                seen.append(volume * stock.splits_between(r, row))
        return math.fsum(seen) / len(seen) if seen else None

    def deviation_of_changes(self, row: int, at: int, n: int) -> float | None:
        """Return the sample deviation of the n changes of the adjusted close that end on the row before; 0 is None."""
        stock = self.market.stocks[at]
        if row - 1 < n:
            return None
        closes = [None if (v := stock.close[r]) is None else v * stock.adjust[r] for r in range(row - 1 - n, row)]
        if any(v is None for v in closes):
            return None
        changes = [quiet(b / a - 1, 1.0) for a, b in pairwise(closes)]  # type: ignore[operator]
        spread = language.deviation(changes)
        return spread if spread is not None and spread > NO_DISPERSION else None

    def slippage(self, row: int, at: int, shares: int) -> float:
        """Return the slippage of a fill of so many shares as a fraction of the price."""
        k = self.costs["impact"]
        sigma = None if k is None else self.deviation_of_changes(row, at, 20)
        if k is None or sigma is None:
            return self.s
        mean = self.mean_volume(row, at)
        part = 1.0 if not mean else math.sqrt(min(shares / mean, 1.0))
        return float(self.s + k * sigma * part)

    # --- fills -------------------------------------------------------------------------------------------------

    def miss(self, reason: str) -> None:
        """Count an order that could not be filled."""
        self.unfilled[reason] = self.unfilled.get(reason, 0) + 1

    def record(
        self, row: int, at: int, *, side: str, shares: int, price: float, paid: tuple[float, float], why: str
    ) -> None:
        """Append to the list of trades."""
        self.paid["commission"] += paid[0]
        self.paid["tax"] += paid[1]
        stock = self.market.stocks[at]
        self.trades.append(
            {
                "date": self.market.days[row].isoformat(),
                "stock_code": stock.code,
                "name": stock.identity.name,
                "side": side,
                "shares": shares,
                "price": price,
                "commission": paid[0],
                "tax": paid[1],
                "reason": why,
            }
        )

    def act(self, row: int, at: int, **entry: Any) -> None:
        """Append to the ledger of corporate actions."""
        what = {"kind": None, "ratio": None, "shares_before": None, "shares_after": None, "dps": None, "cash": None}
        day, code = self.market.days[row].isoformat(), self.market.stocks[at].code
        self.corporate_actions.append({"date": day, "stock_code": code, **what, **entry})

    def fill_sale(self, row: int, at: int, shares: int, reference: float, why: str) -> None:
        """Sell shares in the market: slippage, ticks, the lower limit, costs."""
        stock, day = self.market.stocks[at], self.market.days[row]
        price = max(reference * (1 - self.slippage(row, at, shares)), 0.0)
        if self.market_rule(row, at, "tick_size"):
            price = rules.floor_tick(price, day, stock.market[row])
            price = max(price, rules.tick_of(price, day, stock.market[row]))
        band = self.limits(row, at)
        if band is not None:
            price = max(price, band[0])
        self.book_sale(row, at, shares, (price, reference), why)

    def book_sale(self, row: int, at: int, shares: int, prices: tuple[float, float], why: str) -> None:
        """Book a sale at (fill price, reference): cash, costs, the holding, its round trip when nothing is left."""
        price, reference = prices
        held, stock = self.holdings[at], self.market.stocks[at]
        rate = self.costs["tax_pct"]
        if rate is None:
            rate = rules.tax_pct(self.market.days[row], stock.market[row])
        gross = shares * price
        got = shares * price * (1 - self.c - rate / 100)
        self.cash += got
        held.proceeds += got
        self.paid["slippage"] += shares * abs(price - reference)
        paid = (gross * self.c, gross * rate / 100)
        self.record(row, at, side="sell", shares=shares, price=price, paid=paid, why=why)
        self.sold.add(at)
        held.shares -= shares
        if held.shares == 0:
            self.close(row, at, price, why)

    def close(self, row: int, at: int, price: float, why: str) -> None:
        """End a holding: its round trip is complete."""
        held = self.holdings.pop(at)
        self.sold.add(at)
        gain = held.proceeds - held.cost
        if abs(gain) <= NO_DISPERSION * held.cost:
            gain = 0.0
        self.round_trips.append(
            {
                "stock_code": self.market.stocks[at].code,
                "entry_date": held.bought.isoformat(),
                "exit_date": self.market.days[row].isoformat(),
                "entry_price": held.entry,
                "exit_price": price,
                "shares": held.most_shares,
                "cost": held.cost,
                "gain": gain,
                "return": gain / held.cost,
                "days": (self.market.days[row] - held.bought).days,
                "reason": why,
            }
        )

    def refuse(self, at: int, why: str) -> None:
        """Count a due sell that cannot fill and leave the holding alone for the rest of the day."""
        self.miss("sell_" + why)
        self.alone.add(at)

    def ordered(self) -> list[Holding]:
        """Return the holdings by stock code."""
        return [self.holdings[at] for at in sorted(self.holdings)]
