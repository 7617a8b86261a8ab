"""Print a tree as canonical text: English words, one space around operators, only the parentheses that are needed."""

from __future__ import annotations

from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number
from shared.language.parser import ADD, AND, COMPARE, MULTIPLY, NEGATE, NOT, OR

_ATOM = 8


def render(node: Node) -> str:
    """Return the canonical text of a tree: `parse(render(node)) == node`, and equal trees have equal texts."""
    return _render(node)[0]


def number_text(value: float) -> str:
    """Return the shortest text that is read as the same number."""
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    return repr(value).replace("e+", "e")


def _inside(node: Node, least: int) -> str:
    text, rank = _render(node)
    return text if rank >= least else f"({text})"


def _run(operands: tuple[Node, ...], operators: tuple[str, ...], least: int) -> str:
    words = [_inside(operands[0], least)]
    for operator, operand in zip(operators, operands[1:], strict=True):
        words += [operator, _inside(operand, least)]
    return " ".join(words)


def _render(node: Node) -> tuple[str, int]:
    """Return text and rank (how tightly its outermost operator binds)."""
    if isinstance(node, Number):
        return number_text(node.value), _ATOM
    if isinstance(node, Name | Index):
        return node.name, _ATOM
    if isinstance(node, Call):
        return f"{node.function}({', '.join(render(argument) for argument in node.arguments)})", _ATOM
    if isinstance(node, Negate):
        return f"-{_inside(node.operand, NEGATE)}", NEGATE
    if isinstance(node, Not):
        return f"not {_inside(node.operand, NOT)}", NOT
    if isinstance(node, Arithmetic):
        rank = ADD if node.operators[0] in "+-" else MULTIPLY
        return _run(node.operands, node.operators, rank + 1), rank
    if isinstance(node, Comparison):
        return _run(node.operands, node.operators, ADD), COMPARE
    assert isinstance(node, Logic)  # noqa: S101 - the last kind of node
    rank = AND if node.operator == "and" else OR
    return _run(node.operands, (node.operator,) * (len(node.operands) - 1), rank + 1), rank
