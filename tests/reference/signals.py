"""What a request decides on each row: its universe, its conditions, its ranking, its rebalance days."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.reference import language
from tests.reference.factors import factor
from tests.reference.market import Market, date_of
from tests.reference.options import CAP_GROUPS, DEFAULTS, RefusedError


@dataclass
class Signals:
    """A request over a market, with its options and the rows of its window."""

    market: Market
    request: dict[str, Any]
    noise: random.Random | None = None

    def __post_init__(self) -> None:
        for name in ("buy", "sell", "portfolio", "universe"):
            setattr(self, name, {**DEFAULTS[name], **(self.request["strategy"].get(name) or {})})
        for name in ("costs", "execution"):
            setattr(self, name, {**DEFAULTS[name], **(self.request.get(name) or {})})
        self.initial = float(self.request.get("initial_cash", 100_000_000))
        self.at_close = self.execution["price"] == "close"
        self.c = self.costs["commission_pct"] / 100
        self.s = self.costs["slippage_pct"] / 100
        start, end = date_of(self.request["start"]), date_of(self.request["end"])
        self.rows = [r for r, day in enumerate(self.market.days) if start <= day <= end]
        if not self.rows:
            raise RefusedError("window")
        self.admit_and_evaluate()

    buy: dict[str, Any] = field(init=False, default_factory=dict)
    sell: dict[str, Any] = field(init=False, default_factory=dict)
    portfolio: dict[str, Any] = field(init=False, default_factory=dict)
    universe: dict[str, Any] = field(init=False, default_factory=dict)
    costs: dict[str, Any] = field(init=False, default_factory=dict)
    execution: dict[str, Any] = field(init=False, default_factory=dict)

    def admit_and_evaluate(self) -> None:
        """The universe and the values of every expression, on all rows."""
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
