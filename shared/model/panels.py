"""The data that a simulation reads: panels of days down and instruments across, from any tier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from shared.model.instruments import Instruments
from shared.model.market_data import Dividends, Listings


class Panels(Protocol):
    """Read-only access to one dataset version.

    `panel` returns rows [rows.start, rows.stop) of a stored field, view or factor as an array [rows, N] whose rows are
    contiguous (the row stride may exceed N); it is a view, never a copy, where the tier allows. Element types are those
    of `shared.model.fields.dtype_of`.
    """

    version: str
    days: np.ndarray  # int32 [D]
    instruments: Instruments
    indices: dict[str, np.ndarray]  # name -> float64 [D]
    dividends: Dividends
    listings: Listings
    factors: frozenset[str]
    """Factor keys that this version holds (those that are declared but not built are missing here)."""

    def panel(self, field: str, rows: slice) -> np.ndarray:
        """The rows of a field; raises ChunkMissingError when no tier that can be read has them."""
        ...

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Rows of a computed panel that is shared by content name `key`: `make(rows of one calendar year)` -> [rows, N]
        is called for each calendar year that does not exist yet."""
        ...

    def stock_major(
        self, key: str, numbers: int, rows: slice, make: Callable[[slice], np.ndarray]
    ) -> list[tuple[int, np.ndarray]]:
        """(first row, float64 [N, rows of the year, `numbers`]) of each calendar year that has some of these rows: a
        scratch panel in stock-major order. `make(rows of one calendar year)` returns such an array."""
        ...

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Why a factor has no values here, or in a calendar year (`no statements with inventories`); None when it has,
        or when that is not known."""
        ...
