"""Compile a tree into a program of the element-wise virtual machine (`language_run` in language.c).

1. Names, windows and cross-sections become planes: arrays of whole rows, with `lag` as a shift of the rows read.
2. A market-wide part of an expression over stocks (index series, row aggregates, and functions of them) becomes one
   plane of a single column, which the machine repeats for all stocks. It is compiled by itself with `market`.
3. Everything else becomes instructions over registers of three classes: float64, float32 and truth. Arithmetic is
   float64; both sides of a comparison are rounded to float32, and what only a comparison reads is stored as float32.
4. Equal instructions are emitted once, and registers are reused after their last use.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number, walk
from shared.language.dependencies import whole_number
from shared.language.functions import BY_NAME
from shared.language.parser import parse
from shared.language.printer import render
from shared.language.scope import is_aggregate, is_cross_section, is_series, reads_universe
from shared.model.fields import LANGUAGE_FIELDS

Class = Literal["f8", "f4", "u1"]
Gives = Literal["condition", "truth", "number", "f8", "f4"]

OPCODES = (
    "load", "const8", "const4", "widen", "narrow", "+", "-", "*", "/", "neg", "abs", "log", "sqrt", "sign", "min",
    "max", "select", "coalesce", "settle", "null8", "null4", "<", "<=", "==", "!=", "and", "or", "not", "finite4",
)  # fmt: skip
"""In the order of the kernel."""

_CODE = {name: number for number, name in enumerate(OPCODES)}
_AGGREGATES = tuple(name for name, function in BY_NAME.items() if function.family == "aggregate")
EXACT_IN_FLOAT32 = ("rank", "rank_desc", "sector_rank")
"""Functions whose values (halves of whole numbers) lose nothing as float32."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One array that a program reads: a panel field or a node, `shift` rows earlier than the requested rows.

    A `series` has one column for all stocks: in a program over stocks a market-wide node, in a market program every
    plane.
    """

    text: str
    dtype: Class
    shift: int
    field: str | None
    node: Node | None = dataclass_field(compare=False)
    across: bool
    """A node whose values depend on the universe."""
    series: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Instructions int32 [n, 5], of which the first `constants_count` fill constants, and the planes they load."""

    code: npt.NDArray[np.int32]
    constants: npt.NDArray[np.float64]
    constants_count: int
    registers: int
    planes: tuple[Plane, ...]
    gives: Class
    plain: bool
    """The result is the first plane itself."""


@lru_cache(maxsize=512)
def program(text: str, gives: Gives, indices: frozenset[str] = frozenset(), *, market: bool = False) -> Program:
    """Return the program of a checked expression that reads these index series.

    `number` is float32 without infinities, `f4` the rounding that is ranked, `truth` a comparison computed from its
    sides, where `condition` may read it as a materialized node. `market`: one column, for a market-wide expression.
    """
    node = parse(text, indices=indices)
    has_series = bool(indices) or (
        any(name in text for name in _AGGREGATES) and any(isinstance(n, Index) or is_aggregate(n) for n in walk(node))
    )
    builder = _Builder(market=market, has_series=has_series)
    if gives == "condition":
        return builder.finish(builder.condition(node))
    if gives == "truth" and isinstance(node, Comparison):
        return builder.finish(builder.comparison(node))
    if gives == "f8":
        return builder.finish(builder.wide(node))
    value = builder.narrow(node)
    if gives == "number" and not _never_infinite(node):
        value = builder.emit("finite4", "f4", value)
    return builder.finish(value)


def is_materialized(node: Node) -> bool:
    """Return whether a node's values are computed once for a whole calendar year and stored.

    Windows over more than one row, cross-sections, row aggregates, and comparisons of one stock's windows and
    cross-sections with each other or with a name: without a constant they are the same for many requests, and their
    truth is an eighth of what they read.
    """
    if isinstance(node, Comparison):
        sides = [shifted(operand)[0] for operand in node.operands]
        return any(map(is_materialized, sides)) and all(
            isinstance(side, Name) or (is_materialized(side) and not is_series(side)) for side in sides
        )
    if not isinstance(node, Call):
        return False
    return (
        is_cross_section(node)
        or is_aggregate(node)
        or (BY_NAME[node.function].family == "window" and node.function not in ("lag", "delta", "pct_change"))
    )


def shifted(node: Node) -> tuple[Node, int]:
    """Return what to read, and how many rows back, for a node below `lag`, `delta` or `pct_change`."""
    shift = 0
    while isinstance(node, Call) and node.function == "lag":
        shift += whole_number(node)
        node = node.arguments[0]
    return node, shift


def _never_infinite(node: Node) -> bool:
    if isinstance(node, Name):
        return node.name not in LANGUAGE_FIELDS
    return isinstance(node, Call) and node.function in (*EXACT_IN_FLOAT32, "pct_rank")


class _Builder:
    """Emit instructions in static single assignment; `finish` assigns registers."""

    def __init__(self, *, market: bool, has_series: bool) -> None:
        self.market = market
        self.splits = has_series and not market
        self.instructions: list[tuple[str, tuple[int, ...]]] = []
        self.classes: list[Class] = []
        self.known: dict[tuple[str, tuple[int, ...]], int] = {}
        self.constants: list[float] = []
        self.planes: dict[Plane, int] = {}

    def emit(self, operation: str, gives: Class, *operands: int) -> int:
        """Return the value of an instruction, the same one for the same instruction."""
        instruction = (operation, operands)
        if instruction not in self.known:
            self.known[instruction] = len(self.instructions)
            self.instructions.append(instruction)
            self.classes.append(gives)
        return self.known[instruction]

    def constant(self, value: float, gives: Literal["f8", "f4"]) -> int:
        if value not in self.constants:
            self.constants.append(value)
        return self.emit("const8" if gives == "f8" else "const4", gives, self.constants.index(value))

    def plane(self, node: Node, shift: int, wanted: Literal["f8", "f4"]) -> int:
        """Load a name, a materialized node, or (below `lag`) any node as one."""
        if self.market:
            plane = Plane(render(node), "f8", shift, None, node, across=reads_universe(node), series=True)
        elif isinstance(node, Name):
            field = LANGUAGE_FIELDS.get(node.name)
            plane = Plane(node.name, "f8" if field else "f4", shift, field or node.name, None, across=False)
        else:
            exact = isinstance(node, Call) and node.function in EXACT_IN_FLOAT32
            plane = Plane(render(node), "f4" if exact else wanted, shift, None, node, across=reads_universe(node))
        value = self.load(plane)
        if plane.dtype == wanted:
            return value
        return self.emit("widen", "f8", value) if wanted == "f8" else self.emit("narrow", "f4", value)

    def series(self, node: Node, dtype: Literal["f8", "u1"]) -> int:
        """Load a market-wide node, which is one column, for all stocks."""
        return self.load(Plane(render(node), dtype, 0, None, node, across=reads_universe(node), series=True))

    def is_leaf(self, node: Node) -> bool:
        return isinstance(node, Name | Index) or is_materialized(node)

    def load(self, plane: Plane) -> int:
        return self.emit("load", plane.dtype, self.planes.setdefault(plane, len(self.planes)))

    def wide(self, node: Node) -> int:
        """Emit a number as float64."""
        if isinstance(node, Number):
            return self.constant(node.value, "f8")
        if self.splits and is_series(node):
            return self.series(node, "f8")
        if self.is_leaf(node):
            return self.plane(node, 0, "f8")
        if isinstance(node, Negate):
            return self.emit("neg", "f8", self.wide(node.operand))
        if isinstance(node, Arithmetic):
            value = self.wide(node.operands[0])
            for operator, operand in zip(node.operators, node.operands[1:], strict=True):
                value = self.emit(operator, "f8", value, self.wide(operand))
            return value
        assert isinstance(node, Call)  # noqa: S101 - checked before
        return self.call(node)

    def call(self, node: Call) -> int:
        arguments = node.arguments
        if node.function == "lag":
            return self.plane(*shifted(node), "f8")
        if node.function in ("delta", "pct_change"):
            source, shift = shifted(arguments[0])
            now = self.plane(source, shift, "f8")
            before = self.plane(source, shift + whole_number(node), "f8")
            if isinstance(source, Name) and source.name in LANGUAGE_FIELDS:  # noise is no change
                now = self.emit("settle", "f8", now, before)
            if node.function == "delta":
                return self.emit("-", "f8", now, before)
            ratio = self.emit("/", "f8", now, before)
            change = self.emit("-", "f8", ratio, self.constant(1.0, "f8"))
            return self.emit("*", "f8", change, self.constant(100.0, "f8"))
        if node.function == "if":
            return self.emit("select", "f8", self.condition(arguments[0]), *map(self.wide, arguments[1:]))
        values = [self.wide(argument) for argument in arguments]
        if node.function == "clip":
            return self.emit("min", "f8", self.emit("max", "f8", values[0], values[1]), values[2])
        return self.emit(node.function, "f8", *values)

    def narrow(self, node: Node) -> int:
        """Emit a number rounded to float32."""
        if isinstance(node, Number):
            return self.constant(node.value, "f4")
        if self.splits and is_series(node):
            return self.emit("narrow", "f4", self.series(node, "f8"))
        if self.is_leaf(node):
            return self.plane(node, 0, "f4")
        if isinstance(node, Call) and node.function == "lag":
            return self.plane(*shifted(node), "f4")
        return self.emit("narrow", "f4", self.wide(node))

    def condition(self, node: Node) -> int:
        """Emit a condition as truth."""
        if self.splits and is_series(node):
            return self.series(node, "u1")
        if isinstance(node, Not):
            return self.emit("not", "u1", self.condition(node.operand))
        if isinstance(node, Logic):
            value = self.condition(node.operands[0])
            for operand in node.operands[1:]:
                value = self.emit(node.operator, "u1", value, self.condition(operand))
            return value
        if isinstance(node, Comparison):
            if not self.market and is_materialized(node):
                return self.load(Plane(render(node), "u1", 0, None, node, across=reads_universe(node)))
            return self.comparison(node)
        assert isinstance(node, Call)  # noqa: S101 - checked before
        source = node.arguments[0]
        if isinstance(source, Name) and source.name not in LANGUAGE_FIELDS:
            absent = self.emit("null4", "u1", self.narrow(source))
        else:
            absent = self.emit("null8", "u1", self.wide(source))
        return absent if node.function == "is_null" else self.emit("not", "u1", absent)

    def comparison(self, node: Comparison) -> int:
        """Emit the comparisons of all neighbours of a chain, each side rounded once."""
        sides = [self.narrow(operand) for operand in node.operands]
        value = self.compare(node.operators[0], sides[0], sides[1])
        for i, operator in enumerate(node.operators[1:], 1):
            value = self.emit("and", "u1", value, self.compare(operator, sides[i], sides[i + 1]))
        return value

    def compare(self, operator: str, left: int, right: int) -> int:
        if operator in (">", ">="):
            operator, left, right = operator.replace(">", "<"), right, left
        return self.emit(operator, "u1", left, right)

    def finish(self, answer: int) -> Program:
        """Assign registers by last use; a target is chosen before its operands are freed, so none is overwritten."""
        if self.instructions[answer][0] == "const8":  # constants are filled before the machine starts
            answer = self.emit("abs", "f8", answer)
        elif self.instructions[answer][0] == "const4":
            answer = self.emit("finite4", "f4", answer)
        read_last: dict[int, int] = {}
        for at, (operation, operands) in enumerate(self.instructions[: answer + 1]):
            if operation not in ("load", "const8", "const4"):
                read_last.update(dict.fromkeys(operands, at))
        constants: list[tuple[int, ...]] = []
        rest: list[tuple[int, ...]] = []
        register: dict[int, int] = {}
        free: list[int] = []
        used = 0
        for at, (operation, operands) in enumerate(self.instructions[: answer + 1]):
            is_constant = operation in ("const8", "const4")
            if free and not is_constant and at != answer:
                register[at] = free.pop()
            else:
                register[at] = used
                used += 1
            source = operands if is_constant or operation == "load" else tuple(register[o] for o in operands)
            line = (_CODE[operation], register[at], *source, *(0,) * (3 - len(source)))
            (constants if is_constant else rest).append(line)
            if operation != "load" and not is_constant:
                done = (o for o in sorted(set(operands)) if read_last[o] == at)
                free.extend(register[o] for o in done if self.instructions[o][0] not in ("const8", "const4"))
        return Program(
            code=np.array(constants + rest, np.int32),
            constants=np.array(self.constants or [0.0]),
            constants_count=len(constants),
            registers=used,
            planes=tuple(self.planes),
            gives=self.classes[answer],
            plain=len(rest) == 1
            and rest[0][0] == _CODE["load"]
            and (self.market or not next(iter(self.planes)).series),
        )
