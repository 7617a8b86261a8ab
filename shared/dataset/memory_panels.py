"""A dataset version in the memory of this process: for small markets and tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from shared.dataset.derive import view_inputs, view_rows
from shared.dataset.native import Array
from shared.errors import DatasetError
from shared.model.calendar import years_within
from shared.model.fields import STORED, VIEWS, dtype_of, reason_key
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings


class MemoryPanels:
    """`Panels` over arrays in memory; views and scratch panels are computed on first use.

    fields: every name of STORED and each factor -> [D, N]; indices: name -> float64 [D] close; reasons: factor ->
    why it has no value. Without a `version` it is a hash of the content.
    """

    def __init__(  # noqa: PLR0917
        self,
        days: Array,
        instruments: Instruments,
        fields: Mapping[str, Array],
        indices: Mapping[str, Array],
        dividends: Dividends,
        factors: frozenset[str],
        reasons: Mapping[str, str] | None = None,
        version: str | None = None,
        listings: Listings = NO_LISTINGS,
    ) -> None:
        self.days = np.ascontiguousarray(days, np.int32)
        self.instruments = instruments
        self.indices = dict(indices)
        self.dividends = dividends
        self.listings = listings
        self.factors = factors
        self.reasons = dict(reasons or {})
        self._fields: dict[str, Array] = {}
        for name, values in fields.items():
            if values.shape != (len(self.days), len(instruments)):
                raise DatasetError(f"the field {name} has the shape {values.shape}, not days x instruments")
            self._fields[name] = np.ascontiguousarray(values, dtype_of(name))
            self._fields[name].flags.writeable = False
        self.version = version or self._content()
        self._scratch: dict[tuple[str, str], tuple[Array, set[int]]] = {}
        self._stock_major: dict[tuple[str, int], Array] = {}

    def panel(self, field: str, rows: slice) -> Array:
        """The rows of a stored field, view or factor; DatasetError for an unknown name."""
        if field not in self._fields and field in VIEWS:
            out = np.empty((len(self.days), len(self.instruments)))
            stored = {name: self._fields[name] for name in view_inputs(field)}
            view_rows(field, self.days, self.instruments.delisted_day, stored, out)
            out.flags.writeable = False
            self._fields[field] = out
        found = self._fields.get(field)
        if found is None:
            raise DatasetError(f"the dataset version {self.version} holds no field {field}")
        return found[rows]

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], Array]) -> Array:
        """Return rows of a computed panel, computed calendar year by calendar year."""
        whole, computed = self._scratch.get((key, np.dtype(dtype).str), (None, set()))
        if whole is None:
            whole = np.empty((len(self.days), len(self.instruments)), dtype)
            self._scratch[key, np.dtype(dtype).str] = (whole, computed)
        for year, span in years_within(self.days, rows):
            if year not in computed:
                whole[span] = make(span)
                computed.add(year)
        found = whole[rows]
        found.flags.writeable = False
        return found

    def stock_major(self, key: str, width: int, rows: slice, make: Callable[[slice], Array]) -> list[tuple[int, Array]]:
        """(first row, float64 [N, rows of the year, `width`]) of each calendar year that has some of these rows."""
        found = []
        for year, span in years_within(self.days, rows):
            if (key, year) not in self._stock_major:
                self._stock_major[key, year] = bars = make(span)
                bars.flags.writeable = False
            found.append((span.start, self._stock_major[key, year]))
        return found

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Why a factor has no values here, None when it has or is unknown."""
        return self.reasons.get(reason_key(factor, year))

    def _content(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.days.tobytes())
        digest.update(msgspec.json.encode(self.instruments))
        for name in sorted(set(STORED) | set(self._fields)):
            if name in self._fields:
                digest.update(name.encode())
                digest.update(self._fields[name].tobytes())
        for name in sorted(self.indices):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(self.indices[name]).tobytes())
        for column in (
            self.dividends.instrument,
            self.dividends.ex_date,
            self.dividends.dps,
            self.dividends.disclosed_on,
        ):
            digest.update(np.ascontiguousarray(column).tobytes())
        entries = self.listings
        digest.update(msgspec.json.encode((self.dividends.kind, entries.market, entries.name, entries.sector)))
        digest.update(entries.instrument.tobytes() + entries.from_day.tobytes())
        return digest.hexdigest()
