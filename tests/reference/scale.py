"""Which expressions the language admits: conditions and numbers apart, and the degree of every adjusted price."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.factors import KEYS
from tests.reference.parser import AGGREGATES, COMPARISONS, CROSS, FIELDS, Node, is_over_time

PRICES = {"open", "high", "low", "close"}
KEEP = {"lag", "delta", "ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ema"}
LOSE = {"pct_change", "ts_rank", "ts_corr"}
AGREE = {"min": 2, "max": 2, "clip": 3, "coalesce": 2}
CELL = {"if", "abs", "log", "sqrt", "sign", "is_null", "not_null"}
CONDITION = "condition"

Kind = int | str
"""The degree of a number, or CONDITION."""


class RefusedError(Exception):
    """The expression is not admitted."""


@dataclass(frozen=True)
class Scale:
    """The rules of degrees; `indices` are the loaded index series."""

    indices: frozenset[str] = frozenset()

    def number(self, node: Node) -> int:
        """Return the degree of what must be a number."""
        kind = self.kind_of(node)
        if isinstance(kind, str):
            raise RefusedError("a condition where a number is due")
        return kind

    def condition(self, node: Node) -> None:
        """Refuse a tree that is no condition."""
        if self.kind_of(node) != CONDITION:
            raise RefusedError("a number where a condition is due")

    def equal(self, *nodes: Node) -> int:
        """Return the one degree of several numbers."""
        degrees = {self.number(node) for node in nodes}
        if len(degrees) > 1:
            raise RefusedError("degrees differ")
        return degrees.pop()

    def none(self, node: Node) -> None:
        """Refuse a number whose degree is not 0."""
        if self.number(node) != 0:
            raise RefusedError("the level of an adjusted price does not cancel out")

    def kind_of(self, node: Node) -> Kind:
        """Return the degree of a tree or CONDITION; RefusedError where the language does not admit it."""
        head, parts = node[0], node[1:]
        if head == "number":
            return 0
        if head == "name":
            return self.degree_of_name(parts[0])
        if head in {"and", "or", "not"}:
            for part in parts:
                self.condition(part)
            return CONDITION
        if head in COMPARISONS:
            self.equal(*parts)
            return CONDITION
        if head == "negative":
            return self.number(parts[0])
        if head in {"+", "-"}:
            return self.equal(*parts)
        if head == "*":
            return self.number(parts[0]) + self.number(parts[1])
        if head == "/":
            return self.number(parts[0]) - self.number(parts[1])
        return self.kind_of_call(node)

    def degree_of_name(self, name: str) -> int:
        """Return the degree of a factor, price field or index series."""
        if name.upper() not in KEYS and name not in FIELDS and not self.is_index(name):
            raise RefusedError(f"unknown name {name}")
        return 1 if name in PRICES else -1 if name == "volume" else 0

    def is_index(self, name: str) -> bool:
        """Return whether a name is that of a loaded index and of nothing else."""
        if name.upper() in KEYS or name in FIELDS:
            return False
        return name in {index.lower() for index in self.indices}

    def kind_of_call(self, node: Node) -> Kind:
        """Return the degree of a function's value, or CONDITION."""
        name, arguments = node[1], node[2:]
        known = AGREE.keys() | KEEP | LOSE | CROSS | AGGREGATES | CELL
        if name not in known or len(arguments) != arity(name):
            raise RefusedError(f"{name} with {len(arguments)} arguments")
        if is_over_time(node):
            whole(arguments[-1], 2 if name == "ts_rank" else 1)
            degrees = [self.number(a) for a in arguments[:-1]]
            return degrees[0] if name in KEEP else 0
        if name == "if":
            self.condition(arguments[0])
            return self.equal(*arguments[1:])
        if name in AGREE:
            return self.equal(*arguments)
        if name in {"is_null", "not_null"}:
            self.number(arguments[0])
            return CONDITION
        if name == "row_count":
            self.condition(arguments[0])
            return 0
        if name == "winsorize" and (arguments[1][0] != "number" or not 0 <= arguments[1][1] <= 50):
            raise RefusedError("not a percentage")
        if name in CROSS | AGGREGATES | {"log", "sqrt"}:
            self.none(arguments[0])
            return 0
        degree = self.number(arguments[0])
        return degree if name == "abs" else 0

    def is_market_wide(self, node: Node) -> bool:
        """Return whether a tree has one value a row, the same for all stocks."""
        head = node[0]
        if head == "number":
            return True
        if head == "name":
            return self.is_index(node[1])
        if head == "call" and node[1] in AGGREGATES:
            return True
        if head == "call" and node[1] in CROSS:
            return False
        return all(self.is_market_wide(part) for part in node[1:] if isinstance(part, tuple))


def arity(name: str) -> int:
    """Return how many arguments a function has."""
    if name in {"if", "ts_corr", "clip"}:
        return 3
    if name in AGGREGATES | (CELL - {"if"}) | (CROSS - {"winsorize"}):
        return 1
    return 2


def whole(node: Node, least: int) -> None:
    """Refuse what is no whole number from `least` to 500."""
    if node[0] != "number" or node[1] != int(node[1]) or not least <= node[1] <= 500:
        raise RefusedError("not a window")
