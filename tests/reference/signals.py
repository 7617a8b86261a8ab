"""What a request decides on each row: its universe, its conditions, its ranking (sections 1 and 6)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.reference import language
from tests.reference.factors import KEYS, factor
from tests.reference.market import Market, date_of
from tests.reference.options import CAP_GROUPS, DEFAULTS, RefusedError
from tests.reference.rebalancing import is_rebalance_day


@dataclass
class Coverage:
    """Where a factor of one expression has a value, among the stocks and rows that its decisions read."""

    share: float
    """Cells with a value / cells of the universe on the rows read."""
    direct: bool
    """The factor is read on the deciding rows themselves and on no other."""


@dataclass
class Signals:
    """A request over a market: its options with defaults, the rows of its window, the values of its expressions."""

    market: Market
    request: dict[str, Any]
    noise: random.Random | None = None

    buy: dict[str, Any] = field(init=False, default_factory=dict)
    sell: dict[str, Any] = field(init=False, default_factory=dict)
    portfolio: dict[str, Any] = field(init=False, default_factory=dict)
    universe: dict[str, Any] = field(init=False, default_factory=dict)
    costs: dict[str, Any] = field(init=False, default_factory=dict)
    execution: dict[str, Any] = field(init=False, default_factory=dict)
    where: list[list[bool]] | None = field(init=False, default=None)
    leave: list[list[bool]] | None = field(init=False, default=None)
    when: list[bool] | None = field(init=False, default=None)
    rank_by: list[list[float | None]] = field(init=False, default_factory=list)
    coverage: dict[str, list[Coverage]] = field(init=False, default_factory=dict)
    gaps: list[dict[str, Any]] = field(init=False, default_factory=list)
    barren: list[str] = field(init=False, default_factory=list)
    """Functions over time without a value on any stock of the universe and row read, whatever the reason."""

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
        self.evaluate()

    def evaluate(self) -> None:
        """Fill the universe and the values of every expression, on all rows."""
        market = self.market
        plain = [[self._admitted(row, at) for at in range(len(market.stocks))] for row in range(len(market.days))]
        choosing = [row - 1 for row in self.rows if row > 0 and self.rebalances(row)]
        every = [row - 1 for row in self.rows if row > 0]
        windows: list[str] = []
        self.inside = plain
        if self.universe["where"] is not None:
            evaluator = language.Evaluator(market, plain, self.noise)
            tree = language.parse(self.universe["where"])
            passed = evaluator.run(tree)
            self.inside = [[a and b for a, b in zip(x, y, strict=True)] for x, y in zip(plain, passed, strict=True)]
            self._cover(tree, choosing, plain, evaluator, windows)
        evaluator = language.Evaluator(market, self.inside, self.noise)
        for name, text, rows in (
            ("where", self.buy["where"], choosing),
            ("rank_by", self.buy["rank_by"] or "MARKET_CAP", choosing),
            ("leave", self.sell["where"], every),
            ("when", self.portfolio["when"], every),
        ):
            if text is not None:
                tree = language.parse(text)
                values = evaluator.run(tree)
                setattr(self, name, [row[0] for row in values] if name == "when" else values)
                self._cover(tree, rows, self.inside, evaluator, windows)
        empty = sorted(key for key, seen in self.coverage.items() if all(one.share == 0 for one in seen))
        if empty:
            raise RefusedError("factor", tuple(empty))
        if windows:
            raise RefusedError("window_function", tuple(windows))

    def _cover(
        self,
        tree: language.Node,
        rows: list[int],
        inside: list[list[bool]],
        evaluator: language.Evaluator,
        windows: list[str],
    ) -> None:
        """Note where the factors and windows of an expression have values on the rows that its decisions read."""
        if not rows:
            return
        read: dict[str, set[int]] = {}
        behind: set[str] = set()
        for node, at_rows in language.walk(tree, set(rows)):
            if node[0] == "name" and node[1].upper() in KEYS:
                read.setdefault(node[1].upper(), set()).update(at_rows)
                if at_rows != set(rows):
                    behind.add(node[1].upper())
            if language.is_over_time(node) and node[1] != "ema" and not evaluator.ever_filled(node, at_rows):
                windows.append(str(node))
            if language.is_over_time(node) and not evaluator.ever_valued(node, at_rows):
                self.barren.append(str(node))
        for key, at_rows in read.items():
            values = factor(self.market, key)
            cells = [v[r] is not None for r in at_rows for at, v in enumerate(values) if inside[r][at]]
            share = sum(cells) / len(cells) if cells else 0.0
            self.coverage.setdefault(key, []).append(Coverage(share, key not in behind))
            self._gap(key, tree, rows, inside)

    def _gap(self, key: str, tree: language.Node, rows: list[int], inside: list[list[bool]]) -> None:
        """Note stretches of 20 deciding rows or more on which no stock of the universe has a factor."""
        values = factor(self.market, key)
        present = [any(inside[r][at] and v[r] is not None for at, v in enumerate(values)) for r in range(len(inside))]
        run: list[int] = []
        for row in [*rows, None]:
            if row is not None and not any(present[r] for r in self._rows_of(key, tree, row)):
                run.append(row)
                continue
            if len(run) >= 20:
                days = self.market.days
                self.gaps.append({"factor": key, "from": days[run[0]].isoformat(), "to": days[run[-1]].isoformat()})
            run = []

    def _rows_of(self, key: str, tree: language.Node, row: int) -> set[int]:
        """Return the rows on which an expression reads a factor to decide on one row."""
        read: set[int] = set()
        for node, rows in language.walk(tree, {row}):
            if node == ("name", key.lower()):
                read |= rows
        return read

    def _admitted(self, row: int, at: int) -> bool:
        """Return whether a stock is in the universe of a row, `universe.where` aside."""
        stock, want = self.market.stocks[at], self.universe
        if stock.close[row] is None:
            return False
        for name, value in (
            ("markets", stock.market[row]),
            ("kinds", stock.kind[row]),
            ("sectors", stock.sector[row]),
            ("stock_codes", stock.code),
        ):
            if want[name] is not None and value not in want[name]:
                return False
        if want["exclude"] is not None and stock.code in want["exclude"]:
            return False
        if want["exclude_sectors"] is not None and stock.sector[row] in want["exclude_sectors"]:
            return False
        if want["cap_groups"] is None:
            return True
        cap = factor(self.market, "MARKET_CAP")[at][row]
        groups = [CAP_GROUPS[name] for name in want["cap_groups"]]
        return cap is not None and any(m == stock.market[row] and low <= cap < high for m, low, high in groups)

    def ranking(self, row: int) -> list[int]:
        """Return the stocks that may be bought on the day after `row`, best first, ties by code."""
        if row < 0:
            return []
        found = []
        for at, stock in enumerate(self.market.stocks):
            value = self.rank_by[row][at]
            if self.inside[row][at] and value is not None and (self.where is None or self.where[row][at]):
                key = language.single(value)
                found.append((key if self.buy["order"] == "asc" else -key, stock.code, at))
        return [at for _, _, at in sorted(found)]

    def rebalances(self, row: int) -> bool:
        """Return whether targets are chosen on this row."""
        return is_rebalance_day(self.portfolio["rebalance"], self.market.days, row, self.rows[0])

    def timing_allows(self, row: int) -> bool:
        """Return whether `portfolio.when` allows buying on a day: it is read on the row before."""
        return self.when is None or (row > 0 and self.when[row - 1])
