"""Which expressions the language admits: conditions and numbers apart, and the degree of every adjusted price."""

from __future__ import annotations

from tests.reference.factors import KEYS
from tests.reference.parser import COMPARISONS, CROSS, FIELDS, Node

PRICES = {"open", "high", "low", "close"}
KEEP = {"lag", "delta", "ts_mean", "ts_std", "ts_sum", "ts_min", "ts_max", "ema"}
LOSE = {"pct_change", "ts_rank", "ts_corr"}
AGREE = {"min": 2, "max": 2, "clip": 3, "coalesce": 2}
CONDITION = "condition"

Kind = int | str
"""The degree of a number, or CONDITION."""


class RefusedError(Exception):
    """The expression is not admitted."""


def number(node: Node) -> int:
    """The degree of what must be a number."""
    kind = kind_of(node)
    if isinstance(kind, str):
        raise RefusedError("a condition where a number is due")
    return kind


def condition(node: Node) -> None:
    """Sees that a tree is a condition."""
    if kind_of(node) != CONDITION:
        raise RefusedError("a number where a condition is due")


def equal(*nodes: Node) -> int:
    """The one degree of several numbers."""
    degrees = {number(node) for node in nodes}
    if len(degrees) > 1:
        raise RefusedError("degrees differ")
    return degrees.pop()


def none(node: Node) -> None:
    """Sees that a number has degree 0."""
    if number(node) != 0:
        raise RefusedError("the level of an adjusted price does not cancel out")


def whole(node: Node, least: int) -> None:
    """Sees that a window is a whole number from `least` to 500."""
    if node[0] != "number" or node[1] != int(node[1]) or not least <= node[1] <= 500:
        raise RefusedError("not a window")


def kind_of(node: Node) -> Kind:
    """Degree or CONDITION of a tree; RefusedError where the language does not admit it."""
    head, parts = node[0], node[1:]
    if head == "number":
        return 0
    if head == "name":
        return degree_of_name(parts[0])
    if head in {"and", "or", "not"}:
        for part in parts:
            condition(part)
        return CONDITION
    if head in COMPARISONS:
        equal(*parts)
        return CONDITION
    if head == "negative":
        return number(parts[0])
    if head in {"+", "-"}:
        return equal(*parts)
    if head == "*":
        return number(parts[0]) + number(parts[1])
    if head == "/":
        return number(parts[0]) - number(parts[1])
    return kind_of_call(parts[0], parts[1:])


def degree_of_name(name: str) -> int:
    """Degree of a factor or price field."""
    if name.upper() not in KEYS and name not in FIELDS:
        raise RefusedError(f"unknown name {name}")
    return 1 if name in PRICES else -1 if name == "volume" else 0


def kind_of_call(name: str, arguments: tuple[Node, ...]) -> Kind:
    """Degree or CONDITION of a function's value."""
    due = 3 if name in {"if", "ts_corr", "clip"} else 2
    if name in {"abs", "log", "sqrt", "sign", "is_null", "not_null"} | CROSS - {"winsorize"}:
        due = 1
    known = AGREE.keys() | KEEP | LOSE | CROSS | {"if", "abs", "log", "sqrt", "sign", "is_null", "not_null"}
    if name not in known or len(arguments) != due:
        raise RefusedError(f"{name} with {len(arguments)} arguments")
    if name in KEEP | LOSE:
        whole(arguments[-1], 2 if name == "ts_rank" else 1)
        degrees = [number(a) for a in arguments[:-1]]
        return degrees[0] if name in KEEP else 0
    if name == "if":
        condition(arguments[0])
        return equal(*arguments[1:])
    if name in AGREE:
        return equal(*arguments)
    if name in {"is_null", "not_null"}:
        number(arguments[0])
        return CONDITION
    if name == "winsorize" and (arguments[1][0] != "number" or not 0 <= arguments[1][1] <= 50):
        raise RefusedError("not a percentage")
    if name in CROSS | {"log", "sqrt"}:
        none(arguments[0])
        return 0
    degree = number(arguments[0])
    return degree if name == "abs" else 0
