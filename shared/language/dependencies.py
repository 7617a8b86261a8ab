"""Which rows an evaluation reads, and how much of what it reads is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shared.language import vm
from shared.language.ast import Call, Name, Node, children
from shared.language.compiler import is_held
from shared.language.expression import ALL_ROWS, Expression, is_cross_section, own_lookback
from shared.language.vm import Array
from shared.model.calendar import year_slices
from shared.model.fields import LANGUAGE_FIELDS
from shared.model.panels import Panels


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Rows of each panel field and factor, and of the universe, that making and reading every held node takes."""

    panels: dict[str, slice]
    universe: slice | None


def reads(expression: Expression, days: Array, rows: slice) -> Reads:
    """What `evaluate` on these rows reads when nothing has been made yet; days: int32 [D]."""
    starts = {year.start: year for year in year_slices(days).values()}
    bounds = np.array([*starts, len(days)])
    panels: dict[str, slice] = {}
    universe: slice | None = None
    pending: list[tuple[Node, int, int, bool]] = [(expression.node, rows.start, rows.stop, False)]
    while pending:
        node, start, stop, below_lag = pending.pop()
        if isinstance(node, Name):
            name = LANGUAGE_FIELDS.get(node.name, node.name)
            panels[name] = _joined(panels.get(name), start, stop)
            continue
        if is_held(node) or (below_lag and not (isinstance(node, Call) and node.function == "lag")):
            start = int(bounds[np.searchsorted(bounds, start, side="right") - 1])
            stop = int(bounds[np.searchsorted(bounds, stop, side="left")])
            if is_cross_section(node):
                universe = _joined(universe, start, stop)
        start = max(0, start - own_lookback(node))
        lagging = isinstance(node, Call) and node.function in ("lag", "delta", "pct_change")
        pending.extend((child, start, stop, lagging) for child in children(node))
    return Reads(panels=panels, universe=universe)


def presence(
    expression: Expression,
    panels: Panels,
    rows: slice,
    universe: Callable[[slice], Array],
    *,
    enough: float | None = None,
) -> dict[str, tuple[int, int]]:
    """For each factor of the expression: values present, and cells of the universe, over the rows that decisions read.

    Those rows are `rows` and the look-back of the factor before them. With `enough` (a fraction of the cells) counting
    stops at the end of the row that reaches it, so a share of at least `enough` comes out as that or a little more.
    Raises ChunkMissingError.
    """
    found: dict[str, tuple[int, int]] = {}
    members: dict[int, tuple[Array, int]] = {}
    for factor in sorted(expression.factors):
        reach = expression.reach[factor]
        start = 0 if reach >= ALL_ROWS else max(0, rows.start - reach)
        read = slice(start, rows.stop)
        if start not in members:
            inside = universe(read)
            members[start] = (inside, vm.member_count(inside))
        inside, cells = members[start]
        limit = cells + 1 if enough is None else max(1, int(np.ceil(cells * enough)))
        values = vm.present(panels.panel(factor, read), inside, limit) if cells else 0
        found[factor] = (values, cells)
    return found


def _joined(one: slice | None, start: int, stop: int) -> slice:
    return slice(start, stop) if one is None else slice(min(one.start, start), max(one.stop, stop))
