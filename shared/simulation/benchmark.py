"""What the strategy is compared with: a loaded index, or the request's own universe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shared.errors import Problem, RunError
from shared.model.calendar import iso
from shared.model.panel import Panels
from shared.simulation.kernel import Market, Plane, universe_returns

Series = np.ndarray


@dataclass(kw_only=True)
class Benchmark:
    """`returns` is float64 [rows of the window]; the first runs from the row before the window (0 without one)."""

    returns: Series
    warnings: list[str] = field(default_factory=list)


def index_benchmark(name: str, panels: Panels, window: slice) -> Benchmark:
    """An index series, carried over rows that it lacks. Raises RunError when it has no value up to the window's end."""
    series = panels.indices[name][: window.stop]
    there = np.flatnonzero(~np.isnan(series))
    if not len(there):
        detail = f"the index {name} has no value up to {iso(int(panels.days[window.stop - 1]))}; use benchmark null"
        raise RunError("benchmark_absent", detail, (Problem(path="benchmark", message=detail),))
    first = max(window.start - 1, 0)
    rows = np.arange(first, window.stop)
    latest = np.searchsorted(there, rows, side="right") - 1
    values = np.where(latest >= 0, series[there[np.maximum(latest, 0)]], np.nan)
    returns = np.zeros(window.stop - window.start)
    returns[len(returns) - len(values) + 1 :] = values[1:] / values[:-1] - 1
    returns[np.isnan(returns)] = 0.0
    found = Benchmark(returns=returns)
    if there[0] > first:
        found.warnings.append(f"the index {name} begins on {iso(int(panels.days[there[0]]))}; its return before is 0")
    if there[-1] < window.stop - 1:
        latest_day = iso(int(panels.days[there[-1]]))
        found.warnings.append(f"the index {name} has no value after {latest_day} in this window; its return is 0 there")
    return found


def add_universe_returns(
    returns: Series, market: Market, universe: Plane, window: slice, rows: slice, *, weighted: bool
) -> None:
    """Fills the returns of window rows `rows`, whose universe plane covers the rows before them."""
    start = max(rows.start, 1)
    if start < rows.stop:
        found = universe_returns(market, universe, weighted=weighted, start=start, stop=rows.stop)
        returns[start - window.start : rows.stop - window.start] = found
