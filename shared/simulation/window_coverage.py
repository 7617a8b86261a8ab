"""Windows of a run's expressions that no stock of the universe fills: conditions that could never hold.

A window (`lag`, `delta`, `pct_change`, `ts_*`) is filled on a row when its arguments have a value on every row that it
reads. It is read on the rows of the decisions, or, inside another window, on the rows that the other one reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from shared.errors import Problem
from shared.language import BY_NAME, Expression
from shared.language.ast import Call, Node, Number, children
from shared.language.dependencies import whole_number
from shared.language.evaluate import evaluate
from shared.language.expression import describe
from shared.messages import Message, say
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.simulation.memo import Memo
from shared.simulation.plan import Expressions
from shared.simulation.universe import UniverseMask

_ROWS = 64
_filled: Memo[bool] = Memo(1024)
"""Whether a window has a value inside the universe on a row, by dataset version, window, universe and row."""

_all_filled: Memo[bool] = Memo(256)
"""Windows of expressions that were all filled in an earlier run, by everything that this depends on."""


@dataclass(frozen=True)
class _Window:
    """A window with its arguments and the rows before a row that it reads."""

    value: Expression
    arguments: tuple[Expression, ...]
    offsets: tuple[int, ...]


Around = tuple[tuple[int, ...], ...]
"""Offsets of the windows around a window, outermost first."""


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
    windows = tuple((path, expression.windows) for path, expression in expressions.with_windows)
    keys = (universe.key, universe.key_before_where)
    key = (panels.version, len(panels.days), keys, first, decides.tobytes(), windows)
    if not windows or _all_filled.contains(key):
        return []
    problems: list[Problem] = []
    for path, expression in expressions.with_windows:
        rows = first + np.flatnonzero(np.ones_like(decides) if path.startswith(every_row) else decides)
        if not len(rows):
            continue
        used = _without_where(universe) if path.startswith("strategy.universe") else universe
        problems += [
            Problem(path=path, message=_message(window.value, panels, rows))
            for window, around in _windows_of(expression.node, ())
            if not _is_filled(window, around, panels, used, rows)
        ]
    if not problems:
        _all_filled.get(key, lambda: True)
    return problems


def _without_where(universe: UniverseMask) -> UniverseMask:
    return replace(universe, rows=universe.before_where, key=universe.key_before_where)


def _windows_of(node: Node, around: Around) -> Iterator[tuple[_Window, Around]]:
    """Yield the windows of a tree, outermost first; `ema` is filled by its first value and none of them."""
    if isinstance(node, Call) and BY_NAME[node.function].family == "window" and node.function != "ema":
        window = _window(node)
        yield window, around
        around = (*around, window.offsets)
    for child in children(node):
        yield from _windows_of(child, around)


@lru_cache(maxsize=1024)
def _window(node: Call) -> _Window:
    n = whole_number(node)
    offsets = {"lag": (n,), "delta": (0, n), "pct_change": (0, n)}.get(node.function, tuple(range(n)))
    arguments = tuple(describe(part, "number") for part in node.arguments if not isinstance(part, Number))
    return _Window(describe(node, "number"), arguments, offsets)


def _rows_read(around: Around, rows: np.ndarray) -> np.ndarray:
    """Return the rows on which a window is read when its expression is read on `rows`, ascending."""
    for offsets in around:
        rows = np.unique(rows[:, None] - np.array(offsets))
        rows = rows[rows >= 0]
    return rows


def _is_filled(window: _Window, around: Around, panels: Panels, universe: UniverseMask, rows: np.ndarray) -> bool:
    """Return whether a window is filled on a row that it reads when its expression is read on `rows`."""
    last = int(rows[-1]) - sum(min(offsets) for offsets in around)
    if last < 0:
        return False

    def on_last_row() -> bool:
        span = slice(last, last + 1)
        values = evaluate(window.value, panels, span, universe.rows, universe.key)
        return bool((~np.isnan(values) & universe.rows(span)).any())

    if _filled.get((panels.version, len(panels.days), window.value.text, universe.key, last), on_last_row):
        return True
    read = _rows_read(around, rows)
    blocks = np.array_split(read, -(-len(read) // _ROWS))
    return any(_has_arguments(window, panels, universe, block) for block in reversed(blocks))


def _has_arguments(window: _Window, panels: Panels, universe: UniverseMask, rows: np.ndarray) -> bool:
    """Return whether the arguments of some stock have every value that the window needs on one of these rows."""
    rows = rows[rows >= max(window.offsets)]
    if not len(rows):
        return False
    span = slice(int(rows[0]) - max(window.offsets), int(rows[-1]) + 1)
    has = np.ones((span.stop - span.start, len(panels.instruments)), np.bool_)
    for argument in window.arguments:
        has &= ~np.isnan(evaluate(argument, panels, span, universe.rows, universe.key))
    filled = universe.rows(slice(int(rows[0]), int(rows[-1]) + 1))[rows - rows[0]]
    for offset in window.offsets:
        filled &= has[rows - offset - span.start]
    return bool(filled.any())


def _message(window: Expression, panels: Panels, rows: np.ndarray) -> Message:
    first, last = (iso(int(panels.days[row])) for row in (rows[0], rows[-1]))
    needed, available = window.lookback + 1, int(rows[-1]) + 1
    return say("window_never_filled", text=window.text, rows=needed, first=first, last=last, available=available)
