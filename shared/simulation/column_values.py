"""Values of columns on rows of a dataset, over the universe of a request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.language.columns import Column
from shared.language.evaluate import evaluate
from shared.model.panels import Panels
from shared.simulation.universe import UniverseMask


def column_values(column: Column, panels: Panels, rows: slice, universe: UniverseMask) -> np.ndarray:
    """Return [rows, N]: bool of a condition, float64 of a price field, float32 of any other number, NaN: absent."""
    if column.field is not None:
        return panels.panel(column.field, rows)
    return evaluate(column.expression, panels, rows, universe.rows, universe.key)


def columns_need(columns: Sequence[Column], rows: slice) -> dict[str, slice]:
    """Return panel field or factor -> the rows of it that the columns read."""
    first: dict[str, int] = {}
    for column in columns:
        expression = column.expression
        start = 0 if expression.whole_history else max(0, rows.start - expression.lookback)
        for name in expression.fields | expression.factors:
            first[name] = min(first.get(name, rows.start), start)
    return {name: slice(start, rows.stop) for name, start in first.items()}
