"""Conditions on numbers by name: constraints on parameters, and conditions on the statistics of variants.

The syntax is that of the strategy language (comparisons, `and`, `or`, `not`, arithmetic, and the functions below);
parameters are written `$name`, statistics by their names. A comparison with an absent value is false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from shared.errors import Problem, RequestError
from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number, walk
from shared.language.lexer import problem
from shared.language.names import KEYWORDS
from shared.language.parser import parse
from shared.messages import say
from shared.model.suggestions import nearest
from shared.research.sweeps.substitution import Replacement, original_problems, substituted

Columns = Mapping[str, np.ndarray]

_WORD = re.compile(r"\$?[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "<": np.less, "<=": np.less_equal,
    ">": np.greater, ">=": np.greater_equal, "==": np.equal, "!=": np.not_equal, "and": np.logical_and,
    "or": np.logical_or,
}  # fmt: skip
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": np.abs, "sqrt": np.sqrt, "log": np.log,
    "min": lambda *values: reduce(np.minimum, values), "max": lambda *values: reduce(np.maximum, values),
}  # fmt: skip
_ARGUMENTS = {"abs": (1, 1), "sqrt": (1, 1), "log": (1, 1), "min": (2, 20), "max": (2, 20)}


@dataclass(frozen=True)
class Formula:
    """A checked condition; `names` are the columns that it reads, as they are written."""

    text: str
    names: frozenset[str]
    _node: Node
    _words: Mapping[str, str]

    def holds(self, columns: Columns) -> np.ndarray:
        """Return bool [n]: where the condition holds; `columns` are float64 [n], NaN where absent."""
        shape = next(iter(columns.values())).shape
        with np.errstate(all="ignore"):
            found = _condition(self._node, {word: columns[name] for word, name in self._words.items()})
        return np.broadcast_to(found, shape)


def read_formula(text: str, names: frozenset[str], path: str) -> Formula:
    """Return the condition of a text; `names` may be read. Raises RequestError with every mistake and its place."""
    replacements: list[Replacement] = []
    problems: list[Problem] = []
    words: dict[str, str] = {}
    for found in _WORD.finditer(text):
        name = found[0]
        if name in names:
            word = words.setdefault(name, f"COLUMN_{len(words)}_")
            replacements.append(Replacement(found.start(), found.end(), word))
        elif name.lower() not in KEYWORDS and name.lower() not in _FUNCTIONS and not _is_exponent(text, found.start()):
            near = nearest(name, sorted(names))
            message = say("sweep_formula_name", name=name, suggestions=near)
            problems.append(problem(text, found.start(), message, path, near))
            replacements.append(Replacement(found.start(), found.end(), "COLUMN_0_"))
    try:
        node = parse(substituted(text, replacements), path, None, frozenset({*words.values(), "COLUMN_0_"}))
    except RequestError as error:
        raise RequestError([*problems, *original_problems(text, replacements, error.problems)]) from None
    if problems:
        raise RequestError(problems)
    wrong = _mistake(node, path)
    if wrong:
        raise RequestError(original_problems(text, replacements, wrong))
    return Formula(text, frozenset(words), node, {word: name for name, word in words.items()})


def _is_exponent(text: str, start: int) -> bool:
    """Return whether a word is the exponent of a number, as in `1e6`."""
    return start > 0 and (text[start - 1].isdigit() or text[start - 1] == ".") and text[start] in "eE"


def _is_condition(node: Node) -> bool:
    return isinstance(node, Comparison | Logic | Not)


def _mistake(root: Node, path: str) -> list[Problem]:
    """Return a problem for each place of the tree where a number stands for a condition or the other way."""

    def wrong(node: Node, code: str, **params: Any) -> Problem:
        return Problem(path=path, message=say(code, **params), line=1, column=node.at + 1)

    found: list[Problem] = [] if _is_condition(root) else [wrong(root, "sweep_formula_condition")]
    for node in walk(root):
        if isinstance(node, Call):
            least, most = _ARGUMENTS.get(node.function, (0, -1))
            if not least <= len(node.arguments) <= most:
                found.append(wrong(node, "sweep_formula_function", function=node.function, known=sorted(_ARGUMENTS)))
            found += [wrong(n, "sweep_formula_number") for n in node.arguments if _is_condition(n)]
        elif isinstance(node, Logic):
            found += [wrong(n, "sweep_formula_condition") for n in node.operands if not _is_condition(n)]
        elif isinstance(node, Not):
            found += [] if _is_condition(node.operand) else [wrong(node.operand, "sweep_formula_condition")]
        elif isinstance(node, Negate):
            found += [wrong(node.operand, "sweep_formula_number")] if _is_condition(node.operand) else []
        elif isinstance(node, Arithmetic | Comparison):
            found += [wrong(n, "sweep_formula_number") for n in node.operands if _is_condition(n)]
        elif isinstance(node, Name):
            found.append(wrong(node, "sweep_formula_name", name=node.name, suggestions=()))
    return found


def _number(node: Node, columns: Columns) -> Any:
    if isinstance(node, Number):
        return np.float64(node.value)
    if isinstance(node, Index):
        return columns[node.name]
    if isinstance(node, Negate):
        return -_number(node.operand, columns)
    if isinstance(node, Arithmetic):
        value = _number(node.operands[0], columns)
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            value = _OPERATORS[operator](value, _number(operand, columns))
        return value
    assert isinstance(node, Call)  # noqa: S101 - checked when it was read
    return _FUNCTIONS[node.function](*(_number(argument, columns) for argument in node.arguments))


def _condition(node: Node, columns: Columns) -> Any:
    if isinstance(node, Not):
        return ~_condition(node.operand, columns)
    if isinstance(node, Logic):
        return reduce(_OPERATORS[node.operator], (_condition(operand, columns) for operand in node.operands))
    assert isinstance(node, Comparison)  # noqa: S101 - checked when it was read
    sides = [_number(operand, columns) for operand in node.operands]
    held: Any = np.True_
    for operator, left, right in zip(node.operators, sides, sides[1:], strict=False):
        held = held & _OPERATORS[operator](left, right) & ~np.isnan(left) & ~np.isnan(right)
    return held
