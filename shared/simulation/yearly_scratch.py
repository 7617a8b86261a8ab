"""Computed panels of a changed dataset, in memory: cut off at a row, or with other cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shared.model.calendar import years_within
from shared.model.instruments import Instruments


class YearlyScratch:
    """Panels that a run computes, made once for each calendar year."""

    days: np.ndarray
    instruments: Instruments

    def __init__(self) -> None:
        self._scratch: dict[tuple[str, int], np.ndarray] = {}

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Return rows of a computed panel, made from the panels of this object."""
        found = []
        for year, inside in years_within(self.days, rows):
            first, stop = max(inside.start, rows.start), min(inside.stop, rows.stop)
            if (key, year) not in self._scratch:
                self._scratch[key, year] = np.ascontiguousarray(make(inside), dtype)
            found.append(self._scratch[key, year][first - inside.start : stop - inside.start])
        if not found:
            return np.empty((0, len(self.instruments)), dtype)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def stock_major(
        self, key: str, numbers: int, rows: slice, make: Callable[[slice], np.ndarray]
    ) -> list[tuple[int, np.ndarray]]:
        """Return rows of a computed panel in stock-major order, made from the panels of this object."""
        found = []
        for year, inside in years_within(self.days, rows):
            if (key, year) not in self._scratch:
                self._scratch[key, year] = make(inside)
            found.append((inside.start, self._scratch[key, year]))
        return found
