"""Distribution: the values of a factor over a universe on one row, as quantiles and bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.contracts import queries
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.plan import expressions_of
from shared.simulation.universe import universe_rows

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
BIN_QUANTILES = (0.01, 0.99)
"""Ends of the bins: a few extreme values would leave all others in one bin."""


def distribution(request: BacktestRequest, query: queries.Distribution, panels: Panels) -> dict[str, Any]:
    """Return the distribution of the factor `key` of the query on `row` of the dataset in `bins` bins."""
    rows = slice(query.row, query.row + 1)
    mask = universe_rows(request.strategy.universe, panels, expressions_of(request).universe).rows(rows)[0]
    cells = panels.panel(query.key, rows)[0][mask].astype(np.float64)
    values = np.sort(cells[~np.isnan(cells)])
    found = {
        "key": query.key, "unit": query.unit, "date": iso(int(panels.days[rows.start])),
        "universe": int(np.count_nonzero(mask)), "count": len(values),
        "mean": float(values.mean()) if len(values) else None,
        "deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
        "quantiles": {}, "bins": [], "below": 0, "above": 0,
    }  # fmt: skip
    if not len(values):
        return found
    points = np.quantile(values, QUANTILES).tolist()
    found["quantiles"] = {f"{q:g}": point for q, point in zip(QUANTILES, points, strict=True)}
    return found | _bins(values, query.bins)


def _bins(values: np.ndarray, count: int) -> dict[str, Any]:
    """Return bins of equal width over ascending values, and the numbers of values outside; one bin of equal values."""
    lower, upper = np.quantile(values, BIN_QUANTILES)
    edges = np.linspace(lower, upper, (count if upper > lower else 1) + 1)
    begins = np.searchsorted(values, edges[:-1], side="left")
    stop = np.searchsorted(values, edges[-1], side="right")
    counts = np.diff(np.append(begins, stop))
    bins = [
        {"lower": low, "upper": high, "count": number}
        for low, high, number in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    return {"bins": bins, "below": int(begins[0]), "above": int(len(values) - stop)}
