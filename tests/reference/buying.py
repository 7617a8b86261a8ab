"""Step 3 of a day: the target list, and which candidates are bought for how much."""

from __future__ import annotations

import math

from tests.reference import rules
from tests.reference.book import NEAR, Book, Holding
from tests.reference.factors import factor


class Buyer(Book):
    """A book that buys."""

    @property
    def fill_name(self) -> str:
        """The price of step 3: open, in close mode close."""
        return "close" if self.at_close else "open"

    # --- lists -------------------------------------------------------------------------------------------------

    def sector_before(self, row: int, at: int) -> str | None:
        """Return the sector of a stock on the row before."""
        return self.market.stocks[at].sector[row - 1]

    def target_list(self, row: int, ranking: list[int], held: set[int]) -> list[int]:
        """Return the target list of rotate and reweight; `held` are the holdings before step 2."""
        keep, most = self.portfolio["keep_rank"], self.portfolio["max_positions"]
        limit = self.portfolio["max_per_sector"]
        first = [at for at in ranking[: keep or 0] if at in held]
        order = first + [at for at in ranking if at not in first]
        targets: list[int] = []
        for at in order:
            if len(targets) == most:
                break
            sector = self.sector_before(row, at)
            same = sum(self.sector_before(row, other) == sector for other in targets)
            if limit is None or sector is None or at in held or same < limit:
                targets.append(at)
        return targets

    def sector_is_full(self, row: int, at: int) -> bool:
        """Return whether the walk of `hold` passes a candidate over: holdings of this moment fill its sector."""
        limit, sector = self.portfolio["max_per_sector"], self.sector_before(row, at)
        if limit is None or sector is None:
            return False
        return sum(self.sector_before(row, other) == sector for other in self.holdings) >= int(limit)

    # --- why a stock cannot be bought --------------------------------------------------------------------------

    def is_halted(self, row: int, at: int) -> bool:
        """Return whether a stock does not trade, or is in liquidation trading."""
        stock = self.market.stocks[at]
        return not stock.tradable(row) or stock.liquidation[row]

    def at_upper(self, row: int, at: int) -> bool:
        """Return whether the price of step 3 is at the upper limit."""
        band = self.limits(row, at)
        return band is not None and rules.at_least(self.price(row, at, self.fill_name), band[1])

    def obstacle(self, row: int, at: int) -> str | None:
        """Return the reason in `unfilled` why a stock cannot be bought at all."""
        if self.is_halted(row, at):
            return "halted"
        return "limit_up" if self.at_upper(row, at) else None

    # --- weights -----------------------------------------------------------------------------------------------

    def weights(self, row: int, stocks: list[int]) -> list[float]:
        """Return the weight of each stock by `weighting`; without one, the mean of the others, without any, equal."""
        kind = self.portfolio["weighting"]
        loaded: list[float | None] = [None] * len(stocks)
        if kind == "market_cap":
            loaded = [factor(self.market, "MARKET_CAP")[at][row - 1] for at in stocks]
        elif kind == "inverse_volatility":
            deviations = [self.deviation_of_changes(row, at, 60) for at in stocks]
            loaded = [None if d is None else 1 / d for d in deviations]
        known = [w for w in loaded if w is not None]
        usual = math.fsum(known) / len(known) if known else 1.0
        return [usual if w is None else w for w in loaded]

    def first_targets(self, row: int, candidates: list[int], allowed: int, equity: float) -> dict[int, float]:
        """Return the targets of the first candidates of C, for the weightings that need them together."""
        if self.portfolio["weighting"] == "equal":
            return {}
        possible = [at for at in candidates if self.obstacle(row, at) is None]
        first = possible[:allowed]
        if not first:
            return {}
        weights = self.weights(row, first)
        total = equity / self.portfolio["max_positions"] * len(first)
        return {at: total * w / math.fsum(weights) for at, w in zip(first, weights, strict=True)}

    # --- hold and rotate ---------------------------------------------------------------------------------------

    def allowed_purchases(self) -> int:
        """Return how many stocks that are not held may be bought: free slots and `max_new_per_day`."""
        slots = self.portfolio["max_positions"] - len(self.holdings)
        new = self.portfolio["max_new_per_day"]
        return int(slots if new is None else min(slots, new))

    def buy_candidates(self, row: int, ranking: list[int], target: list[int] | None) -> None:
        """Buy on a rebalance day of `hold` (the ranking) or `rotate` (the target list)."""
        order = ranking if target is None else target
        candidates = [at for at in order if at not in self.holdings and at not in self.sold]
        allowed = self.allowed_purchases()
        if allowed <= 0:
            return
        equity = self.worth(row, self.fill_name)
        targets = self.first_targets(row, candidates, allowed, equity)
        usual = equity / self.portfolio["max_positions"]
        if self.portfolio["position_pct"] is not None:
            usual = self.portfolio["position_pct"] / 100 * equity
        bought = 0
        for at in candidates:
            if bought == allowed:
                break
            if target is None and self.sector_is_full(row, at):
                self.miss("sector_cap")
                continue
            obstacle = self.obstacle(row, at)
            if obstacle is not None:
                self.miss(obstacle)
                continue
            bought += self.purchase(row, at, self.capped(targets.get(at, usual)))

    def capped(self, target: float) -> float:
        """Return a target, at most `max_position_value`."""
        most = self.portfolio["max_position_value"]
        return target if most is None else min(target, most)

    # --- reweight ----------------------------------------------------------------------------------------------

    def reweight(self, row: int, ranking: list[int], targets: list[int]) -> None:
        """Trim and fill the target list of a rebalance day to its weights."""
        if not targets:
            return
        equity = self.worth(row, self.fill_name)
        if self.portfolio["invest"] == "slots":
            equity = equity * len(targets) / self.portfolio["max_positions"]
        weights = self.weights(row, targets)
        goal = {at: self.capped(equity * w / math.fsum(weights)) for at, w in zip(targets, weights, strict=True)}
        for held in self.ordered():
            if held.at in goal:
                self.trim(row, held, goal[held.at])
        allowed = self.allowed_purchases()
        for at in [at for at in ranking if at in goal]:
            if at in self.sold or at in self.alone:
                continue
            value = self.value_of(row, at)
            new = at not in self.holdings
            if value >= goal[at] or (not new and self.within_band(value, goal[at])):
                continue
            if new and allowed <= 0:
                continue
            obstacle = self.obstacle(row, at)
            if obstacle is not None:
                self.miss(obstacle)
                continue
            bought = self.purchase(row, at, goal[at] - value)
            allowed -= bought if new else 0

    def value_of(self, row: int, at: int) -> float:
        """Return what is held of a stock, at the price of step 3."""
        held = self.holdings.get(at)
        return 0.0 if held is None else held.shares * self.value_price(row, at, self.fill_name)

    def within_band(self, value: float, goal: float) -> bool:
        """Return whether a holding is left as it is."""
        return abs(value - goal) <= self.portfolio["rebalance_band_pct"] / 100 * goal

    def trim(self, row: int, held: Holding, goal: float) -> None:
        """Sell what a tradable holding has above its target."""
        value = self.value_of(row, held.at)
        if held.at in self.alone or not self.market.stocks[held.at].tradable(row):
            return
        if value <= goal or self.within_band(value, goal):
            return
        reference = self.price(row, held.at, self.fill_name)
        shares = math.floor((value - goal) / reference + NEAR)
        if shares < 1:
            return
        band = self.limits(row, held.at)
        if band is not None and rules.at_most(reference, band[0]):
            self.refuse(held.at, "rebalance")
        else:
            self.fill_sale(row, held.at, shares, reference, "rebalance")

    # --- one purchase ------------------------------------------------------------------------------------------

    def buying_price(self, row: int, at: int, shares: int | None) -> float:
        """Return the fill price of a purchase; with shares, the impact of so many is part of it."""
        stock, day = self.market.stocks[at], self.market.days[row]
        slippage = self.s if shares is None else self.slippage(row, at, shares)
        price = self.price(row, at, self.fill_name) * (1 + slippage)
        if self.market_rule(row, at, "tick_size"):
            price = rules.ceil_tick(price, day, stock.market[row])
        band = self.limits(row, at)
        return price if band is None else min(price, band[1])

    def affordable(self, money: float, price: float) -> int:
        """Return how many shares an amount buys with commission."""
        return math.floor(money / (price * (1 + self.c)) + NEAR)

    def purchase(self, row: int, at: int, target: float) -> int:
        """Buy one stock for a target; return 1 when something was bought."""
        price = self.buying_price(row, at, None)
        if at in self.holdings and self.affordable(target, price) < 1:
            return 0
        money = min(target, self.cash)
        shares = self.affordable(money, price)
        if shares < 1:
            self.miss("cash")
            return 0
        if self.execution["max_volume_pct"] is not None:
            mean = self.mean_volume(row, at)
            cap = 0 if mean is None else math.floor(self.execution["max_volume_pct"] / 100 * mean + NEAR)
            shares = min(shares, cap)
            if shares < 1:
                self.miss("volume")
                return 0
        if self.costs["impact"] is not None:
            price = self.buying_price(row, at, shares)
            shares = min(shares, self.affordable(money, price))
            if shares < 1:
                self.miss("cash")
                return 0
        self.book_purchase(row, at, shares, price)
        return 1

    def book_purchase(self, row: int, at: int, shares: int, price: float) -> None:
        """Book a purchase: cash, costs, the holding or the mean entry price of what is added to."""
        cost = shares * price * (1 + self.c)
        self.cash -= cost
        self.paid["slippage"] += shares * abs(price - self.price(row, at, self.fill_name))
        self.record(row, at, side="buy", shares=shares, price=price, paid=(shares * price * self.c, 0.0), why="entry")
        self.bought.add(at)
        self.note_purchase(row, at, shares)
        if not self.at_close:
            self.check_price(row, at, "open")
        held = self.holdings.get(at)
        if held is None:
            day = self.market.days[row]
            self.holdings[at] = Holding(at, shares, price, price, day, row, cost, most_shares=shares)
            return
        held.entry = (held.entry * held.shares + price * shares) / (held.shares + shares)
        held.shares += shares
        held.cost += cost
        held.last_purchase_row = row
        held.most_shares = max(held.most_shares, held.shares)

    def note_purchase(self, row: int, at: int, shares: int) -> None:
        """Note what the warnings and figures about purchases need."""
        stock = self.market.stocks[at]
        volume, listed = self.price(row, at, "volume"), stock.shares[row]
        self.participations.append(shares / volume)
        self.oversized.append(listed is not None and shares > listed)
        self.uncommon.append(stock.kind[row - 1] in {"preferred", "spac", "reit"})

    def targets_of(self, row: int, ranking: list[int], held: set[int]) -> list[int] | None:
        """Return the target list, None for `hold`."""
        if self.sell["on_rebalance"] == "hold":
            return None
        return self.target_list(row, ranking, held)

    def step3(self, row: int, ranking: list[int], target: list[int] | None) -> None:
        """Buy on a rebalance day that allows it."""
        if self.sell["on_rebalance"] == "reweight":
            assert target is not None
            self.reweight(row, ranking, target)
        else:
            self.buy_candidates(row, ranking, target)
