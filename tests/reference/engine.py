"""One backtest, day by day and holding by holding, in the order of the contract's steps."""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.reference import language, rules
from tests.reference.factors import factor
from tests.reference.market import Market, date_of, read
from tests.reference.statistics import statistics

NEAR = 1e-9
DIVIDEND_TAX = 0.154

CAP_GROUPS: dict[str, tuple[str, float, float]] = {
    "KOSPI_MEGA": ("KOSPI", 10e12, math.inf),
    "KOSPI_LARGE": ("KOSPI", 2e12, 10e12),
    "KOSPI_MID": ("KOSPI", 500e9, 2e12),
    "KOSPI_SMALL": ("KOSPI", 0, 500e9),
    "KOSDAQ_MEGA": ("KOSDAQ", 2e12, math.inf),
    "KOSDAQ_LARGE": ("KOSDAQ", 500e9, 2e12),
    "KOSDAQ_MID": ("KOSDAQ", 200e9, 500e9),
    "KOSDAQ_SMALL": ("KOSDAQ", 0, 200e9),
}

DEFAULTS: dict[str, dict[str, Any]] = {
    "buy": {"where": None, "rank_by": None, "order": "desc"},
    "sell": {
        "take_profit_pct": None,
        "stop_loss_pct": None,
        "trailing_stop_pct": None,
        "min_hold_days": 0,
        "max_hold_days": None,
        "where": None,
        "on_rebalance": "hold",
    },
    "portfolio": {
        "max_positions": 20,
        "weighting": "equal",
        "position_pct": None,
        "max_position_value": None,
        "max_new_per_day": None,
        "rebalance": "daily",
    },
    "universe": {
        "markets": ["KOSPI", "KOSDAQ"],
        "sectors": None,
        "cap_groups": None,
        "stock_codes": None,
        "exclude": None,
        "where": None,
    },
    "costs": {"commission_pct": 0.015, "slippage_pct": 0.1, "tax_pct": None},
    "execution": {
        "price": "open",
        "price_limits": True,
        "tick_size": True,
        "max_volume_pct": None,
        "dividends": True,
        "delisting": "last_price",
        "delisting_haircut_pct": 0,
    },
}


class RefusedError(Exception):
    """The contract wants an error here: `kind` is window, benchmark or factor; `names` are what it is about."""

    def __init__(self, kind: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(kind, names)
        self.kind = kind
        self.names = names


def below(x: float, y: float) -> bool:
    """x <= y within the tolerance of a touch."""
    return x <= y * (1 + NEAR)


def above(x: float, y: float) -> bool:
    """x >= y within the tolerance of a touch."""
    return x >= y * (1 - NEAR)


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
class Run:
    """The state of one backtest."""

    market: Market
    request: dict[str, Any]
    noise: random.Random | None = None
    cash: float = 0.0
    holdings: dict[int, Holding] = field(default_factory=dict)
    trades: list[dict[str, Any]] = field(default_factory=list)
    round_trips: list[dict[str, Any]] = field(default_factory=list)
    equity: list[dict[str, Any]] = field(default_factory=list)
    unfilled: dict[str, int] = field(default_factory=dict)
    sold: set[int] = field(default_factory=set)
    alone: set[int] = field(default_factory=set)
    paid: dict[str, float] = field(default_factory=lambda: {"commission": 0.0, "tax": 0.0, "slippage": 0.0})

    def __post_init__(self) -> None:
        for name in ("buy", "sell", "portfolio", "universe"):
            setattr(self, name, {**DEFAULTS[name], **(self.request["strategy"].get(name) or {})})
        for name in ("costs", "execution"):
            setattr(self, name, {**DEFAULTS[name], **(self.request.get(name) or {})})
        self.initial = float(self.request.get("initial_cash", 100_000_000))
        self.cash = self.initial
        self.at_close = self.execution["price"] == "close"
        self.c = self.costs["commission_pct"] / 100
        self.s = self.costs["slippage_pct"] / 100
        start, end = date_of(self.request["start"]), date_of(self.request["end"])
        self.rows = [r for r, day in enumerate(self.market.days) if start <= day <= end]
        if not self.rows:
            raise RefusedError("window")
        self._signals()

    buy: dict[str, Any] = field(init=False, default_factory=dict)
    sell: dict[str, Any] = field(init=False, default_factory=dict)
    portfolio: dict[str, Any] = field(init=False, default_factory=dict)
    universe: dict[str, Any] = field(init=False, default_factory=dict)
    costs: dict[str, Any] = field(init=False, default_factory=dict)
    execution: dict[str, Any] = field(init=False, default_factory=dict)

    # --- signals ---------------------------------------------------------------------------------------------

    def _signals(self) -> None:
        market = self.market
        plain = [[self._admitted(row, at) for at in range(len(market.stocks))] for row in range(len(market.days))]
        buying = [row - 1 for row in self.rows if row > 0 and self.rebalances(row)]
        always = [row - 1 for row in self.rows if row > 0]
        self.inside = plain
        if self.universe["where"] is not None:
            tree = language.parse(self.universe["where"])
            passed = language.Evaluator(market, plain, self.noise).run(tree)
            self.inside = [[a and b for a, b in zip(x, y, strict=True)] for x, y in zip(plain, passed, strict=True)]
            self._count(tree, buying, plain)
        evaluator = language.Evaluator(market, self.inside, self.noise)
        for name, text, rows in (
            ("where", self.buy["where"], buying),
            ("rank_by", self.buy["rank_by"] or "MARKET_CAP", buying),
            ("leave", self.sell["where"], always),
        ):
            if text is not None:
                tree = language.parse(text)
                setattr(self, name, evaluator.run(tree))
                self._count(tree, rows, self.inside)
        empty = sorted(key for key, seen in self.coverage.items() if all(part == 0 for part, _ in seen))
        if empty:
            raise RefusedError("factor", tuple(empty))

    where: list[list[bool]] | None = field(init=False, default=None)
    leave: list[list[bool]] | None = field(init=False, default=None)
    rank_by: list[list[float | None]] = field(init=False, default_factory=list)

    coverage: dict[str, list[tuple[float, int]]] = field(init=False, default_factory=dict)
    """Factor -> for each expression that names it: the share of stocks and rows read with a value, the look-back."""

    def _count(self, tree: language.Node, rows: list[int], inside: list[list[bool]]) -> None:
        """Where the factors of an expression have a value, among the stocks and rows that its decisions read."""
        for key, behind in language.reads(tree).items():
            values = factor(self.market, key)
            read_rows = {r for row in rows for r in range(max(0, row - behind), row + 1)}
            cells = [v[r] is not None for r in read_rows for at, v in enumerate(values) if inside[r][at]]
            if rows:
                part = sum(cells) / len(cells) if cells else 0.0
                self.coverage.setdefault(key, []).append((part, behind))

    def _admitted(self, row: int, at: int) -> bool:
        stock, want = self.market.stocks[at], self.universe
        if stock.close[row] is None:
            return False
        for name, value in (("markets", stock.market), ("sectors", stock.sector), ("stock_codes", stock.code)):
            if want[name] is not None and value not in want[name]:
                return False
        if want["exclude"] is not None and stock.code in want["exclude"]:
            return False
        if want["cap_groups"] is None:
            return True
        cap = factor(self.market, "MARKET_CAP")[at][row]
        groups = [CAP_GROUPS[name] for name in want["cap_groups"]]
        return cap is not None and any(m == stock.market and low <= cap < high for m, low, high in groups)

    def ranking(self, row: int) -> list[int]:
        """Stocks that may be bought on the day after `row`, best first."""
        if row < 0:
            return []
        found = []
        for at in range(len(self.market.stocks)):
            value = self.rank_by[row][at]
            if self.inside[row][at] and value is not None and (self.where is None or self.where[row][at]):
                key = language.single(value)
                found.append((key if self.buy["order"] == "asc" else -key, self.market.stocks[at].code, at))
        return [at for _, _, at in sorted(found)]

    def rebalances(self, row: int) -> bool:
        """Whether targets are chosen on this row."""
        every = self.portfolio["rebalance"]
        if row == self.rows[0] or every == "daily":
            return True
        now, then = self.market.days[row], self.market.days[row - 1]
        if every == "weekly":
            return now.isocalendar()[:2] != then.isocalendar()[:2]
        if every == "monthly":
            return (now.year, now.month) != (then.year, then.month)
        return (now.year, (now.month - 1) // 3) != (then.year, (then.month - 1) // 3)

    # --- prices ----------------------------------------------------------------------------------------------

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

    # --- steps -----------------------------------------------------------------------------------------------

    def ordered(self) -> list[Holding]:
        """Holdings by stock code."""
        return [self.holdings[at] for at in sorted(self.holdings)]

    def step1(self, row: int) -> None:
        """Corporate actions and dividends."""
        day = self.market.days[row]
        before = self.market.days[row - 1] if row > 0 else None
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if self.execution["dividends"]:
                for line in stock.dividends:
                    if line["ex_date"] <= day and (before is None or line["ex_date"] > before):
                        got = held.shares * line["dps"] * (1 - DIVIDEND_TAX)
                        self.cash += got
                        held.brought += got
            split = stock.split[row]
            if split == 1:
                continue
            last = stock.last[row - 1]
            assert last is not None
            whole = math.floor(held.shares * split + NEAR)
            got = (held.shares * split - whole) * (last / split)
            self.cash += got
            held.brought += got
            held.shares = whole
            held.entry /= split
            held.peak /= split
            if whole == 0:
                self.record(
                    row, held.at, side="sell", shares=0, price=last / split, paid=(0.0, 0.0), why="corporate_action"
                )
                self.close(row, held.at, last / split, "corporate_action")

    def stop_level(self, held: Holding) -> tuple[float, str] | None:
        """The higher of the two stops."""
        loss, trail = self.sell["stop_loss_pct"], self.sell["trailing_stop_pct"]
        fixed = None if loss is None else held.entry * (1 - loss / 100)
        moving = None if trail is None else held.peak * (1 - trail / 100)
        if fixed is None:
            return None if moving is None else (moving, "trailing_stop")
        if moving is not None and moving > fixed:
            return moving, "trailing_stop"
        return fixed, "stop_loss"

    def profit_level(self, held: Holding) -> float | None:
        """The price at which the profit is taken."""
        profit = self.sell["take_profit_pct"]
        return None if profit is None else held.entry * (1 + profit / 100)

    def due_at_open(self, row: int, held: Holding) -> str | None:
        """Rules a and b."""
        if not self.market.stocks[held.at].tradable(row):
            return None
        price = self.price(row, held.at, "open")
        stop, profit = self.stop_level(held), self.profit_level(held)
        if stop is not None and below(price, stop[0]):
            return stop[1]
        return "take_profit" if profit is not None and above(price, profit) else None

    def due_by_rule(self, row: int, held: Holding, target: list[int] | None) -> str | None:
        """Rules c, d and e."""
        age = (self.market.days[row] - held.bought).days
        most, least = self.sell["max_hold_days"], self.sell["min_hold_days"]
        if most is not None and age >= most:
            return "max_hold"
        if age < least:
            return None
        if self.leave is not None and row > 0 and self.leave[row - 1][held.at]:
            return "condition"
        return "rebalance" if target is not None and held.at not in target else None

    def sell_or_refuse(self, row: int, held: Holding, name: str, why: str) -> None:
        """Sells at the open or close of the day unless it does not trade or is at its lower limit."""
        if not self.market.stocks[held.at].tradable(row):
            self.refuse(held.at, why)
            return
        price = self.price(row, held.at, name)
        band = self.limits(row, held.at)
        if band is not None and below(price, band[0]):
            self.refuse(held.at, why)
        else:
            self.sell_all(row, held.at, price, why)

    def step2(self, row: int, target: list[int] | None, levels: bool, ages: bool) -> None:
        """Sells due at the open (at the close for rules c, d, e in close mode)."""
        for held in self.ordered():
            if held.at in self.alone:
                continue
            if levels:
                why = self.due_at_open(row, held)
                if why is not None:
                    self.sell_or_refuse(row, held, "open", why)
                    continue
            if ages:
                why = self.due_by_rule(row, held, target)
                if why is not None:
                    self.sell_or_refuse(row, held, "close" if self.at_close else "open", why)

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

    def step4(self, row: int) -> None:
        """Sells inside the day."""
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if held.at in self.alone or not stock.tradable(row):
                continue
            stop, profit = self.stop_level(held), self.profit_level(held)
            if stop is not None and held.bought_row == row:
                stop = (min(stop[0], self.price(row, held.at, "open")), stop[1])
            if stop is not None and below(self.price(row, held.at, "low"), stop[0]):
                level, why = stop
            elif profit is not None and above(self.price(row, held.at, "high"), profit):
                level, why = profit, "take_profit"
            else:
                continue
            band = self.limits(row, held.at)
            if band is not None and below(self.price(row, held.at, "high"), band[0]):
                self.refuse(held.at, why)
            else:
                self.sell_all(row, held.at, level, why)

    def step5(self, row: int) -> None:
        """Delistings."""
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if not self.market.gone(stock, row):
                continue
            last = stock.last[row]
            assert last is not None
            how = self.execution["delisting"]
            if how == "haircut":
                last *= 1 - self.execution["delisting_haircut_pct"] / 100
            self.sell_all(row, held.at, 0.0 if how == "zero" else last, "delisted")

    def step6(self, row: int) -> None:
        """Valuation; peaks."""
        self.equity.append(
            {
                "date": self.market.days[row].isoformat(),
                "equity": self.worth(row, "last"),
                "cash": self.cash,
                "positions": len(self.holdings),
            }
        )
        for held in self.ordered():
            last = self.market.stocks[held.at].last[row]
            assert last is not None
            held.peak = max(held.peak, last)

    def day(self, row: int) -> None:
        """One day, in the order of the contract."""
        self.sold, self.alone = set(), set()
        self.step1(row)
        choosing = self.rebalances(row)
        ranking = self.ranking(row - 1) if choosing else []
        rotates = self.sell["on_rebalance"] == "rotate"
        target = ranking[: self.portfolio["max_positions"]] if choosing and rotates else None
        self.step2(row, target, levels=True, ages=not self.at_close)
        if self.at_close:
            self.step4(row)
            self.step2(row, target, levels=False, ages=True)
        if choosing:
            self.step3(row, ranking, target)
        if not self.at_close:
            self.step4(row)
        self.step5(row)
        self.step6(row)


def benchmark(run: Run) -> list[float] | None:
    """The benchmark's return on each row of the window."""
    name = run.request.get("benchmark", "KOSPI")
    if name is None:
        return None
    market = run.market
    if name not in {"market", "equal"}:
        series = market.index_carried(name, None)
        if series is None or series[run.rows[-1]] is None:
            raise RefusedError("benchmark", (name,))
        found = []
        for row in run.rows:
            now, then = series[row], series[row - 1] if row > 0 else None
            found.append(now / then - 1 if now is not None and then is not None else 0.0)
        return found
    caps = factor(market, "MARKET_CAP")
    found = []
    for row in run.rows:
        total = weights = 0.0
        for at, stock in enumerate(market.stocks):
            if row == 0 or not run.inside[row - 1][at]:
                continue
            weight = 1.0 if name == "equal" else caps[at][row - 1]
            now, then = stock.last[row], stock.last[row - 1]
            if weight is None or now is None or then is None:
                continue
            weights += weight
            total += weight * (now / (then / stock.split[row]) - 1)
        found.append(total / weights if weights else 0.0)
    return found


def backtest(
    market: dict[str, Any] | Market, request: dict[str, Any], noise: random.Random | None = None
) -> dict[str, Any]:
    """A market in the load form and a request as in `POST /v1/backtests` -> the result; RefusedError where due.

    `noise` moves what expressions read by about the last bit (see `language.Evaluator`).
    """
    run = Run(market if isinstance(market, Market) else read(market), request, noise)
    index = benchmark(run)
    for row in run.rows:
        run.day(row)
    result: dict[str, Any] = {
        "trades": run.trades,
        "round_trips": run.round_trips,
        "unfilled": run.unfilled,
        "equity": run.equity,
        "coverage": run.coverage,
        "window": {
            "first": run.market.days[run.rows[0]].isoformat(),
            "last": run.market.days[run.rows[-1]].isoformat(),
            "warm_up": run.rows[0],
        },
        "open_positions": [
            {
                "stock_code": run.market.stocks[held.at].code,
                "shares": held.shares,
                "entry_date": held.bought.isoformat(),
                "last": run.market.stocks[held.at].last[run.rows[-1]],
            }
            for held in run.ordered()
        ],
    }
    return {
        **result,
        **statistics(result, run.paid, run.initial, index, float(request.get("risk_free_pct") or 0) / 100),
    }
