"""Values of a condition on one row: which parts a stock fulfilled, with the numbers that they compared."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from shared.language import Expression, parts, render
from shared.language.ast import Comparison, Logic, Node, Not, Number
from shared.language.evaluate import evaluate
from shared.language.expression import describe
from shared.model.panels import Panels
from shared.simulation.memo import Memo
from shared.simulation.plan import Expressions
from shared.simulation.universe import UniverseMask


@dataclass(frozen=True, kw_only=True)
class ConditionPart:
    """A part of a condition for one stock on one row.

    `values` are the numbers that it compares, by their text (an adjusted price is on the share basis of the stock's
    first row). `operator` (`and`, `or`) and `operands` are set for a part that combines others.
    """

    condition: str
    passed: bool
    values: dict[str, float | None]
    operator: str | None = None
    operands: tuple[ConditionPart, ...] = ()


def number(value: Any) -> float | None:
    """Return a float; None for NaN."""
    return None if math.isnan(value) else float(value)


@dataclass(frozen=True, eq=False)
class RowValues:
    """Values of expressions for all stocks on one dataset row, computed when they are first needed."""

    panels: Panels
    universe: UniverseMask
    row: int
    _computed: dict[str, np.ndarray] = field(default_factory=dict)

    def of(self, expression: Expression, *, before_where: bool = False) -> np.ndarray:
        """Return [N] values; `before_where` evaluates over the universe without its own condition."""
        key = f"{before_where}:{expression.role}:{expression.text}"
        if key not in self._computed:
            mask, name = self.universe.rows, self.universe.key
            if before_where:
                mask, name = self.universe.before_where, self.universe.key_before_where
            self._computed[key] = evaluate(expression, self.panels, self.rows, mask, name)[0]
        return self._computed[key]

    @property
    def rows(self) -> slice:
        """The row as a slice."""
        return slice(self.row, self.row + 1)

    def parts(self, condition: Expression | None, column: int, *, before_where: bool = False) -> list[ConditionPart]:
        """Return the operands of the condition's outermost `and` for one stock; empty without a condition."""
        if condition is None:
            return []
        return [self._part(part, column, before_where) for part in parts(condition)]

    def _part(self, part: Expression, column: int, before_where: bool) -> ConditionPart:
        node = part.node
        operands: tuple[ConditionPart, ...] = ()
        if isinstance(node, Logic):
            operands = tuple(self._part(describe(n, "condition"), column, before_where) for n in node.operands)
        return ConditionPart(
            condition=part.text,
            passed=bool(self.of(part, before_where=before_where)[column]),
            values={
                term.text: number(self.of(term, before_where=before_where)[column]) for term in compared_numbers(part)
            },
            operator=node.operator if isinstance(node, Logic) else None,
            operands=operands,
        )


def compared_numbers(condition: Expression) -> list[Expression]:
    """Return the numbers that a condition compares, constants left out."""
    return [describe(term, "number") for term in {render(term): term for term in _terms(condition.node)}.values()]


def _terms(node: Node) -> Iterator[Node]:
    pending = [node]
    while pending:
        found = pending.pop()
        if isinstance(found, Logic):
            pending.extend(reversed(found.operands))
        elif isinstance(found, Not):
            pending.append(found.operand)
        elif isinstance(found, Comparison):
            yield from (side for side in found.operands if not isinstance(side, Number))
        else:
            yield from (argument for argument in getattr(found, "arguments", ()) if not isinstance(argument, Number))


@dataclass(frozen=True, eq=False)
class RowRanking:
    """The ranking on one decision row: who is eligible, and in which order."""

    values: RowValues
    expressions: Expressions
    descending: bool

    @cached_property
    def inside(self) -> np.ndarray:
        """The universe, bool [N]."""
        found: np.ndarray = self.values.universe.rows(self.values.rows)[0]
        return found

    @cached_property
    def fulfils(self) -> np.ndarray:
        """Whether `buy.where` is true, bool [N]."""
        buy = self.expressions.buy
        return np.ones(len(self.inside), np.bool_) if buy is None else self.values.of(buy)

    @cached_property
    def rank_by(self) -> np.ndarray:
        """Values of `rank_by`, float32 [N]."""
        return self.values.of(self.expressions.rank_by)

    @cached_property
    def order(self) -> list[int]:
        """Columns of the candidates, best first; equals by stock code."""
        columns = np.flatnonzero(self.inside & self.fulfils & ~np.isnan(self.rank_by))
        key = self.rank_by[columns].astype(np.float64) * (-1 if self.descending else 1)
        codes = self.values.panels.instruments.code_rank[columns]
        ordered: list[int] = columns[np.lexsort((codes, key))].tolist()
        return ordered

    @cached_property
    def rank(self) -> dict[int, int]:
        """Column -> rank from 1."""
        return {column: position for position, column in enumerate(self.order, 1)}


class Rankings:
    """The rankings of decision rows of one run; the last ones are kept."""

    def __init__(self, panels: Panels, universe: UniverseMask, expressions: Expressions, *, descending: bool) -> None:
        self._panels, self._universe, self._expressions = panels, universe, expressions
        self._descending = descending
        self._known: Memo[RowRanking] = Memo(64)

    def on(self, row: int) -> RowRanking:
        """Return the ranking on a dataset row."""
        return self._known.get(
            row,
            lambda: RowRanking(RowValues(self._panels, self._universe, row), self._expressions, self._descending),
        )
