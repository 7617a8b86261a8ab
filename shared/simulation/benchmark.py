"""Benchmark of a run: a loaded index, or the request's own universe."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shared.errors import Problem, RunError
from shared.messages import say
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.simulation.memo import Memo
from shared.simulation.panel_scans import universe_returns
from shared.simulation.structures import Market, MatrixView
from shared.simulation.warnings import ResultWarning, benchmark_ends_early, benchmark_starts_late

Series = np.ndarray


@dataclass(kw_only=True)
class Benchmark:
    """`returns` is float64 [rows of the window]; the first runs from the row before the window (0 without one)."""

    returns: Series
    warnings: list[ResultWarning] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Carried:
    """An index over all rows of a dataset, carried over rows without a value; NaN before its first value."""

    values: Series
    returns: Series
    latest: np.ndarray
    """Row of the last value up to each row, -1 before the first."""


_carried_by_name: Memo[_Carried] = Memo(16)


def _carry(series: Series) -> _Carried:
    """Carry the values of a series; a value of 0 or less is no value."""
    latest = np.maximum.accumulate(np.where(series > 0, np.arange(len(series)), -1))
    values = np.where(latest >= 0, series[np.maximum(latest, 0)], np.nan)
    returns = np.zeros(len(series))
    returns[1:] = values[1:] / values[:-1] - 1
    returns[np.isnan(returns)] = 0.0
    values.flags.writeable = returns.flags.writeable = False
    return _Carried(values=values, returns=returns, latest=latest)


def _carried_index(name: str, panels: Panels) -> _Carried:
    return _carried_by_name.get((panels.version, name), lambda: _carry(panels.indices[name]))


def index_values(name: str, panels: Panels) -> Series:
    """Return float64 [D], read only: the values of an index, carried over rows without one; NaN before the first."""
    return _carried_index(name, panels).values


def index_benchmark(name: str, panels: Panels, window: slice) -> Benchmark:
    """Return the returns of an index, carried over rows without a value.

    Raises RunError (`benchmark_absent`) when it has no value up to the window's end.
    """
    carried = _carried_index(name, panels)
    latest = int(carried.latest[window.stop - 1])
    if latest < 0:
        detail = say("benchmark_without_values", name=name, date=iso(int(panels.days[window.stop - 1])))
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
    returns: Series, market: Market, universe: MatrixView, window: slice, rows: slice, *, weighted: bool
) -> None:
    """Fill the returns of window rows `rows`; the universe view covers the rows before them."""
    start = max(rows.start, 1)
    if start < rows.stop:
        found = universe_returns(market, universe, weighted=weighted, start=start, stop=rows.stop)
        returns[start - window.start : rows.stop - window.start] = found
