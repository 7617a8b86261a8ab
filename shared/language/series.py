"""Market-wide values, one number a row: index series, and a cache of computed series in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
from cachetools import LRUCache

from shared.language.vm import Array
from shared.model.calendar import years_within
from shared.model.fields import INDEX_CARRY_ROWS
from shared.model.panels import Panels

_CAPACITY = 8192
"""Cached years of series: some 2 KB each."""


_years: LRUCache[tuple[str, str, int], Array] = LRUCache(_CAPACITY)
_lock = threading.Lock()


def cached_series(panels: Panels, name: str, rows: slice, compute: Callable[[slice], Array]) -> Array:
    """Return float64 [rows, 1] of a series; `compute` gives the rows of one calendar year that is not cached.

    Several threads may compute the same year at the same time; their values are equal.
    """
    pieces = []
    for year, span in years_within(panels.days, rows):
        key = (panels.version, name, year)
        with _lock:
            values = _years.get(key)
        if values is None:
            values = compute(span)
            values.flags.writeable = False
            with _lock:
                _years[key] = values
        pieces.append(values[max(rows.start - span.start, 0) : rows.stop - span.start])
    if len(pieces) == 1:
        return pieces[0]
    return np.concatenate(pieces) if pieces else np.empty((0, 1))


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
