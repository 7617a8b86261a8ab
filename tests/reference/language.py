"""The values of expressions over whole histories, cell by cell; absent values are None."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.reference.factors import KEYS, factor
from tests.reference.market import INDEX_CARRY, Market, Series, Stock
from tests.reference.parser import AGGREGATES, COMPARISONS, CROSS, FIELDS, Node, is_over_time, parse, walk
from tests.reference.windows import across, aggregate, deviation, ema, filled, finite, over_time, single

__all__ = ["Evaluator", "Grid", "Node", "deviation", "is_over_time", "name_values", "parse", "single", "walk"]

Grid = list[list[Any]]
"""One list of stocks per row."""

PRICES = {"open", "high", "low", "close", "raw_open", "raw_high", "raw_low", "raw_close"}


@dataclass
class Evaluator:
    """Evaluate trees over every row of a market; cross-section functions run over `universe[row][stock]`.

    With `noise`, every value that is read is moved by about its last bit, and so are the sides of a comparison: a
    result that then differs was decided by rounding.
    """

    market: Market
    universe: list[list[bool]]
    noise: random.Random | None = None
    cached: dict[Node, Grid] = field(default_factory=dict)

    def run(self, node: Node) -> Grid:
        """Return the values of a tree, one list of stocks per row: bool, or float or None."""
        if node not in self.cached:
            self.cached[node] = self._run(node)
        return self.cached[node]

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
            rows = []
            for row, cells in enumerate(self.run(arguments[0])):
                sectors = [stock.sector[row] for stock in self.market.stocks]
                rows.append(across(name, cells, self.universe[row], sectors, p))
            return rows
        if name in AGGREGATES:
            rows = []
            for cells, inside in zip(self.run(arguments[0]), self.universe, strict=True):
                value = aggregate(name, [cell for cell, there in zip(cells, inside, strict=True) if there])
                rows.append([value] * len(cells))
            return rows
        n = int(arguments[-1][1])
        price = arguments[0][0] == "name" and arguments[0][1] in PRICES
        columns = [
            ema(series[0], n) if name == "ema" else over_time(name, series, n, price=price)
            for series in self._series(name, arguments)
        ]
        return [[column[row] for column in columns] for row in range(len(self.market.days))]

    def _series(self, name: str, arguments: tuple[Node, ...]) -> list[list[Series]]:
        """Return what a function over time reads: per stock, one list of rows per argument."""
        grids = [self.run(node) for node in arguments[: 2 if name == "ts_corr" else 1]]
        return [[[row[at] for row in grid] for grid in grids] for at in range(len(self.market.stocks))]

    def ever_filled(self, node: Node, rows: set[int]) -> bool:
        """Return whether some stock of the universe has every value that a function over time needs on some row."""
        for at, series in enumerate(self._series(node[1], node[2:])):
            for row in rows:
                if self.universe[row][at] and filled(node[1], series, row, int(node[-1][1])):
                    return True
        return False

    def ever_valued(self, node: Node, rows: set[int]) -> bool:
        """Return whether a node has a value for some stock of the universe on some row."""
        values = self.run(node)
        return any(values[row][at] is not None for row in rows for at, there in enumerate(self.universe[row]) if there)


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
    """Return a factor, price field or index series, one list of rows per stock."""
    if name.upper() in KEYS:
        return factor(market, name.upper())
    if name in FIELDS:
        return [_field(stock, name) for stock in market.stocks]
    for index in market.indices:
        if index.lower() == name:
            carried = market.index_carried(index, INDEX_CARRY)
            assert carried is not None
            return [carried for _ in market.stocks]
    raise ValueError(f"unknown name {name}")


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
            value = stock.cell(row, base) if stock.tradable(row) else 0.0
        elif base == "close" or not stock.tradable(row):
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
