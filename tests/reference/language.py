"""The strategy language: a small parser and an evaluator over whole histories, absent values are None."""

from __future__ import annotations

import ctypes
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.reference.factors import KEYS, factor
from tests.reference.market import Market, Series, Stock

Grid = list[list[Any]]  # one list of stocks per row

TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(<=|>=|==|!=|[-+*/<>(),]))"
)
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
FIELDS = {"open", "high", "low", "close", "volume", "trading_value", "listed_shares"}
FIELDS |= {"raw_open", "raw_high", "raw_low", "raw_close", "raw_volume"}
CROSS = {"rank", "rank_desc", "pct_rank", "zscore", "demean", "sector_rank", "sector_demean", "winsorize"}

Node = tuple[Any, ...]
EVERY_ROW = 1_000_000


# --- parsing -----------------------------------------------------------------------------------------------------


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if found is None:
                raise ValueError(f"cannot read {text[at:]!r}")
            self.tokens.append(found.group().strip().lower())
            at = found.end()
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise ValueError(f"expected {expected}, found {token!r}")
        self.at += 1
        return token

    def either(self) -> Node:
        node = self.both()
        while self.peek() == "or":
            self.take()
            node = ("or", node, self.both())
        return node

    def both(self) -> Node:
        node = self.negated()
        while self.peek() == "and":
            self.take()
            node = ("and", node, self.negated())
        return node

    def negated(self) -> Node:
        if self.peek() == "not":
            self.take()
            return ("not", self.negated())
        return self.compared()

    def compared(self) -> Node:
        left = self.added()
        found: list[Node] = []
        while self.peek() in COMPARISONS:
            sign = self.take()
            right = self.added()
            found.append((sign, left, right))
            left = right
        if not found:
            return left
        node = found[0]
        for other in found[1:]:
            node = ("and", node, other)
        return node

    def added(self) -> Node:
        node = self.multiplied()
        while self.peek() in {"+", "-"}:
            node = (self.take(), node, self.multiplied())
        return node

    def multiplied(self) -> Node:
        node = self.signed()
        while self.peek() in {"*", "/"}:
            node = (self.take(), node, self.signed())
        return node

    def signed(self) -> Node:
        if self.peek() == "-":
            self.take()
            return ("negative", self.signed())
        return self.atom()

    def atom(self) -> Node:
        token = self.take()
        if token == "(":
            node = self.either()
            self.take(")")
            return node
        if token[0].isdigit() or token[0] == ".":
            return ("number", float(token))
        if self.peek() != "(":
            return ("name", token)
        self.take("(")
        arguments = [self.either()]
        while self.peek() == ",":
            self.take()
            arguments.append(self.either())
        self.take(")")
        return ("call", token, *arguments)


def parse(text: str) -> Node:
    """Text to a tree of tuples."""
    parser = _Parser(text)
    node = parser.either()
    if parser.peek():
        raise ValueError(f"left over: {parser.peek()!r}")
    return node


def reads(node: Node, behind: int = 0) -> dict[str, int]:
    """Factor keys that a tree names, each with the rows behind a row that its value needs (`ema`: all)."""
    if node[0] == "name":
        key = node[1].upper()
        return {key: behind} if key in KEYS else {}
    if node[0] == "call":
        name = node[1]
        if name == "ema":
            behind = EVERY_ROW
        elif name in {"lag", "delta", "pct_change"}:
            behind += int(node[-1][1])
        elif name.startswith("ts_"):
            behind += int(node[-1][1]) - 1
    found: dict[str, int] = {}
    for part in node[1:]:
        if isinstance(part, tuple):
            for key, rows in reads(part, behind).items():
                found[key] = max(rows, found.get(key, 0))
    return found


# --- evaluation --------------------------------------------------------------------------------------------------


def single(value: float) -> float:
    """The float32 nearest to a value."""
    return ctypes.c_float(value).value


def finite(value: float) -> float | None:
    """The value, absent when it is infinite or undefined."""
    return value if math.isfinite(value) else None


@dataclass
class Evaluator:
    """Evaluates trees over every row of a market; `universe[row][stock]` is where cross-section functions look.

    With `noise`, every value that is read is moved by about its last bit: what then comes out otherwise was decided by
    rounding.
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
                lambda a, b: a is not None and b is not None and test(single(a), single(b)), node[1], node[2]
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
                _across(name, cells, inside, sectors, p)
                for cells, inside in zip(self.run(arguments[0]), self.universe, strict=True)
            ]
        grids = [self.run(node) for node in arguments[: 2 if name == "ts_corr" else 1]]
        n = int(arguments[-1][1])
        columns = []
        for at in range(len(self.market.stocks)):
            series = [[row[at] for row in grid] for grid in grids]
            columns.append(_ema(series[0], n) if name == "ema" else _over_time(name, series, n))
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


def mean(values: list[float]) -> float:
    """Mean; exact for equal values."""
    return values[0] if min(values) == max(values) else math.fsum(values) / len(values)


def deviation(values: list[float]) -> float | None:
    """Sample standard deviation; None for fewer than two values."""
    if len(values) < 2:
        return None
    middle = mean(values)
    return math.sqrt(math.fsum((v - middle) ** 2 for v in values) / (len(values) - 1))


def place(value: float, values: list[float]) -> float:
    """Rank of a value among values that contain it: 1 = smallest, ties by average, in float32."""
    mine = single(value)
    less = sum(single(v) < mine for v in values)
    same = sum(single(v) == mine for v in values)
    return less + (same + 1) / 2


def quantile(values: list[float], p: float) -> float:
    """Linear quantile, p from 0 to 1."""
    ordered = sorted(values)
    at = p * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def _across(
    name: str, cells: list[float | None], inside: list[bool], sectors: list[str | None], p: float
) -> list[float | None]:
    found: list[float | None] = []
    for at, value in enumerate(cells):
        if value is None or not inside[at] or (name.startswith("sector") and sectors[at] is None):
            found.append(None)
            continue
        group = [
            v
            for i, v in enumerate(cells)
            if v is not None and inside[i] and (not name.startswith("sector") or sectors[i] == sectors[at])
        ]
        found.append(_in_group(name, value, group, p))
    return found


def _in_group(name: str, value: float, group: list[float], p: float) -> float | None:
    n = len(group)
    if name in {"rank", "sector_rank"}:
        return place(value, group)
    if name == "rank_desc":
        return n + 1 - place(value, group)
    if name == "pct_rank":
        return None if n == 1 else (place(value, group) - 1) / (n - 1)
    if name == "zscore":
        spread = deviation(group)
        return None if not spread else (value - mean(group)) / spread
    if name == "winsorize":
        return min(max(value, quantile(group, p / 100)), quantile(group, 1 - p / 100))
    return value - mean(group)


def _over_time(name: str, series: list[Series], n: int) -> Series:
    x = series[0]
    found: Series = []
    for row, now in enumerate(x):
        if name in {"lag", "delta", "pct_change"}:
            then = x[row - n] if row >= n else None
            if name == "lag" or now is None or then is None:
                found.append(then if name == "lag" else None)
            elif name == "delta":
                found.append(finite(now - then))
            else:
                found.append(None if then == 0 else finite((now / then - 1) * 100))
            continue
        windows = [s[row - n + 1 : row + 1] if row >= n - 1 else [None] for s in series]
        if any(v is None for window in windows for v in window):
            found.append(None)
        else:
            found.append(_window(name, windows))
    return found


def _window(name: str, windows: list[Any]) -> float | None:
    x: list[float] = windows[0]
    if name == "ts_mean":
        return mean(x)
    if name == "ts_sum":
        return math.fsum(x)
    if name == "ts_std":
        return deviation(x)
    if name == "ts_min":
        return min(x)
    if name == "ts_max":
        return max(x)
    if name == "ts_rank":
        return (place(x[-1], x) - 1) / (len(x) - 1)
    if name == "ts_corr":
        y: list[float] = windows[1]
        spread_x, spread_y = deviation(x), deviation(y)
        if not spread_x or not spread_y:
            return None
        mean_x, mean_y = mean(x), mean(y)
        together = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / (len(x) - 1)
        return together / (spread_x * spread_y)
    raise ValueError(name)


def _ema(x: Series, n: int) -> Series:
    found: Series = []
    value: float | None = None
    for now in x:
        if now is None:
            found.append(None)
            continue
        value = now if value is None else value + 2 / (n + 1) * (now - value)
        found.append(value)
    return found


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
