"""Check types and scale degrees of a tree: every mistake with its position, none that only follows from another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from shared.errors import Problem
from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number
from shared.language.functions import BY_NAME, DEGREES, MAX_N, Function
from shared.language.lexer import MAX_PROBLEMS, problem
from shared.language.names import known_keys, text_field, unknown
from shared.language.printer import render
from shared.language.scope import differing
from shared.messages import Message, say

Type = Literal["condition", "number"]
Role = Literal["condition", "number", "market"]
"""A condition or a number for each stock, or one condition for the whole market (`portfolio.when`)."""

Place = tuple[str, dict[str, str]]
"""Code of a mistake of scale, and its own parameters."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Type of a node, and for numbers the scale degree; None = unknown because of a mistake."""

    type: Type | None
    degree: int | None = 0


_CONDITION = Kind("condition")
_UNKNOWN_NUMBER = Kind("number", None)
_BROKEN = Kind(None, None)


class Checker:
    """Check one tree; `problems` collects the mistakes."""

    def __init__(self, text: str, path: str, factors: frozenset[str] | None, indices: frozenset[str]) -> None:
        self.text = text
        self.path = path
        self.factors = factors
        self.indices = indices
        self.names = known_keys(factors)
        self.problems: list[Problem] = []

    def mistake(self, node: Node, message: Message, suggestions: tuple[str, ...] = ()) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem(self.text, _start(node), message, self.path, suggestions))

    def unknown(self, node: Node, word: str, what: Literal["name", "function"]) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.mistake(node, *unknown(word, what, self.factors, self.indices))

    def root(self, node: Node, role: Role) -> None:
        """Check a whole expression in the role it has in the request."""
        kind = self.kind(node)
        if role == "market":
            self.market_wide(node)
        if kind.type is None:
            return
        if kind.type != ("number" if role == "number" else "condition"):
            if role != "number":
                self.mistake(node, say("condition_needed_here"))
            else:
                self.mistake(node, say("number_needed_here"))
        elif role == "number" and kind.degree:
            self.mistake(node, say("scaled_result", text=_short(node), degree=kind.degree))

    def market_wide(self, node: Node) -> None:
        """Note a mistake for each part that differs by stock."""
        for found in differing(node):
            if isinstance(found, Name) and found.name not in self.names:
                continue  # an unknown name is a mistake of its own
            shown = found.name if isinstance(found, Name) else _short(found)
            loaded = f"raw_{shown}" if shown in DEGREES else shown
            self.mistake(found, say("differs_by_stock", text=shown, loaded_name=loaded), (f"row_mean({loaded})",))

    def kind(self, node: Node) -> Kind:
        """Return type and degree of a node; mistakes are noted on the way."""
        if isinstance(node, Number | Index):
            return Kind("number")
        if isinstance(node, Name):
            if node.name not in self.names:
                self.unknown(node, node.name, "name")
                return _UNKNOWN_NUMBER if node.name.lower() not in BY_NAME else _BROKEN
            return Kind("number", DEGREES.get(node.name, 0))
        if isinstance(node, Negate):
            return self.number(node.operand)
        if isinstance(node, Not):
            self.condition(node.operand)
            return _CONDITION
        if isinstance(node, Logic):
            for operand in node.operands:
                self.condition(operand)
            return _CONDITION
        if isinstance(node, Comparison):
            for operand in node.operands:
                if isinstance(operand, Name) and operand.name not in self.names and text_field(operand.name):
                    self.unknown(operand, operand.name, "name")
                    return _CONDITION
            self.agree(node, node.operands, ("scales_of_comparison", {}), self.numbers(node.operands))
            return _CONDITION
        if isinstance(node, Arithmetic):
            return self.arithmetic(node)
        return self.call(node)

    def number(self, node: Node) -> Kind:
        kind = self.kind(node)
        if kind.type == "condition":
            self.mistake(node, say("number_needed", text=_short(node)))
            return _UNKNOWN_NUMBER
        return kind

    def numbers(self, nodes: tuple[Node, ...]) -> list[Kind]:
        return [self.number(node) for node in nodes]

    def condition(self, node: Node) -> None:
        if self.kind(node).type == "number":
            self.mistake(node, say("condition_needed", text=_short(node)))

    def agree(self, node: Node, operands: tuple[Node, ...], place: Place, kinds: list[Kind]) -> int | None:
        """Return the common degree of numbers; a mistake when they differ, None when one is unknown."""
        known = [
            (operand, kind.degree) for operand, kind in zip(operands, kinds, strict=True) if kind.degree is not None
        ]
        for (one, degree), (other, differs) in pairwise(known):
            if degree != differs:
                code, named = place
                sides = {"one": _short(one), "degree": degree, "other": _short(other), "other_degree": differs}
                self.mistake(node, say(code, **named, **sides))
                return None
        return known[0][1] if len(known) == len(kinds) else None

    def arithmetic(self, node: Arithmetic) -> Kind:
        kinds = self.numbers(node.operands)
        if node.operators[0] in "+-":
            place: Place = ("scales_of_sum", {"operator": node.operators[0]})
            return Kind("number", self.agree(node, node.operands, place, kinds))
        degree = kinds[0].degree
        for operator, kind in zip(node.operators, kinds[1:], strict=True):
            if degree is None or kind.degree is None:
                return _UNKNOWN_NUMBER
            degree += kind.degree if operator == "*" else -kind.degree
        return Kind("number", degree)

    def call(self, node: Call) -> Kind:
        function = BY_NAME.get(node.function)
        if function is None:
            self.unknown(node, node.function, "function")
            for argument in node.arguments:
                self.kind(argument)
            return _BROKEN
        result = _CONDITION if function.gives == "condition" else _UNKNOWN_NUMBER
        if len(node.arguments) != len(function.parameters):
            expected, count = len(function.parameters), len(node.arguments)
            self.mistake(node, say("argument_count", signature=function.signature, expected=expected, count=count))
            for argument in node.arguments:
                self.kind(argument)
            return result
        operands: list[Node] = []
        kinds: list[Kind] = []
        for parameter, argument in zip(function.parameters, node.arguments, strict=True):
            if parameter == "c":
                self.condition(argument)
            elif parameter in ("n", "p"):
                self.constant(function, parameter, argument)
            else:
                operands.append(argument)
                kinds.append(self.number(argument))
        if function.gives == "condition":
            return result
        if function.scale == "none":
            return Kind("number", 0)
        if function.scale == "keep":
            place: Place = ("scales_of_arguments", {"function": function.name})
            return Kind("number", self.agree(node, tuple(operands), place, kinds))
        for operand, kind in zip(operands, kinds, strict=True):
            if kind.degree:
                named = {"function": function.name, "text": _short(operand), "degree": kind.degree}
                self.mistake(operand, say("scaled_argument", **named))
        return Kind("number", 0)

    def constant(self, function: Function, parameter: str, node: Node) -> None:
        value = node.value if isinstance(node, Number) else None
        if parameter == "n":
            if value is None or value != int(value) or not function.least_n <= value <= MAX_N:
                bounds = {"minimum": function.least_n, "maximum": MAX_N}
                self.mistake(node, say("not_a_row_count", signature=function.signature, **bounds))
        elif value is None or value > 50:
            self.mistake(node, say("not_a_tail", signature=function.signature))


def _start(node: Node) -> int:
    """Return the offset of the leftmost character of a node's own text."""
    while isinstance(node, Arithmetic | Comparison | Logic):
        first = node.operands[0]
        if first.at > node.at:
            break
        node = first
    return node.at


def _short(node: Node) -> str:
    """Return a node's text, cut to the length that a message can show."""
    text = render(node)
    return text if len(text) <= 60 else text[:59] + "…"
