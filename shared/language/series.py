"""Market-wide values, one number a row: index series, and a cache of computed series in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from shared.language.vm import Array
from shared.model.calendar import years_within
from shared.model.panels import Panels

INDEX_CARRY_ROWS = 10
"""An index value is carried over at most so many rows without one."""

_CAPACITY = 8192
"""Cached years of series: some 2 KB each."""


class SeriesCache:
    """The most recently used calendar years of computed series. Safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._years: OrderedDict[tuple[str, str, int], Array] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, panels: Panels, name: str, rows: slice, compute: Callable[[slice], Array]) -> Array:
        """Return float64 [rows, 1] of a series; `compute` gives the rows of one calendar year."""
        pieces = []
        for year, span in years_within(panels.days, rows):
            values = self._year((panels.version, name, year), span, compute)
            pieces.append(values[max(rows.start - span.start, 0) : rows.stop - span.start])
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.empty((0, 1))

    def _year(self, key: tuple[str, str, int], span: slice, compute: Callable[[slice], Array]) -> Array:
        with self._lock:
            values = self._years.get(key)
            if values is not None:
                self._years.move_to_end(key)
                return values
        values = compute(span)
        values.flags.writeable = False
        with self._lock:
            self._years[key] = values
            while len(self._years) > self._capacity:
                self._years.popitem(last=False)
        return values


CACHE = SeriesCache(_CAPACITY)


def index_rows(panels: Panels, name: str, rows: slice) -> Array:
    """Return float64 [rows, 1] of an index by its name in capitals: its close, carried over at most 10 rows.

    A value of 0 or less is no value. Raises KeyError for an index that the dataset does not have.
    """
    start = max(0, rows.start - INDEX_CARRY_ROWS)
    close = np.asarray(panels.indices[_loaded_name(panels, name)][start : rows.stop], np.float64)
    row = np.arange(len(close))
    latest = np.maximum.accumulate(np.where(close > 0, row, -1 - INDEX_CARRY_ROWS)) if len(close) else row
    carried = np.where(row - latest <= INDEX_CARRY_ROWS, close[np.maximum(latest, 0)], np.nan)
    carried[~np.isfinite(carried)] = np.nan
    found: Array = carried[rows.start - start :, None]
    return found


def _loaded_name(panels: Panels, name: str) -> str:
    """Return the name under which an index was loaded; an exact spelling wins over others, then the first by name."""
    if name in panels.indices:
        return name
    spellings = sorted(loaded for loaded in panels.indices if loaded.upper() == name)
    if not spellings:
        raise KeyError(name)
    return spellings[0]
