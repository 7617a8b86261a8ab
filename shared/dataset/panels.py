"""The mapped tier: panels of a dataset version in shared memory, created once per host and read by every process.

1. The content of a (field, calendar year) has a name: a hash of the names of its parts for a chunk, of the names of its
   inputs for a view, of everything up to that year for a scratch panel.
2. `PanelFiles` has one file for each name. This module fills a missing one: parts are fetched, checked, decoded and
   transposed to day-major; views are computed from the stored fields of the same rows; scratch panels by a callback.
3. An `AddressReservation` for each field holds the files of its years side by side: any window is one slice, uncopied.

Unchanged years of another version have the same names, so that a new version maps the files that exist.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.lib.stride_tricks import as_strided

from shared.dataset.address_space import AddressReservation
from shared.dataset.chunk_layout import padded, reference_of
from shared.dataset.codec import decode
from shared.dataset.derive import VIEW_VERSION, view_inputs, view_rows
from shared.dataset.manifest import Manifest
from shared.dataset.native import Array, to_day_major, to_stock_major
from shared.dataset.panel_files import LOCK_DEADLINE_S, PanelFiles
from shared.dataset.panel_reader import MappedField, PanelReader, ReadCounters
from shared.errors import ChunkMissingError, DatasetError
from shared.model.calendar import NO_DAY, years_of
from shared.model.fields import PART, VIEWS, dtype_of, reason_key

Fetch = Callable[[Sequence[str]], dict[str, bytes]]
"""Stored names of parts -> the bytes of those that are within reach."""

SCRATCH = "scratch:"
MARK_EVERY_S = 30.0
MARK_AFTER_EVICTIONS_S = 1.0
"""How often files are marked as used: while processes evict files, unmarked ones may be gone within seconds."""
RELEASE_AFTER_S = 1.0
"""A reader unmaps evicted files when no task of its process has done so for so long."""


class PanelShape(NamedTuple):
    """The matrix that a file is a part of."""

    rows: int
    width: int
    columns: int
    """Those of `width` that are not padding."""
    dtype: np.dtype[Any]
    part: slice


class MappedPanels:
    """`Panels` of one version. Safe to use from several threads; arrays stay valid as long as they are referenced."""

    def __init__(
        self,
        directory: pathlib.Path | str,
        manifest: Manifest,
        fetch: Fetch,
        budget_bytes: int,
        *,
        lock_deadline_s: float = LOCK_DEADLINE_S,
    ) -> None:
        self.manifest = manifest
        self.version = manifest.version
        self.days = manifest.days
        self.instruments = manifest.instruments
        self.indices = manifest.indices
        self.dividends = manifest.dividends
        self.listings = manifest.listings
        self.factors = manifest.factors
        self.files = PanelFiles(pathlib.Path(directory), budget_bytes, lock_deadline_s)
        self._fetch = fetch
        self._years = manifest.years
        self._width = padded(len(self.instruments))
        self._delisted_day = np.full(self._width, NO_DAY, np.int32)
        self._delisted_day[: len(self.instruments)] = self.instruments.delisted_day
        self.year_of_row: list[int] = years_of(self.days).tolist()
        self._up_to = _names_up_to(manifest)
        self.mapped: dict[str, MappedField] = {}
        self._guard = threading.RLock()
        self._seen_evictions = self._marked_evictions = self.files.evictions()
        self._used: set[str] = set()
        self._released_at = self._marked_at = time.monotonic()
        self._whole = PanelReader(self)

    @property
    def counters(self) -> ReadCounters:
        """What was read through this object itself (not through its readers)."""
        return self._whole.counters

    def reader(self, cancelled: Callable[[], bool] | None = None) -> PanelReader:
        """Return the same panels with counters of their own, for one backtest. What was evicted is unmapped, too.

        Reads raise CancelledRunError once `cancelled` returns true.
        """
        evictions = self.files.evictions()
        if evictions != self._seen_evictions and time.monotonic() - self._released_at > RELEASE_AFTER_S:
            self.release_evicted()
        self._mark_used(evictions)
        return PanelReader(self, cancelled)

    def panel(self, field: str, rows: slice) -> Array:
        """The rows of a field, without a copy; raises ChunkMissingError when parts are in no tier within reach."""
        return self._whole.panel(field, rows)

    def scratch(self, key: str, dtype: np.dtype[Any], rows: slice, make: Callable[[slice], Array]) -> Array:
        """Rows of a computed panel, shared by all processes of the host under the content name `key`."""
        return self._whole.scratch(key, dtype, rows, make)

    def stock_major(self, key: str, width: int, rows: slice, make: Callable[[slice], Array]) -> list[tuple[int, Array]]:
        """(first row, float64 [N, rows of the year, `width`]) of each calendar year that has some of these rows."""
        return self._whole.stock_major(key, width, rows, make)

    def ensure(self, fields: Iterable[str], rows: slice, workers: int = 2) -> None:
        """Map all fields for these rows; raises one ChunkMissingError with everything that is missing."""
        self._whole.ensure(fields, rows, workers)

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Why a factor has no values here, or in a calendar year; None when it has or that is unknown."""
        return self.manifest.reasons.get(reason_key(factor, year))

    def years_between(self, rows: slice) -> range:
        """The calendar years of these rows (years without a row are in it, too)."""
        if rows.stop <= rows.start:
            return range(0)
        return range(self.year_of_row[rows.start], self.year_of_row[rows.stop - 1] + 1)

    def years_with_rows(self, rows: slice) -> list[int]:
        """The calendar years among those of these rows that have any."""
        return [year for year in self.years_between(rows) if year in self._years]

    def mapped_fields(self) -> dict[str, tuple[int, ...]]:
        """Return field -> the years of it that this process has mapped, which the next version maps in advance."""
        with self._guard:
            return {f: tuple(sorted(m.years)) for f, m in self.mapped.items() if not f.startswith(SCRATCH)}

    @property
    def has_evicted(self) -> bool:
        """Whether files were evicted since the last `release_evicted`."""
        return self.files.evictions() != self._seen_evictions

    def release_evicted(self) -> None:
        """Unmap files that were evicted to keep the budget; arrays in use stay valid.

        May take milliseconds: an event loop calls it in a thread.
        """
        self._released_at = time.monotonic()
        now = self.files.evictions()
        if now == self._seen_evictions:
            return
        existing = self.files.inodes()
        with self._guard:
            self._seen_evictions = now
            changed = [
                field for field, mapped in self.mapped.items()
                if any(existing.get(name) != inode for name, inode in mapped.inodes.items())
            ]  # fmt: skip
            evicted = [self.mapped.pop(field) for field in changed if self._is_evicted(field)]
        evicted.clear()  # unmapped here, while other threads may map

    def _is_evicted(self, field: str) -> bool:
        """Return whether a file of a field does not exist, also when it was created after the look at the folder."""
        return any(self.files.inode(name) != inode for name, inode in self.mapped[field].inodes.items())

    def rows_mapped(self, field: str, rows: slice, years: range) -> Array | None:
        """The rows when this process has all of their years mapped, else None."""
        mapped = self.mapped.get(field)
        if mapped is None or not all(year in mapped.years or year not in self._years for year in years):
            return None
        mapped.covered[years.start, years.stop - 1] = self._chunks(field, years)
        return mapped.array[rows]

    def _chunks(self, field: str, years: Iterable[int]) -> tuple[tuple[int, int], ...]:
        """(year, bytes) of the chunks of a field; scratch panels have none."""
        if field.startswith(SCRATCH):
            return ()
        return tuple((year, self._year_bytes(year, dtype_of(field))) for year in years if year in self._years)

    def missing_years(self, field: str, years: range) -> list[int]:
        """The years among these that have rows and are not mapped yet."""
        mapped = self.mapped.get(field)
        return [year for year in years if year in self._years and (mapped is None or year not in mapped.years)]

    def count_mapped(self, field: str, years: range, counters: ReadCounters) -> None:
        """Count what this process has mapped already, and remember that it is in use."""
        mapped = self.mapped.get(field)
        if mapped is None:
            return
        self._used.add(field)
        chunks = mapped.covered.get((years.start, years.stop - 1))
        if chunks is None:
            chunks = self._chunks(field, [year for year in years if year in mapped.years])
        counters.count(field, chunks, "t1")

    def _mark_used(self, evictions: int) -> None:
        """Mark the files that this process uses: they are evicted last."""
        passed = time.monotonic() - self._marked_at
        if passed < (MARK_EVERY_S if evictions == self._marked_evictions else MARK_AFTER_EVICTIONS_S):
            return
        with self._guard:
            used, self._used, self._marked_at = self._used, set(), time.monotonic()
            self._marked_evictions = evictions
            names = [name for field in used if field in self.mapped for name in self.mapped[field].years.values()]
        for name in names:
            self.files.touch(name)

    def map_year(self, field: str, year: int, reader: PanelReader) -> None:
        """Map one year of a field, creating its file when the host has none."""
        if field in VIEWS:
            dtype = dtype_of(field)
            if not self._map(field, dtype, year, self._view_name(field, year), self._fill_view(field, year, reader)):
                reader.counters.count(field, self._chunks(field, (year,)), "t1")
            return
        names = self._part_names(field, year)
        # Fields with equal content have files of their own: one may be stored as its difference from the other, and a
        # process that needs the file that it is creating would wait for itself.
        name = "c-" + _hash(field, str(self._rows(year)), dtype_of(field).str, *names)
        created = self._map(field, dtype_of(field), year, name, self._fill_chunk(field, year, names, reader))
        reader.counters.count(field, self._chunks(field, (year,)), "t2" if created else "t1")

    def map_scratch(self, key: str, dtype: np.dtype[Any], year: int, make: Callable[[slice], Array]) -> None:
        """Map one year of a scratch panel, computing it when the host has none."""

        def fill(out: Array) -> None:
            out[:, : len(self.instruments)] = make(self._years[year])

        name = "s-" + _hash(key, dtype.str, self._up_to[year])
        self._map(f"{SCRATCH}{dtype.str}:{key}", dtype, year, name, fill)

    def map_stock_major(self, key: str, width: int, year: int, make: Callable[[slice], Array]) -> tuple[int, Array]:
        """(first row, float64 [N, rows, `width`]) of one year of a scratch panel in stock-major order."""
        rows, shape = self._years[year], (len(self.instruments), self._rows(year), width)
        field, size = f"{SCRATCH}strip:{key}:{year}", shape[0] * shape[1] * width
        mapped = self.mapped.get(field)
        if mapped is None:

            def fill(out: Array) -> None:
                out[0] = make(rows).reshape(-1)

            name = "s-" + _hash("strip", key, str(width), self._up_to[year])
            mapped, _ = self._map_file(field, year, name, PanelShape(1, size, size, np.dtype("f8"), slice(0, 1)), fill)
        else:
            self._used.add(field)
        return rows.start, mapped.array.reshape(shape)

    def _map(self, field: str, dtype: np.dtype[Any], year: int, name: str, fill: Callable[[Array], None]) -> bool:
        whole = PanelShape(len(self.days), self._width, len(self.instruments), dtype, self._years[year])
        return self._map_file(field, year, name, whole, fill)[1]

    def _map_file(
        self, field: str, year: int, name: str, whole: PanelShape, fill: Callable[[Array], None]
    ) -> tuple[MappedField, bool]:
        """Map the file of a year, creating it when the host has none; return also whether this call created it."""
        rows = whole.part
        fd, created = self.files.open_or_create(
            name, (rows.stop - rows.start, whole.width), whole.dtype, fill, is_scratch=field.startswith(SCRATCH)
        )
        try:
            with self._guard:
                mapped = self.mapped.get(field)
                if mapped is None:
                    mapped = self.mapped[field] = MappedField(
                        AddressReservation(whole.rows, whole.width, whole.dtype), whole.columns
                    )
                if year not in mapped.years:
                    mapped.reservation.map(fd, rows)
                    mapped.years[year] = name
                    mapped.inodes[name] = os.fstat(fd).st_ino
        finally:
            os.close(fd)
        return mapped, created

    def _rows(self, year: int) -> int:
        rows = self._years[year]
        return int(rows.stop) - int(rows.start)

    def _year_bytes(self, year: int, dtype: np.dtype[Any]) -> int:
        return self._rows(year) * len(self.instruments) * int(dtype.itemsize)

    def _part_names(self, field: str, year: int) -> tuple[str, ...]:
        found = self.manifest.content.chunks.get(field)
        if found is None:
            raise DatasetError(f"the dataset version {self.version} holds no field {field}")
        return found[str(year)]

    def _fill_chunk(
        self, field: str, year: int, names: tuple[str, ...], reader: PanelReader
    ) -> Callable[[Array], None]:
        def fill(out: Array) -> None:
            stored = self.manifest.stored_names(field, year)
            blobs = self._fetch(list(dict.fromkeys(stored)))
            missing = tuple(dict.fromkeys(key for key in stored if key not in blobs))
            if missing:
                raise ChunkMissingError(missing)
            damaged = []
            for part, (key, name) in enumerate(zip(stored, names, strict=True)):
                columns = slice(part * PART, (part + 1) * PART)
                reference = partial(self._reference, field, year, columns, reader)
                try:
                    values = decode(blobs[key], name, dtype_of(field), (PART, self._rows(year)), reference)
                except ChunkMissingError:
                    raise
                except DatasetError:
                    damaged.append(key)
                else:
                    to_day_major(values, out[:, columns])
            if damaged:
                raise ChunkMissingError(tuple(damaged))

        return fill

    def _reference(self, field: str, year: int, columns: slice, reader: PanelReader) -> Array:
        def read(name: str) -> Array:
            return to_stock_major(self._whole_width(name, year, reader)[:, columns])

        return reference_of(self.manifest.predictors[field][1], read)

    def _whole_width(self, field: str, year: int, reader: PanelReader) -> Array:
        """Return the rows of a year with the padding columns of the last part."""
        panel = reader.panel(field, self._years[year])
        return as_strided(panel, (panel.shape[0], self._width), panel.strides, writeable=False)

    def _fill_view(self, view: str, year: int, reader: PanelReader) -> Callable[[Array], None]:
        def fill(out: Array) -> None:
            rows = self._years[year]
            stored = {name: self._whole_width(name, year, reader) for name in view_inputs(view)}
            view_rows(view, self.days[rows], self._delisted_day, stored, out)

        return fill

    def _view_name(self, view: str, year: int) -> str:
        rows = self._years[year]
        days, delisted = self.days[rows], self._delisted_day
        gone = np.minimum(delisted, days[-1] + 1).tobytes().hex()
        inputs = [name for field in view_inputs(view) for name in self._part_names(field, year)]
        return "v-" + _hash(view, str(VIEW_VERSION), days.tobytes().hex(), gone, str(self._rows(year)), *inputs)


def _hash(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


def _names_up_to(manifest: Manifest) -> dict[int, str]:
    """Return calendar year -> a hash of everything that a value of that year may depend on."""
    content = manifest.content
    instruments = manifest.instruments
    listed, indices = manifest.listings, sorted(manifest.indices.items())
    attributes = (
        instruments.code, instruments.name, instruments.market, instruments.sector, instruments.kind,
        instruments.delisted_on,
    )  # fmt: skip
    entries = (listed.instrument.tolist(), listed.from_day.tolist(), listed.market, listed.name, listed.sector)
    known = hashlib.blake2b(msgspec.json.encode((attributes, entries)), digest_size=16)
    known.update(msgspec.json.encode(content.factor_versions, order="sorted"))
    found = {}
    for year, rows in manifest.years.items():
        known.update(np.ascontiguousarray(manifest.days[rows]).tobytes())
        for name, series in indices:
            known.update(name.encode() + b"\0" + np.ascontiguousarray(series[rows]).tobytes())
        for field in sorted(content.chunks):
            known.update("\0".join((field, *content.chunks[field][str(year)])).encode())
        found[year] = known.hexdigest()
    return found
