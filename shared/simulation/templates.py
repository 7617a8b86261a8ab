"""Expressions that differ in numbers only: parsed and compiled once for all of them.

`PER < 10 and ts_mean(close, 20) > 5000` has the numbers 10, 20 and 5000. A number below a window, a cross-section or a
row aggregate decides which planes are computed; so does every number of a market-wide part. The others are *free*:
planes, look-back, factors and every check are the same whatever they are. Texts that are equal but for their free
numbers share a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from shared.errors import RequestError
from shared.language import BY_NAME, Expression, compile_expression
from shared.language.ast import MAX_BYTES, Call, Comparison, Index, Logic, Node, Not, Number, children, walk
from shared.language.compiler import OPCODES, Gives, Plane, Program, is_materialized, program
from shared.language.parser import parse
from shared.language.printer import number_text, render
from shared.language.scope import is_aggregate, is_cross_section, is_series
from shared.language.typecheck import Role
from shared.simulation.memo import Memo

KINDS = ("<", "<=", "==", "!=", ">", ">=", "truth", "row_truth", "formula")
"""Kinds of parts of a condition, by the number that the kernel reads."""
BOTH, EITHER, NEITHER = -1, -2, -3
"""Operations of a condition in postfix; other numbers are those of its parts."""

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
"""The numbers that `canonical_text` may replace: all of them are finite, and read in one way."""
_MAX_CHARACTERS = MAX_BYTES // 8
"""Longer texts are compiled: with other numbers they might exceed the limit of an expression."""
_NUMBER = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?")
_FIRST_STAND_IN = 123_456_789.0625
_MIRRORED = {"<": ">", "<=": ">=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class Slots:
    """Constants of a program, and which of them stand for free numbers: (position of the constant, free number)."""

    values: np.ndarray = field(compare=False)
    places: tuple[tuple[int, int], ...]

    def filled(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        """Return the constants with these free numbers."""
        values = self.values.tolist()
        for place, number in self.places:
            values[place] = numbers[number]
        return tuple(values)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a condition that has no `and`, `or` or `not`: a comparison of a plane with a constant (the first six
    KINDS), a plane of truth, or a program."""

    kind: str
    program: Program
    slots: Slots
    factor: float = 1.0
    """The constant of a comparison is its first slot times this."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Parts, and how they are combined, in postfix: numbers of parts, BOTH, EITHER, NEITHER."""

    parts: tuple[Part, ...]
    code: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """Texts that differ in their free numbers only; two of them are equal when they are the same object.

    `expression` is one of these texts: only what does not depend on free numbers may be read of it. `node` has a number
    of its own in the place of each free one (`stand_ins`), so that no two are mistaken for the same constant.
    """

    expression: Expression
    node: Node
    stand_ins: tuple[float, ...]

    def compiled(self, gives: Gives, node: Node | None = None) -> tuple[Program, Slots]:
        """Return the program of the whole tree (or of a part of it), and its constants."""
        found = program(render(node or self.node), gives, self.expression.indices)
        places = tuple(
            (place, self.stand_ins.index(value))
            for place, value in enumerate(found.constants.tolist())
            if value in self.stand_ins
        )
        return found, Slots(found.constants, places)

    @cached_property
    def condition(self) -> Condition:
        """Return the tree of a condition as parts."""
        parts: list[Part] = []
        code: list[int] = []
        has_series = any(isinstance(node, Index) or is_aggregate(node) for node in walk(self.node))

        def add(node: Node) -> None:
            if isinstance(node, Not):
                add(node.operand)
                code.append(NEITHER)
            elif isinstance(node, Logic):
                add(node.operands[0])
                for operand in node.operands[1:]:
                    add(operand)
                    code.append(BOTH if node.operator == "and" else EITHER)
            elif (
                isinstance(node, Comparison)
                and len(node.operators) > 1
                and not is_materialized(node)
                and not (has_series and is_series(node))
            ):
                for i, operator in enumerate(node.operators):
                    add(Comparison(node.operands[i : i + 2], (operator,)))
                    if i:
                        code.append(BOTH)
            else:
                code.append(len(parts))
                parts.append(_part(*self.compiled("condition", node)))

        add(self.node)
        return Condition(tuple(parts), tuple(code))


def _part(program: Program, slots: Slots) -> Part:
    """Recognize a plane of truth and the comparison of a plane with a constant (perhaps negated)."""
    count = program.constants_count
    constant: dict[int, float] = {}
    loaded: dict[int, Plane] = {}
    for operation, to, *operands in program.code[:count].tolist():
        if count == 1 and OPCODES[operation].startswith("const") and operands[0] == 0:
            constant[to] = 1.0
    code = program.code[count:].tolist()
    for at, (operation, to, a, b, _) in enumerate(code):
        name, last = OPCODES[operation], at == len(code) - 1
        if name == "load":
            loaded[to] = program.planes[a]
            constant.pop(to, None)
            if last:
                return Part("row_truth" if loaded[to].series else "truth", program, slots)
        elif name in {"neg", "narrow"} and a in constant:
            constant[to] = constant[a] * (-1.0 if name == "neg" else 1.0)
            loaded.pop(to, None)
        elif last and name in _MIRRORED and a in loaded and b in constant and not loaded[a].series:
            return Part(name, program, slots, constant[b])
        elif last and name in _MIRRORED and a in constant and b in loaded and not loaded[b].series:
            return Part(_MIRRORED[name], program, slots, constant[a])
        else:
            break
    return Part("formula", program, slots)


_templates: Memo[Template] = Memo(256)
"""By role, the text between free numbers, and the other numbers."""
_free: Memo[tuple[bool, ...]] = Memo(256)
"""Which numbers are free, by role and the text between the numbers."""
_texts: Memo[tuple[Template, tuple[float, ...]]] = Memo(4096)
"""By role and text."""


_written: Memo[tuple[bool, ...] | None] = Memo(256)
"""Which numbers of a text as it was written are free, by role, index names and the text between the numbers."""
_canonical: Memo[tuple[str, ...] | None] = Memo(256)
"""The canonical text between free numbers; by the same, and the other numbers."""


def canonical_text(text: str, role: Role, path: str, indices: frozenset[str]) -> str:
    """Return the canonical text of an expression; raise RequestError with every mistake, as `compile_expression` does.

    Texts that differ in free numbers only are compiled once: a sweep over thresholds would spend a quarter of its time
    on compiling them.
    """

    def compiled() -> str:
        return compile_expression(text, role=role, path=path, indices=indices).text

    words = _NUMBER.findall(text)
    if not words or len(text) > _MAX_CHARACTERS or not all(map(_DECIMAL.fullmatch, words)):
        return compiled()
    written = (role, indices, *_NUMBER.split(text))
    free = _written.get(written, lambda: _free_as_written(compiled(), role, words))
    if free is None:
        return compiled()
    fixed = tuple(None if is_free else word for word, is_free in zip(words, free, strict=True))
    between = _canonical.get((*written, fixed), lambda: _between(compiled(), text, role, indices, free))
    if between is None:
        return compiled()
    numbers = [number_text(float(word)) for word, is_free in zip(words, free, strict=True) if is_free]
    return "".join(a + b for a, b in zip(between, [*numbers, ""], strict=True))


def _free_as_written(canonical: str, role: Role, words: Sequence[str]) -> tuple[bool, ...] | None:
    """Return which numbers are free; None when those of the canonical text are not the ones that were written."""
    if [number_text(float(word)) for word in words] != _NUMBER.findall(canonical):
        return None
    return _free_numbers(canonical, role, len(words))


def _between(
    canonical: str, text: str, role: Role, indices: frozenset[str], free: tuple[bool, ...]
) -> tuple[str, ...] | None:
    """Return the canonical text between free numbers; None when other numbers give another text, as units do."""
    stand_ins = tuple(_FIRST_STAND_IN + i for i in range(sum(free)))
    try:
        other = compile_expression(_substituted(text, free, stand_ins), role=role, path="", indices=indices).text
    except RequestError:
        return None
    if other != _substituted(canonical, free, stand_ins):
        return None
    found = [""]
    words = (*_NUMBER.findall(canonical), "")
    for piece, is_free, word in zip(_NUMBER.split(canonical), (*free, False), words, strict=True):
        found[-1] += piece
        if is_free:
            found.append("")
        else:
            found[-1] += word
    return tuple(found)


def template_of(text: str, role: Role) -> tuple[Template, tuple[float, ...]]:
    """Return the template of a canonical text, and its free numbers in the order of the text."""
    return _texts.get((role, text), lambda: _template_of(text, role))


def _template_of(text: str, role: Role) -> tuple[Template, tuple[float, ...]]:
    between, words = tuple(_NUMBER.split(text)), _NUMBER.findall(text)
    free = _free.get((role, between), lambda: _free_numbers(text, role, len(words)))
    fixed = tuple(None if is_free else word for word, is_free in zip(words, free, strict=True))
    template = _templates.get((role, between, fixed), lambda: _template(text, role, free))
    return template, tuple(float(word) for word, is_free in zip(words, free, strict=True) if is_free)


def _compiled(text: str, role: Role) -> Expression:
    return compile_expression(text, role=role, path="", indices=None)


def _free_numbers(text: str, role: Role, count: int) -> tuple[bool, ...]:
    node = _compiled(text, role).node
    has_series = any(isinstance(found, Index) or is_aggregate(found) for found in walk(node))

    def visit(node: Node, *, free: bool) -> Iterator[bool]:
        if isinstance(node, Number):
            yield free
            return
        if free and (
            (isinstance(node, Call) and BY_NAME[node.function].family == "window")
            or is_cross_section(node)
            or is_aggregate(node)
            or is_materialized(node)
            or (has_series and is_series(node))
        ):
            free = False
        for child in children(node):
            yield from visit(child, free=free)

    found = tuple(visit(node, free=role != "market"))
    if len(found) != count:
        raise AssertionError(f"`{text}` has {len(found)} numbers, not {count}")
    return found


def _template(text: str, role: Role, free: tuple[bool, ...]) -> Template:
    expression = _compiled(text, role)
    taken = {float(word) for word in _NUMBER.findall(text)}
    candidates = (_FIRST_STAND_IN + i for i in range(2 * len(free) + 1))
    stand_ins = tuple(value for value in candidates if value not in taken)[: sum(free)]
    node = parse(_substituted(text, free, stand_ins), indices=expression.indices)
    return Template(expression=expression, node=node, stand_ins=stand_ins)


def _substituted(text: str, free: Sequence[bool], numbers: Sequence[float]) -> str:
    following = iter(numbers)
    words = [
        number_text(next(following)) if is_free else word
        for word, is_free in zip(_NUMBER.findall(text), free, strict=True)
    ]
    return "".join(a + b for a, b in zip(_NUMBER.split(text), [*words, ""], strict=True))
