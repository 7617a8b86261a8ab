"""Values of expressions over panels.

1. An expression is a program of the element-wise machine over planes: panel fields, and *held* nodes.
2. Held nodes (windows of more than one row, cross-sections, comparisons between these or with a name, and what `lag`
   reads when that is not a name) are made for whole calendar years through `Panels.scratch`, under a name made of their
   canonical text and, when they look across the row, of the universe; so each is computed once for a dataset version,
   whoever asks, and for whatever rows.
3. To make a year of a held node, its arguments are evaluated over that year and the rows behind it that its window
   needs, which may hold further nodes in turn. Each window is computed from its own rows alone: a value never depends
   on the rows asked for.
4. `ema` keeps a second panel with its carry, made year by year from the first row of the dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shared.errors import CancelledRunError, DatasetError
from shared.language import vm
from shared.language.ast import Call, Name, Node, Number
from shared.language.compiler import Class, Gives, Plane, looks_across, program
from shared.language.expression import Expression, is_cross_section, own_lookback, whole_number
from shared.language.printer import render
from shared.language.vm import Array
from shared.model.calendar import year_slices
from shared.model.fields import LANGUAGE_FIELDS
from shared.model.panels import Panels

KERNEL_VERSION = 1
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
    """Values on rows [start, stop): bool [rows, N] for a condition, float32 [rows, N] (never infinite) for a number.

    `universe` gives bool [rows, N] for any rows, `universe_key` names its content; both are needed by cross-section
    functions only, which are NaN outside it. The answer is not masked by it otherwise. An answer that is a factor or a
    held node is a view of its panel: read-only, rows contiguous, row stride perhaps above N. `cancelled` is asked
    before each year of a held node is made. Raises ChunkMissingError, CancelledRunError.
    """
    return _evaluation(expression, panels, rows, universe, universe_key, cancelled).values(
        expression.text, expression.role, rows
    )


def formula(
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None = None,
    universe_key: str = "",
    *,
    cancelled: Callable[[], bool] | None = None,
) -> vm.Formula:
    """The same values, to be computed when another kernel asks for a row or for some cells of one.

    What the expression holds is made now; arguments and errors are those of `evaluate`.
    """
    return _evaluation(expression, panels, rows, universe, universe_key, cancelled).formula(
        expression.text, expression.role, rows
    )


def held_name(expression: Expression, universe_key: str) -> str | None:
    """A name of the values when they are a factor's own, or a node's that is held; else None."""
    code = program(expression.text, expression.role)
    if not code.plain or code.planes[0].shift:
        return None
    return f"{expression.text}\0{universe_key if code.planes[0].across else ''}"


def _evaluation(  # noqa: PLR0917 - the arguments of `evaluate`
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Universe | None,
    universe_key: str,
    cancelled: Callable[[], bool] | None,
) -> _Evaluation:
    if expression.cross_section and universe is None:
        raise ValueError("a cross-section function needs a universe")
    if not 0 <= rows.start <= rows.stop <= len(panels.days):
        raise ValueError(f"rows {rows.start}..{rows.stop} are not in the dataset")
    return _Evaluation(panels, universe, universe_key, cancelled)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """One evaluation's surroundings; holds no values itself."""

    panels: Panels
    universe: Universe | None
    universe_key: str
    cancelled: Callable[[], bool] | None

    def values(self, text: str, gives: Gives, rows: slice) -> Array:
        """The answer of a canonical text on rows of the dataset."""
        code = program(text, gives)
        planes = [self.plane(plane, rows) for plane in code.planes]
        if code.plain and planes[0][1] == 0:
            return planes[0][0]
        return vm.run(code, planes, rows.stop - rows.start, len(self.panels.instruments))

    def formula(self, text: str, gives: Gives, rows: slice) -> vm.Formula:
        """The program of a canonical text, bound to rows of the dataset."""
        code = program(text, gives)
        planes = [self.plane(plane, rows) for plane in code.planes]
        return vm.bind(code, planes, rows, len(self.panels.instruments))

    def plane(self, plane: Plane, rows: slice) -> tuple[Array, int]:
        """The rows of a plane, and how many of the rows asked for lie before the dataset."""
        start, stop = rows.start - plane.shift, rows.stop - plane.shift
        read = slice(max(0, start), max(0, stop))
        absent = min(max(0, -start), rows.stop - rows.start)
        if read.stop <= read.start:
            return np.empty((0, len(self.panels.instruments)), vm.TYPES[plane.dtype]), absent
        if plane.field is not None:
            return self.panels.panel(plane.field, read), absent
        assert plane.node is not None  # noqa: S101 - a plane is a field or a node
        node, dtype = plane.node, plane.dtype
        name = self.name(plane.text, dtype, across=plane.across)
        return self.panels.scratch(name, vm.TYPES[dtype], read, lambda year: self.make(node, dtype, year)), absent

    def name(self, text: str, kind: str, *, across: bool) -> str:
        """The content name of a held node."""
        made_of = f"{KERNEL_VERSION}\0{kind}\0{text}\0{self.universe_key if across else ''}"
        return hashlib.blake2b(made_of.encode(), digest_size=16).hexdigest()

    def make(self, node: Node, dtype: Class, rows: slice) -> Array:
        """Computes rows (a calendar year) of a held node."""
        if self.cancelled is not None and self.cancelled():
            raise CancelledRunError("cancelled while evaluating")
        if dtype == "u1":
            return self.values(render(node), "truth", rows)
        return self.numbers(node, dtype, rows)

    def numbers(self, node: Node, dtype: Dtype, rows: slice) -> Array:
        """Computes rows of a held node that is a number."""
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
        """An element-wise node, or a window of a single row, as a panel of its own."""
        if isinstance(node, Call) and node.function.startswith("ts_"):
            arguments = [self.argument(argument, rows) for argument in node.arguments[:-1]]
            return vm.window(node.function, arguments, 0, whole_number(node), dtype)
        return self.values(render(node), dtype, rows)

    def argument(self, node: Node, rows: slice) -> Array:
        """A window's argument: a factor as it is stored, anything else in float64."""
        if isinstance(node, Name) and node.name not in LANGUAGE_FIELDS:
            return self.panels.panel(node.name, rows)
        return self.values(render(node), "f8", rows)

    def across(self, node: Call, dtype: Dtype, rows: slice) -> Array:
        """A cross-section over the universe of each row."""
        assert self.universe is not None  # noqa: S101 - evaluate saw to it
        members = self.universe(rows)
        groups = self.sectors() if node.function.startswith("sector_") else None
        text = render(node.arguments[0])
        if node.function.endswith("rank") or node.function == "rank_desc":
            return vm.rank(node.function, self.values(text, "f4", rows), members, groups, dtype)
        last = node.arguments[-1]
        p = last.value if node.function == "winsorize" and isinstance(last, Number) else 0.0
        order = self.panels.instruments.by_code
        values = self.values(text, "f8", rows)
        return vm.moments(node.function, values, members, order=order, groups=groups, p=p, dtype=dtype)

    def sectors(self) -> Array:
        """int32 [N]: a number for each sector, -1 without one."""
        names = self.panels.instruments.sector
        number = {name: i for i, name in enumerate(sorted({name for name in names if name is not None}))}
        if len(number) > vm.MAX_GROUPS:
            raise DatasetError(f"the dataset has {len(number)} sectors; at most {vm.MAX_GROUPS} can be ranked")
        return np.array([-1 if name is None else number[name] for name in names], np.int32)

    def ema(self, node: Call, dtype: Dtype, rows: slice) -> Array:
        """An exponential mean: the carry of every year up to this one, absent again where the argument is."""
        text, n = render(node.arguments[0]), whole_number(node)
        name = self.name(render(node), "carry", across=looks_across(node))
        carry = np.full((1, len(self.panels.instruments)), np.nan)
        for year in year_slices(self.panels.days[: rows.stop]).values():
            before = carry

            def make(rows: slice, before: Array = before) -> Array:
                return vm.ema(self.values(text, "f8", rows), n, before[-1].copy())

            span = slice(year.start, min(year.stop, rows.stop))
            carry = self.panels.scratch(name, np.dtype("f8"), span, make)
        present = self.values(text, "f8", rows)
        found = carry[len(carry) - (rows.stop - rows.start) :]
        return np.where(np.isnan(present), np.nan, found).astype(dtype)
