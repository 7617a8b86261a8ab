"""The values of expressions over whole histories, cell by cell; absent values are None."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.reference.factors import KEYS, factor
from tests.reference.market import Market, Series, Stock
from tests.reference.parser import COMPARISONS, CROSS, EVERY_ROW, FIELDS, Node, parse, reads
from tests.reference.windows import across, deviation, ema, finite, over_time, single

__all__ = ["EVERY_ROW", "Evaluator", "Grid", "Node", "deviation", "name_values", "parse", "reads", "single"]

Grid = list[list[Any]]  # one list of stocks per row


@dataclass
class Evaluator:
    """Evaluates trees over every row of a market; `universe[row][stock]` is where cross-section functions look.

    With `noise`, every value that is read is moved by about its last bit, and so are the sides of a comparison: what
    then comes out otherwise was decided by rounding.
    """

    market: Market
    universe: list[list[bool]]
    noise: random.Random | None = None
    made: dict[Node, Grid] = field(default_factory=dict)

    def run(self, node: Node) -> Grid:
        """Values of a tree, one list of stocks per row: bool, or float or None."""
        if node not in self.made:
            self.made[node] = self._run(node)
        return self.made[node]

    def _moved(self, value: float | None) -> float | None:
        if value is None or self.noise is None:
            return value
        return value * (1 + 1e-13 * self.noise.uniform(-1, 1)) + 1e-13 * self.noise.uniform(-1, 1)

    def _judged(self, test: Callable[[float, float], bool], a: float, b: float) -> bool:
        """A comparison; with noise, sides that only their last bits tell apart may be judged either way."""
        if self.noise is not None and abs(a - b) <= 1e-12 * max(1.0, abs(a), abs(b)):
            return self.noise.random() < 0.5
        return test(single(a), single(b))

    def _each(self, function: Callable[..., Any], *nodes: Node) -> Grid:
        grids = [self.run(node) for node in nodes]
        return [[function(*cells) for cells in zip(*rows, strict=True)] for rows in zip(*grids, strict=True)]

    def _run(self, node: Node) -> Grid:
        kind = node[0]
        shape = (len(self.market.days), len(self.market.stocks))
        if kind == "number":
            return [[node[1]] * shape[1] for _ in range(shape[0])]
        if kind == "name":
            columns = name_values(self.market, node[1])
            if self.noise is not None:
                columns = [[self._moved(value) for value in column] for column in columns]
            return [[column[row] for column in columns] for row in range(shape[0])]
        if kind == "and":
            return self._each(lambda a, b: a and b, *node[1:])
        if kind == "or":
            return self._each(lambda a, b: a or b, *node[1:])
        if kind == "not":
            return self._each(lambda a: not a, node[1])
        if kind in COMPARISONS:
            test = COMPARISONS[kind]
            return self._each(
                lambda a, b: a is not None and b is not None and self._judged(test, a, b), node[1], node[2]
            )
        if kind == "negative":
            return self._each(lambda a: None if a is None else -a, node[1])
        if kind in {"+", "-", "*", "/"}:
            return self._each(lambda a, b: None if a is None or b is None else _arithmetic(kind, a, b), *node[1:])
        return self._call(node[1], node[2:])

    def _call(self, name: str, arguments: tuple[Node, ...]) -> Grid:
        if name in CELL:
            return self._each(CELL[name], *arguments)
        if name in CROSS:
            p = arguments[1][1] if name == "winsorize" else 0.0
            sectors = [stock.sector for stock in self.market.stocks]
            return [
                across(name, cells, inside, sectors, p)
                for cells, inside in zip(self.run(arguments[0]), self.universe, strict=True)
            ]
        grids = [self.run(node) for node in arguments[: 2 if name == "ts_corr" else 1]]
        n = int(arguments[-1][1])
        columns = []
        for at in range(len(self.market.stocks)):
            series = [[row[at] for row in grid] for grid in grids]
            columns.append(ema(series[0], n) if name == "ema" else over_time(name, series, n))
        return [[column[row] for column in columns] for row in range(len(self.market.days))]


def _arithmetic(kind: str, a: float, b: float) -> float | None:
    if kind == "+":
        return finite(a + b)
    if kind == "-":
        return finite(a - b)
    if kind == "*":
        return finite(a * b)
    return None if b == 0 else finite(a / b)


def _all(function: Callable[..., float | None]) -> Callable[..., float | None]:
    return lambda *cells: None if any(c is None for c in cells) else function(*cells)


CELL: dict[str, Callable[..., Any]] = {
    "abs": _all(abs),
    "log": _all(lambda x: math.log(x) if x > 0 else None),
    "sqrt": _all(lambda x: math.sqrt(x) if x >= 0 else None),
    "sign": _all(lambda x: float((x > 0) - (x < 0))),
    "min": _all(min),
    "max": _all(max),
    "clip": _all(lambda x, low, high: min(max(x, low), high)),
    "if": lambda c, x, y: x if c else y,
    "coalesce": lambda x, y: y if x is None else x,
    "is_null": lambda x: x is None,
    "not_null": lambda x: x is not None,
}


def name_values(market: Market, name: str) -> list[Series]:
    """A factor or price field, one list of rows per stock."""
    if name.upper() in KEYS:
        return factor(market, name.upper())
    if name not in FIELDS:
        raise ValueError(f"unknown name {name}")
    return [_field(stock, name) for stock in market.stocks]


def _field(stock: Stock, name: str) -> Series:
    raw = name.startswith("raw_")
    base = name.removeprefix("raw_")
    found: Series = []
    for row, close in enumerate(stock.close):
        value: float | None
        if close is None:
            value = None
        elif base == "listed_shares":
            value = stock.shares[row]
        elif base in {"volume", "trading_value"}:
            value = stock.cell(row, base) if stock.trading[row] else 0.0
        elif base == "close" or not stock.trading[row]:
            value = close
        else:
            value = stock.positive(row, base)
        if value is not None and not raw:
            if base in {"open", "high", "low", "close"}:
                value *= stock.adjust[row]
            elif base == "volume":
                value /= stock.adjust[row]
        found.append(value)
    return found
