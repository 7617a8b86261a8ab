"""Access of one backtest to mapped panels, with counters of what it read from which tier."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from shared.dataset.address_space import AddressReservation
from shared.dataset.native import Array
from shared.errors import CancelledRunError, ChunkMissingError
from shared.model.fields import dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import Dividends, Listings


@dataclass
class ReadCounters:
    """Chunks (a field over a calendar year) that were read, and from where: `t1` mapped memory, `t2` fetched parts."""

    chunks_read: int = 0
    bytes_read: int = 0
    by_tier: dict[str, int] = field(default_factory=dict)
    bytes_by_tier: dict[str, int] = field(default_factory=dict)
    seen: set[tuple[str, int]] = field(default_factory=set, repr=False)
    guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, name: str, chunks: Iterable[tuple[int, int]], tier: str) -> None:
        """Count chunks of a field, (year, bytes), each once, however often it is read."""
        with self.guard:
            for year, chunk_bytes in chunks:
                if (name, year) not in self.seen:
                    self.seen.add((name, year))
                    self.chunks_read += 1
                    self.bytes_read += chunk_bytes
                    self.by_tier[tier] = self.by_tier.get(tier, 0) + 1
                    self.bytes_by_tier[tier] = self.bytes_by_tier.get(tier, 0) + chunk_bytes

    def as_dict(self) -> dict[str, Any]:
        """The `cache` object of a result."""
        return {
            "chunks_read": self.chunks_read,
            "bytes_read": self.bytes_read,
            "by_tier": dict(self.by_tier),
            "bytes_by_tier": dict(self.bytes_by_tier),
        }


class MappedField:
    """The mapped years of a field: year -> name of its file. `covered`: (first, last) year of complete ranges ->
    their chunks as (year, bytes)."""

    __slots__ = ("array", "covered", "inodes", "reservation", "years")

    def __init__(self, reservation: AddressReservation, columns: int) -> None:
        self.reservation = reservation
        self.array = reservation.array()[:, :columns]
        self.years: dict[int, str] = {}
        self.inodes: dict[str, int] = {}
        self.covered: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}


class YearMapper(Protocol):
    """The panels of a version that maps calendar years on demand, as a reader uses it (`shared.dataset.panels`)."""

    version: str
    days: Array
    instruments: Instruments
    indices: dict[str, Array]
    dividends: Dividends
    listings: Listings
    factors: frozenset[str]
    year_of_row: list[int]
    mapped: dict[str, MappedField]

    def map_year(self, field: str, year: int, reader: PanelReader) -> None:
        """Map one year of a field."""
        ...

    def map_scratch(self, key: str, dtype: np.dtype[Any], year: int, make: Callable[[slice], Array]) -> None:
        """Map one year of a scratch panel."""
        ...

    def map_stock_major(self, key: str, width: int, year: int, make: Callable[[slice], Array]) -> tuple[int, Array]:
        """Map one year of a scratch panel in stock-major order; return its first row and values."""
        ...

    def years_between(self, rows: slice) -> range:
        """Return the calendar years of these rows."""
        ...

    def years_with_rows(self, rows: slice) -> list[int]:
        """Return the calendar years of these rows that have any."""
        ...

    def missing_years(self, field: str, years: range) -> list[int]:
        """Return the years that have rows and are not mapped yet."""
        ...

    def rows_mapped(self, field: str, rows: slice, years: range) -> Array | None:
        """Return the rows when all of their years are mapped, else None."""
        ...

    def count_mapped(self, field: str, years: range, counters: ReadCounters) -> None:
        """Count the chunks that are mapped already."""
        ...

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Return why a factor has no values."""
        ...


class PanelReader:
    """`Panels` over the mapped panels of a version, with counters of its own."""

    def __init__(self, panels: YearMapper, cancelled: Callable[[], bool] | None = None) -> None:
        self._panels = panels
        self.cancelled = cancelled
        self.counters = ReadCounters()
        self._year_of_row = panels.year_of_row
        self._counted: set[tuple[str, int, int]] = set()
        self.version = panels.version
        self.days = panels.days
        self.instruments = panels.instruments
        self.indices = panels.indices
        self.dividends = panels.dividends
        self.listings = panels.listings
        self.factors = panels.factors

    def panel(self, field: str, rows: slice) -> Array:
        """The rows of a field, without a copy; raises ChunkMissingError when parts are in no tier within reach."""
        return self._mapped(field, dtype_of(field), rows, lambda year: self._panels.map_year(field, year, self))

    def scratch(self, key: str, dtype: np.dtype[Any], rows: slice, make: Callable[[slice], Array]) -> Array:
        """Rows of a computed panel, shared by all processes of the host under the content name `key`."""
        dtype = np.dtype(dtype)
        name = f"scratch:{dtype.str}:{key}"
        return self._mapped(name, dtype, rows, lambda year: self._panels.map_scratch(key, dtype, year, make))

    def stock_major(self, key: str, width: int, rows: slice, make: Callable[[slice], Array]) -> list[tuple[int, Array]]:
        """(first row, float64 [N, rows of the year, `width`]) of each calendar year with some of these rows; shared
        by all processes of the host under the content name `key`."""
        self._raise_cancelled()
        return [self._panels.map_stock_major(key, width, year, make) for year in self._panels.years_with_rows(rows)]

    def ensure(self, fields: Iterable[str], rows: slice, workers: int = 2) -> None:
        """Map all fields for these rows; raises one ChunkMissingError with everything that is missing."""
        missing: dict[str, None] = {}

        def one(name: str) -> None:
            try:
                self.panel(name, rows)
            except ChunkMissingError as error:
                missing.update(dict.fromkeys(error.missing))

        wanted = [name for name in fields if not self._is_mapped(name, rows)]
        if len(wanted) > 1:
            with ThreadPoolExecutor(max(min(workers, len(wanted)), 1), "map") as pool:
                list(pool.map(one, wanted))
        else:
            for name in wanted:
                one(name)
        if missing:
            raise ChunkMissingError(tuple(missing))

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Why a factor has no values here, None when it has or is unknown."""
        return self._panels.absent_reason(factor, year)

    def _raise_cancelled(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise CancelledRunError("the reader was cancelled")

    def _is_mapped(self, field: str, rows: slice) -> bool:
        mapped = self._panels.mapped.get(field)
        years = self._panels.years_between(rows)
        return mapped is not None and (years.start, years.stop - 1) in mapped.covered

    def _mapped(self, field: str, dtype: np.dtype[Any], rows: slice, map_year: Callable[[int], None]) -> Array:
        self._raise_cancelled()
        start, stop = rows.start, rows.stop
        if start >= stop:
            return np.empty((0, len(self.instruments)), dtype)
        first, last = self._year_of_row[start], self._year_of_row[stop - 1]
        requested = (field, first, last)
        if requested not in self._counted:
            self._panels.count_mapped(field, range(first, last + 1), self.counters)
            self._counted.add(requested)
        mapped = self._panels.mapped.get(field)
        if mapped is not None and (first, last) in mapped.covered:
            return mapped.array[rows]
        years = range(first, last + 1)
        found = self._panels.rows_mapped(field, rows, years)
        while found is None:
            for year in self._panels.missing_years(field, years):
                map_year(year)
            found = self._panels.rows_mapped(field, rows, years)
        return found
