"""The typed tree of the strategy language: its nodes, the limits on a tree, and walks over trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_BYTES = 8 * 1024
MAX_NODES = 400
MAX_DEPTH = 40

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True, slots=True)
class Number:
    """A finite, non-negative constant."""

    value: float
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A factor key in capitals, or a price field in small letters."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """A loaded index series, in capitals: the same value for all stocks."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Negate:
    """Unary minus."""

    operand: Node
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Negation of a condition."""

    operand: Node
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A left-associative run of `+ -` or of `* /`: `operands[0] operators[0] operands[1] …`.

    The first operand is never a run of the same rank (`(a - b) - c` is `a - b - c`).
    """

    operands: tuple[Node, ...]
    operators: tuple[str, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison or a chain of them: all neighbours hold."""

    operands: tuple[Node, ...]
    operators: tuple[str, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Logic:
    """`and` or `or` of two or more conditions; no operand is the same operator again."""

    operator: str
    operands: tuple[Node, ...]
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `shared.language.functions` with its arguments."""

    function: str
    arguments: tuple[Node, ...]
    at: int = field(default=0, compare=False, repr=False)


Node = Number | Name | Index | Negate | Not | Arithmetic | Comparison | Logic | Call


def arithmetic(operands: tuple[Node, ...], operators: tuple[str, ...], at: int = 0) -> Node:
    """Return a run of operators of one rank in normal form."""
    first = operands[0]
    if isinstance(first, Arithmetic) and (first.operators[0] in "+-") == (operators[0] in "+-"):
        return Arithmetic(first.operands + operands[1:], first.operators + operators, first.at)
    return Arithmetic(operands, operators, at)


def logic(operator: str, operands: tuple[Node, ...], at: int = 0) -> Node:
    """Return `and` or `or` in normal form: nested runs of the same operator become one."""
    flat: list[Node] = []
    for operand in operands:
        if isinstance(operand, Logic) and operand.operator == operator:
            flat.extend(operand.operands)
        else:
            flat.append(operand)
    return Logic(operator, tuple(flat), at)


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below a node, from left to right."""
    if isinstance(node, Number | Name | Index):
        return ()
    if isinstance(node, Negate | Not):
        return (node.operand,)
    if isinstance(node, Call):
        return node.arguments
    return node.operands


def walk(node: Node) -> Iterator[Node]:
    """Yield every node of a tree, a node before those below it, from left to right."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(children(current)))


def size(node: Node) -> int:
    """Return what a node itself counts in the limit: 1 for a name, number or call, 1 for each operator of a run."""
    return len(node.operands) - 1 if isinstance(node, Arithmetic | Comparison | Logic) else 1


def depth(node: Node) -> int:
    """Return the levels of a tree; a name or a number has one."""
    deepest = 0
    pending = [(node, 1)]
    while pending:
        current, level = pending.pop()
        deepest = max(deepest, level)
        pending.extend((child, level + 1) for child in children(current))
    return deepest
