"""Windows of a run's expressions that no stock of the universe fills: conditions that could never hold."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from shared.errors import Problem
from shared.language import Expression
from shared.language.ast import children
from shared.language.dependencies import own_lookback
from shared.language.evaluate import evaluate, evaluate_market
from shared.language.expression import describe
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.simulation.memo import Memo
from shared.simulation.plan import Expressions
from shared.simulation.universe import UniverseMask

_ROWS = 64
_filled: Memo[bool] = Memo(1024)
"""Whether a window has a value inside the universe on a row, by dataset version, window, universe and row."""


def unfilled_windows(
    expressions: Expressions,
    panels: Panels,
    universe: UniverseMask,
    first: int,
    decides: np.ndarray,
    *,
    every_row: tuple[str, ...],
) -> list[Problem]:
    """Return a problem for each window that no stock of the universe fills on any row that its expression reads.

    `decides` (bool [decision rows], the first being dataset row `first`) flags the rows before rebalance days; the
    expressions whose path begins with one of `every_row` read all decision rows.
    """
    problems = []
    for path, expression in expressions.named():
        rows = first + np.flatnonzero(np.ones_like(decides) if path.startswith(every_row) else decides)
        if not len(rows):
            continue
        used = _without_where(universe) if path.startswith("strategy.universe") else universe
        problems += [
            Problem(path=path, message=_message(window, panels, rows))
            for window in _windows(expression)
            if not _is_filled(window, panels, used, rows)
        ]
    return problems


def _without_where(universe: UniverseMask) -> UniverseMask:
    return replace(universe, rows=universe.before_where, key=universe.key_before_where)


@lru_cache(maxsize=256)
def _windows(expression: Expression) -> tuple[Expression, ...]:
    """Return the windows of an expression (functions over several rows), each as an expression, outermost first."""
    windows = []
    pending = [expression.node]
    while pending:
        node = pending.pop()
        if own_lookback(node):
            windows.append(describe(node, "number"))
        pending.extend(children(node))
    return tuple(windows)


def _is_filled(window: Expression, panels: Panels, universe: UniverseMask, rows: np.ndarray) -> bool:
    last = int(rows[-1])
    key = (panels.version, len(panels.days), window.text, universe.key, last)
    if _filled.get(key, lambda: _has_value(window, panels, universe, slice(last, last + 1), rows)):
        return True
    starts = range(int(rows[0]), last, _ROWS)
    return any(_has_value(window, panels, universe, slice(s, min(s + _ROWS, last)), rows) for s in reversed(starts))


def _has_value(window: Expression, panels: Panels, universe: UniverseMask, span: slice, rows: np.ndarray) -> bool:
    read = np.isin(np.arange(span.start, span.stop), rows)
    if window.market_wide:
        return not bool(np.isnan(evaluate_market(window, panels, span, universe.rows, universe.key)[read]).all())
    values = evaluate(window, panels, span, universe.rows, universe.key)
    return bool((~np.isnan(values) & universe.rows(span))[read].any())


def _message(window: Expression, panels: Panels, rows: np.ndarray) -> str:
    first, last = (iso(int(panels.days[row])) for row in (rows[0], rows[-1]))
    return (
        f"{window.text} needs {window.lookback + 1} rows of values and no stock of the universe has them on any row "
        f"from {first} to {last} that decides something: there are {int(rows[-1]) + 1} rows up to {last}; shorten the "
        "window or let the backtest begin later"
    )
