"""Expressions of a strategy with one number changed, or read one row later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.language import BY_NAME, Role, parse, render
from shared.language.ast import Call, Negate, Node, Not, Number, children

STEP = Decimal("0.1")
"""A step is this share of the number."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A number of a text, counted from 1, with its value one step lower or higher and the whole text with it."""

    number: int
    before: float
    value: float
    text: str


def step_of(value: float, *, whole: bool) -> float:
    """Return a tenth of the value; at least 1 and whole for whole numbers."""
    step = float(abs(Decimal(repr(value))) * STEP)
    return float(max(1, round(step))) if whole else step


def moved(value: float, step: float) -> float:
    """Return the sum of two decimal numbers, without the error of binary fractions."""
    return float(Decimal(repr(value)) + Decimal(repr(step)))


def neighbours(text: str) -> Iterator[Neighbour]:
    """Give the text with each of its numbers one step lower and one step higher; a number 0 has no step."""
    tree = parse(text, indices=None)
    for number, (before, whole) in enumerate(_numbers(tree, whole=False), start=1):
        if before == 0:
            continue
        step = step_of(before, whole=whole)
        for value in (moved(before, -step), moved(before, step)):
            if value >= (1 if whole else 0):
                yield Neighbour(
                    number=number, before=before, value=value, text=render(_with_number(tree, number, value)[0])
                )


def a_row_later(text: str | None, role: Role) -> str | None:
    """Return a text whose value on a row is that of `text` on the row before."""
    if text is None:
        return None
    return f"lag({text}, 1)" if role == "number" else f"lag(if({text}, 1, 0), 1) == 1"


def _is_window(node: Call, position: int) -> bool:
    return BY_NAME[node.function].parameters[position] == "n"


def _numbers(node: Node, *, whole: bool) -> Iterator[tuple[float, bool]]:
    if isinstance(node, Number):
        yield node.value, whole
        return
    for position, child in enumerate(children(node)):
        yield from _numbers(child, whole=isinstance(node, Call) and _is_window(node, position))


def _with_number(node: Node, number: int, value: float) -> tuple[Node, int]:
    """Return the tree whose `number`-th number is replaced, and how many numbers are left to count."""
    if isinstance(node, Number):
        return (Number(value) if number == 1 else node), number - 1
    below: list[Node] = []
    for child in children(node):
        changed, number = _with_number(child, number, value)
        below.append(changed)
    if not below:
        return node, number
    if isinstance(node, Negate | Not):
        return replace(node, operand=below[0]), number
    return replace(node, **{"arguments" if isinstance(node, Call) else "operands": tuple(below)}), number  # type: ignore[arg-type]
