"""What the strategy is compared with: a loaded index, or the request's own universe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shared.errors import Problem, RunError
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.simulation.memo import Kept
from shared.simulation.native import Market, Plane, universe_returns
from shared.simulation.warnings import ResultWarning, benchmark_ends_early, benchmark_starts_late

Series = np.ndarray


@dataclass(kw_only=True)
class Benchmark:
    """`returns` is float64 [rows of the window]; the first runs from the row before the window (0 without one)."""

    returns: Series
    warnings: list[ResultWarning] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Carried:
    """An index over all rows of a dataset, carried over rows that it lacks."""

    returns: Series
    latest: np.ndarray
    """The row of the last value up to each row, -1 before the first."""


_known: Kept[_Carried] = Kept(16)


def _carried(series: Series) -> _Carried:
    latest = np.maximum.accumulate(np.where(np.isnan(series), -1, np.arange(len(series))))
    values = np.where(latest >= 0, series[np.maximum(latest, 0)], np.nan)
    returns = np.zeros(len(series))
    returns[1:] = values[1:] / values[:-1] - 1
    returns[np.isnan(returns)] = 0.0
    returns.flags.writeable = False
    return _Carried(returns=returns, latest=latest)


def index_benchmark(name: str, panels: Panels, window: slice) -> Benchmark:
    """An index series, carried over rows that it lacks. Raises RunError when it has no value up to the window's end."""
    carried = _known.get((panels.version, name), lambda: _carried(panels.indices[name]))
    latest = int(carried.latest[window.stop - 1])
    if latest < 0:
        detail = f"the index {name} has no value up to {iso(int(panels.days[window.stop - 1]))}; use benchmark null"
        raise RunError("benchmark_absent", detail, (Problem(path="benchmark", message=detail),))
    found = Benchmark(returns=carried.returns[window])
    if carried.latest[max(window.start - 1, 0)] < 0:
        begin = iso(int(panels.days[carried.latest.searchsorted(0)]))
        found.warnings.append(benchmark_starts_late(name, begin))
    if latest < window.stop - 1:
        latest_day = iso(int(panels.days[latest]))
        found.warnings.append(benchmark_ends_early(name, latest_day))
    return found


def add_universe_returns(
    returns: Series, market: Market, universe: Plane, window: slice, rows: slice, *, weighted: bool
) -> None:
    """Fills the returns of window rows `rows`, whose universe plane covers the rows before them."""
    start = max(rows.start, 1)
    if start < rows.stop:
        found = universe_returns(market, universe, weighted=weighted, start=start, stop=rows.stop)
        returns[start - window.start : rows.stop - window.start] = found
