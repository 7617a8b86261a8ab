"""Values of expressions over panels.

1. An expression is a program of the element-wise machine over planes: panel fields, and *materialized* nodes.
2. Materialized nodes (windows of more than one row, cross-sections, comparisons between these or with a name, and what
   `lag` reads when that is not a name) are computed for whole calendar years through `Panels.scratch`, under a name
   made of their canonical text and, when they depend on it, of the universe; so each is computed once for a dataset
   version, for every request and for whatever rows.
3. To compute a year of a materialized node, its arguments are evaluated over that year and the rows before it that its
   window needs, which may contain further nodes in turn. Each window is computed from its own rows alone: a value never
   depends on the requested rows.
4. Market-wide parts (index series, row aggregates, functions of these) are evaluated in the same way with a single
   column, and their materialized nodes are cached in this process.
5. `ema` has a second panel with its carry, computed year by year from the first row of the dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from shared.errors import CancelledRunError, DatasetError
from shared.language import vm
from shared.language.ast import Call, Index, Name, Node, Number
from shared.language.compiler import Class, Gives, Plane, program
from shared.language.dependencies import own_lookback, whole_number
from shared.language.expression import Expression
from shared.language.printer import render
from shared.language.scope import is_aggregate, is_cross_section, reads_universe
from shared.language.series import cached_series, index_rows
from shared.language.vm import Array
from shared.model.calendar import year_slices
from shared.model.fields import LANGUAGE_FIELDS
from shared.model.listings import row_attributes
from shared.model.panels import Panels

KERNEL_VERSION = 2
"""Part of every scratch name: raised whenever a kernel's bits change."""

Universe = Callable[[slice], Array]
Dtype = Literal["f8", "f4"]


def evaluate(
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None = None,
    universe_key: str = "",
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Array:
    """Return values on rows [start, stop): bool [rows, N] for a condition, float32 [rows, N] (never infinite) else.

    `universe` gives bool [rows, N] for any rows, `universe_key` names its content; both are needed by cross-section
    functions, which are NaN outside it, and by row aggregates. The result is not masked by it otherwise. A result that
    is a factor or a materialized node is a view of its panel: read-only, rows contiguous, row stride perhaps above N.
    `cancelled` is called before each year of a materialized node is computed. Raises ChunkMissingError,
    CancelledRunError.
    """
    return _evaluation(expression, panels, rows, universe, universe_key, cancelled).values(
        expression.text, _gives(expression), rows
    )


def evaluate_market(
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None = None,
    universe_key: str = "",
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Array:
    """Return one value a row of a market-wide expression: bool [rows] for a condition, float32 [rows] for a number.

    Arguments and errors are those of `evaluate`; ValueError for an expression that differs by stock.
    """
    if not expression.market_wide:
        raise ValueError(f"`{expression.text}` differs by stock")
    evaluation = _evaluation(expression, panels, rows, universe, universe_key, cancelled)
    values: Array = replace(evaluation, market=True).values(expression.text, _gives(expression), rows)[:, 0]
    return values


def formula(
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None = None,
    universe_key: str = "",
    *,
    cancelled: Callable[[], bool] | None = None,
) -> vm.Formula:
    """Return the same values as a bound program, for another kernel that computes a row or some cells at a time.

    Materialized nodes are computed now; arguments and errors are those of `evaluate`.
    """
    return _evaluation(expression, panels, rows, universe, universe_key, cancelled).formula(
        expression.text, _gives(expression), rows
    )


def plane_reader(
    panels: Panels,
    universe: Universe,
    universe_key: str,
    indices: frozenset[str],
    *,
    cancelled: Callable[[], bool] | None = None,
) -> Callable[[Plane, slice], tuple[Array, int]]:
    """Return a function that gives the rows of a plane of a program, and how many of them lie before the dataset.

    `indices` are those of the expression; the other arguments are those of `evaluate`.
    """
    return _Evaluation(panels, universe, universe_key, indices, cancelled).plane


def materialized_name(expression: Expression, universe_key: str) -> str | None:
    """Return a name of the values when they are a factor's own or those of a materialized node; else None."""
    code = program(expression.text, _gives(expression), expression.indices)
    if not code.plain or code.planes[0].shift:
        return None
    return f"{expression.text}\0{universe_key if code.planes[0].across else ''}"


def _gives(expression: Expression) -> Gives:
    return "number" if expression.role == "number" else "condition"


def _evaluation(  # noqa: PLR0917 - the arguments of `evaluate`
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None,
    universe_key: str,
    cancelled: Callable[[], bool] | None,
) -> _Evaluation:
    if expression.needs_universe and universe is None:
        raise ValueError("a cross-section function or row aggregate needs a universe")
    if not 0 <= rows.start <= rows.stop <= len(panels.days):
        raise ValueError(f"rows {rows.start}..{rows.stop} are not in the dataset")
    return _Evaluation(panels, universe, universe_key, expression.indices, cancelled)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """The context of one evaluation, over all stocks or (`market`) with one column; stores no values itself."""

    panels: Panels
    universe: Universe | None
    universe_key: str
    indices: frozenset[str]
    cancelled: Callable[[], bool] | None
    market: bool = False

    @property
    def columns(self) -> int:
        return 1 if self.market else len(self.panels.instruments)

    def values(self, text: str, gives: Gives, rows: slice) -> Array:
        """Return the values of a canonical text on rows of the dataset."""
        code = program(text, gives, self.indices, market=self.market)
        planes = [self.plane(plane, rows) for plane in code.planes]
        if code.plain and planes[0][1] == 0:
            return planes[0][0]
        return vm.run(code, planes, rows.stop - rows.start, self.columns)

    def formula(self, text: str, gives: Gives, rows: slice) -> vm.Formula:
        """Return the program of a canonical text, bound to rows of the dataset."""
        code = program(text, gives, self.indices)
        planes = [self.plane(plane, rows) for plane in code.planes]
        return vm.bind(code, planes, rows, self.columns)

    def plane(self, plane: Plane, rows: slice) -> tuple[Array, int]:
        """Return the rows of a plane, and how many of the requested rows lie before the dataset."""
        start, stop = rows.start - plane.shift, rows.stop - plane.shift
        read = slice(max(0, start), max(0, stop))
        absent = min(max(0, -start), rows.stop - rows.start)
        if read.stop <= read.start:
            columns = 1 if plane.series else len(self.panels.instruments)
            return np.empty((0, columns), vm.TYPES[plane.dtype]), absent
        if plane.field is not None:
            return self.panels.panel(plane.field, read), absent
        assert plane.node is not None  # noqa: S101 - a plane is a field or a node
        node, dtype = plane.node, plane.dtype
        if self.market and isinstance(node, Index):
            return index_rows(self.panels, node.name, read), absent
        if plane.series and not self.market:
            gives: Gives = "condition" if dtype == "u1" else "f8"
            return replace(self, market=True).values(plane.text, gives, read), absent
        name = self.name(plane.text, dtype, across=plane.across)
        return self.stored(name, dtype, read, lambda year: self.compute(node, dtype, year)), absent

    def stored(self, name: str, dtype: Class, rows: slice, compute: Callable[[slice], Array]) -> Array:
        """Return rows of a materialized node from where its years are stored, computing those that are missing."""
        if self.market:
            return cached_series(self.panels, name, rows, compute)
        return self.panels.scratch(name, vm.TYPES[dtype], rows, compute)

    def name(self, text: str, kind: str, *, across: bool) -> str:
        """Return the content name of a materialized node."""
        content = f"{KERNEL_VERSION}\0{kind}\0{text}\0{self.universe_key if across else ''}"
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()

    def compute(self, node: Node, dtype: Class, rows: slice) -> Array:
        """Compute rows (a calendar year) of a materialized node."""
        if self.cancelled is not None and self.cancelled():
            raise CancelledRunError("cancelled while evaluating")
        if dtype == "u1":
            return self.values(render(node), "truth", rows)
        return self.numbers(node, dtype, rows)

    def numbers(self, node: Node, dtype: Dtype, rows: slice) -> Array:
        """Compute rows of a materialized node that is a number."""
        if isinstance(node, Call) and is_aggregate(node):
            return self.aggregate(node, rows)
        if not isinstance(node, Call) or not (is_cross_section(node) or own_lookback(node)):
            return self.windowless(node, dtype, rows)
        if is_cross_section(node):
            return self.across(node, dtype, rows)
        if node.function == "ema":
            return self.ema(node, dtype, rows)
        if node.function in ("lag", "delta", "pct_change"):
            return self.values(render(node), dtype, rows)
        n = whole_number(node)
        have = min(n - 1, rows.start)
        reach = slice(rows.start - have, rows.stop)
        arguments = [self.argument(argument, reach) for argument in node.arguments[:-1]]
        return vm.window(node.function, arguments, have, n, dtype)

    def windowless(self, node: Node, dtype: Dtype, rows: slice) -> Array:
        """Compute an element-wise node, or a window of a single row, as a panel of its own."""
        if isinstance(node, Call) and node.function.startswith("ts_"):
            arguments = [self.argument(argument, rows) for argument in node.arguments[:-1]]
            return vm.window(node.function, arguments, 0, whole_number(node), dtype)
        return self.values(render(node), dtype, rows)

    def argument(self, node: Node, rows: slice) -> Array:
        """Return a window's argument: a factor as it is stored, anything else in float64."""
        if isinstance(node, Name) and node.name not in LANGUAGE_FIELDS:
            return self.panels.panel(node.name, rows)
        return self.values(render(node), "f8", rows)

    def across(self, node: Call, dtype: Dtype, rows: slice) -> Array:
        """Compute a cross-section over the universe of each row."""
        assert self.universe is not None  # noqa: S101 - checked before
        members = self.universe(rows)
        groups = self.sectors(rows) if node.function.startswith("sector_") else None
        text = render(node.arguments[0])
        if node.function.endswith("rank") or node.function == "rank_desc":
            return vm.rank(node.function, self.values(text, "f4", rows), members, groups, dtype)
        last = node.arguments[-1]
        p = last.value if node.function == "winsorize" and isinstance(last, Number) else 0.0
        order = self.panels.instruments.by_code
        values = self.values(text, "f8", rows)
        return vm.moments(node.function, values, members, order=order, groups=groups, p=p, dtype=dtype)

    def aggregate(self, node: Call, rows: slice) -> Array:
        """Compute float64 [rows, 1] of a row aggregate over the universe of each row."""
        assert self.universe is not None  # noqa: S101 - checked before
        members = self.universe(rows)
        stocks = replace(self, market=False)
        text = render(node.arguments[0])
        if node.function == "row_count":
            holds = stocks.values(text, "condition", rows)
            counts: Array = np.count_nonzero(holds & members, axis=1).astype(np.float64)[:, None]
            return counts
        order = self.panels.instruments.by_code
        return vm.aggregate(node.function, stocks.values(text, "f8", rows), members, order=order)

    def sectors(self, rows: slice) -> Array:
        """Return int16 [rows, N]: a number for the sector that each stock has on a row, -1 without one."""
        attributes = row_attributes(self.panels, rows)
        if len(attributes.sectors) > vm.MAX_GROUPS:
            raise DatasetError(
                f"the dataset has {len(attributes.sectors)} sectors; at most {vm.MAX_GROUPS} can be ranked"
            )
        return attributes.sector

    def ema(self, node: Call, dtype: Dtype, rows: slice) -> Array:
        """Compute an exponential mean: the carry of every year up to this one, absent where the argument is."""
        text, n = render(node.arguments[0]), whole_number(node)
        name = self.name(render(node), "carry", across=reads_universe(node))
        carry = np.full((1, self.columns), np.nan)
        for year in year_slices(self.panels.days[: rows.stop]).values():
            before = carry

            def compute(rows: slice, before: Array = before) -> Array:
                return vm.ema(self.values(text, "f8", rows), n, before[-1].copy())

            span = slice(year.start, min(year.stop, rows.stop))
            carry = self.stored(name, "f8", span, compute)
        present = self.values(text, "f8", rows)
        values = carry[len(carry) - (rows.stop - rows.start) :]
        return np.where(np.isnan(present), np.nan, values).astype(dtype)
