"""Step 3 of a day: which candidates are bought, for how much."""

from __future__ import annotations

import math
from itertools import pairwise

from tests.reference import language, rules
from tests.reference.book import Book, Holding
from tests.reference.factors import factor

NEAR = 1e-9


def below(x: float, y: float) -> bool:
    """x <= y within the tolerance of a touch."""
    return x <= y * (1 + NEAR)


def above(x: float, y: float) -> bool:
    """x >= y within the tolerance of a touch."""
    return x >= y * (1 - NEAR)


class Buyer(Book):
    """A book that buys."""

    def step3(self, row: int, ranking: list[int], target: list[int] | None) -> None:
        """Buys on a rebalance day."""
        name = "close" if self.at_close else "open"
        candidates = [
            at for at in (ranking if target is None else target) if at not in self.holdings and at not in self.sold
        ]
        most = self.portfolio["max_positions"]
        allowed = most - len(self.holdings)
        if self.portfolio["max_new_per_day"] is not None:
            allowed = min(allowed, self.portfolio["max_new_per_day"])
        if allowed <= 0:
            return
        equity = self.worth(row, name)
        targets = self.weighted(row, candidates, allowed, equity)
        bought = 0
        for at in candidates:
            if bought == allowed:
                break
            if not self.market.stocks[at].tradable(row):
                self.miss("halted")
            elif self.at_upper(row, at):
                self.miss("limit_up")
            else:
                plain = equity / most
                if self.portfolio["weighting"] == "equal" and self.portfolio["position_pct"] is not None:
                    plain = self.portfolio["position_pct"] / 100 * equity
                bought += self.purchase(row, at, targets.get(at, plain))

    def at_upper(self, row: int, at: int) -> bool:
        """The day's price is at its upper limit."""
        band = self.limits(row, at)
        return band is not None and above(self.price(row, at, "close" if self.at_close else "open"), band[1])

    def weighted(self, row: int, candidates: list[int], allowed: int, equity: float) -> dict[int, float]:
        """Targets of the first candidates that can be bought, for the weightings that need them together."""
        kind = self.portfolio["weighting"]
        if kind == "equal":
            return {}
        can = [at for at in candidates if self.market.stocks[at].tradable(row) and not self.at_upper(row, at)]
        first = can[:allowed]
        if not first:
            return {}
        weights = [self.weight(row, at, kind) for at in first]
        known = [w for w in weights if w is not None]
        usual = sum(known) / len(known) if known else 1.0
        full = [usual if w is None else w for w in weights]
        total = equity / self.portfolio["max_positions"] * len(first)
        return {at: total * w / sum(full) for at, w in zip(first, full, strict=True)}

    def weight(self, row: int, at: int, kind: str) -> float | None:
        """MARKET_CAP or one over the deviation of the last 60 changes, as of the row before."""
        if kind == "market_cap":
            return factor(self.market, "MARKET_CAP")[at][row - 1]
        if row - 1 < 60:
            return None
        stock = self.market.stocks[at]
        closes = [None if (v := stock.close[r]) is None else v * stock.adjust[r] for r in range(row - 61, row)]
        if any(v is None for v in closes):
            return None
        changes = [b / a - 1 for a, b in pairwise(closes)]  # type: ignore[operator]
        spread = language.deviation(changes)
        return 1 / spread if spread else None

    def purchase(self, row: int, at: int, target: float) -> int:
        """Buys one candidate; 1 when a slot was used."""
        stock, day = self.market.stocks[at], self.market.days[row]
        reference = self.price(row, at, "close" if self.at_close else "open")
        price = reference * (1 + self.s)
        if self.execution["tick_size"]:
            price = rules.ceil_tick(price, day, stock.market)
        band = self.limits(row, at)
        if band is not None:
            price = min(price, band[1])
        if self.portfolio["max_position_value"] is not None:
            target = min(target, self.portfolio["max_position_value"])
        shares = math.floor(min(target, self.cash) / (price * (1 + self.c)) + NEAR)
        if shares < 1:
            self.miss("cash")
            return 0
        if self.execution["max_volume_pct"] is not None:
            shares = min(shares, self.volume_cap(row, at))
            if shares < 1:
                self.miss("volume")
                return 0
        cost = shares * price * (1 + self.c)
        self.cash -= cost
        self.paid["slippage"] += shares * abs(price - reference)
        self.record(row, at, side="buy", shares=shares, price=price, paid=(shares * price * self.c, 0.0), why="entry")
        self.holdings[at] = Holding(at, shares, price, price, day, row, cost, bought_shares=shares, entry_price=price)
        return 1

    def volume_cap(self, row: int, at: int) -> int:
        """Most shares that the volume of the last 20 rows allows."""
        stock = self.market.stocks[at]
        seen = []
        for r in range(max(0, row - 20), row):
            volume = stock.cell(r, "volume")
            if volume is None:
                continue
            for later in range(r + 1, row + 1):
                volume *= stock.split[later]
            seen.append(volume)
        if not seen:
            return 0
        part = float(self.execution["max_volume_pct"]) / 100
        return math.floor(part * (math.fsum(seen) / len(seen)) + NEAR)
