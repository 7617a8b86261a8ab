"""A dataset version in which some cells have other values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shared.model.instruments import Instruments
from shared.model.market_data import Dividends, Listings
from shared.model.panels import Panels
from shared.simulation.yearly_scratch import YearlyScratch

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Cells of one field: `rows` and `columns` int64 [n] in ascending order of rows, with `values` [n] of its dtype."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def select(self, wanted: np.ndarray) -> Cells:
        """Return the cells where a bool [cells] mask is true."""
        return Cells(rows=self.rows[wanted], columns=self.columns[wanted], values=self.values[wanted])


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """What a version has beside its panels."""

    instruments: Instruments
    dividends: Dividends
    listings: Listings
    indices: dict[str, np.ndarray]

    @classmethod
    def of(cls, panels: Panels) -> Reference:
        """Return instruments, dividends, listings and index series of a version's panels."""
        return cls(
            instruments=panels.instruments, dividends=panels.dividends, listings=panels.listings,
            indices=panels.indices,
        )  # fmt: skip


class PatchedPanels(YearlyScratch):
    """`Panels` of a version with some cells replaced. Computed panels are not shared with the version itself.

    cells: field -> its replaced cells; reference: what stands beside the panels.
    """

    def __init__(self, base: Panels, cells: Mapping[str, Cells], reference: Reference) -> None:
        self._base, self._cells = base, dict(cells)
        super().__init__()
        self.version = f"{base.version}-patched-{next(_numbers)}"  # caches of this process have it in their keys
        self.days = base.days
        self.instruments = reference.instruments
        self.indices = reference.indices
        self.dividends = reference.dividends
        self.listings = reference.listings
        self.factors = base.factors

    def panel(self, field: str, rows: slice) -> np.ndarray:
        """Return the rows of a field; a copy where some of their cells are replaced."""
        found = self._base.panel(field, rows)
        cells = self._cells.get(field)
        if cells is None:
            return found
        first, stop = np.searchsorted(cells.rows, (rows.start, rows.stop)).tolist()
        if first == stop:
            return found
        copy = np.array(found)
        copy[cells.rows[first:stop] - rows.start, cells.columns[first:stop]] = cells.values[first:stop]
        return copy

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Return the reason that the version states."""
        return self._base.absent_reason(factor, year)
