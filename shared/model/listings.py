"""What an instrument was on a day: its market, kind, sector and name, from the loaded listings and the companies.

1. A market is that of the last entry of the listings so far, before the first entry that of the first, without entries
   the company's.
2. A name or sector is that of the last entry so far that states one, else the company's.
3. A kind is the loaded one, else it is derived from the code, and the name and market of the day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import msgspec
import numpy as np

from shared.model.instruments import Instruments
from shared.model.kinds import KINDS, KRX_MARKETS, derive_kind
from shared.model.market_data import Listings
from shared.model.panels import Panels

RULE_VERSION = 1
"""Raised when a rule of this module changes, so that shared panels of attributes are computed again."""

NO_SECTOR = -1


@dataclass(frozen=True, kw_only=True)
class RowAttributes:
    """Market, kind and sector of every instrument on some rows; the arrays are read-only and may be broadcast views.

    market: uint8 [rows, N], position in `markets`, whose first three are KRX_MARKETS. kind: uint8 [rows, N], position
    in `kinds`. sector: int16 [rows, N], position in `sectors`, NO_SECTOR where there is none.
    """

    market: np.ndarray
    kind: np.ndarray
    sector: np.ndarray
    markets: tuple[str, ...]
    kinds: tuple[str, ...]
    sectors: tuple[str, ...]


def row_attributes(panels: Panels, rows: slice) -> RowAttributes:
    """Return what every instrument was on these rows of the dataset.

    Computed once per dataset version and calendar year (`Panels.scratch`); when nothing changes within the rows, the
    arrays are views of one row.
    """
    history = _history(panels.instruments, panels.listings)
    days = panels.days[rows]
    if not len(days):
        arrays = tuple(np.broadcast_to(first, (0, len(first))) for first in history.first)
    elif history.is_constant(int(days[0]), int(days[-1])):
        arrays = tuple(np.broadcast_to(row, (len(days), len(row))) for row in history.on(int(days[0])))
    else:
        arrays = tuple(
            panels.scratch(
                f"attributes-{number}-{history.digest}",
                first.dtype,
                rows,
                lambda span, number=number: history.over(panels.days[span])[number],  # type: ignore[misc]
            )
            for number, first in enumerate(history.first)
        )
    market, kind, sector = arrays
    return RowAttributes(
        market=market, kind=kind, sector=sector, markets=history.markets, kinds=KINDS, sectors=history.sectors
    )


def name_on(panels: Panels, instrument: int, day: int) -> str:
    """Return the name of an instrument (ordinal) on a day number."""
    instruments, listings = panels.instruments, panels.listings
    name = instruments.name[instrument]
    for entry in _entries_until(listings, instrument, day):
        name = listings.name[entry] or name
    return name


def market_codes_at(instruments: Instruments, listings: Listings, columns: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return uint8 [K]: the market code (as in `RowAttributes.market`) of instrument `columns[k]` on day `days[k]`."""
    history = _history(instruments, listings)
    codes: np.ndarray = history.first[0][columns]
    if len(history.day):
        order = np.lexsort((history.day, history.column))
        keys = _key(history.column[order], history.day[order])
        at = np.searchsorted(keys, _key(columns, days), side="right") - 1
        entry = order[np.maximum(at, 0)]
        codes = np.where((at >= 0) & (history.column[entry] == columns), history.market[entry], codes)
    return codes.astype(np.uint8)


def markets_of(instruments: Instruments, listings: Listings) -> tuple[str, ...]:
    """Return the names behind market codes: KRX_MARKETS, then every other market in alphabetical order."""
    others = ({*instruments.market} | {*listings.market}) - {*KRX_MARKETS}
    return (*KRX_MARKETS, *sorted(others))


def _key(columns: np.ndarray, days: np.ndarray) -> np.ndarray:
    key: np.ndarray = columns.astype(np.int64) * (1 << 32) + days
    return key


def _entries_until(listings: Listings, instrument: int, day: int) -> range:
    """Return the positions of the entries of an instrument that hold on or before a day."""
    start, stop = np.searchsorted(listings.instrument, [instrument, instrument + 1]).tolist()
    return range(start, start + int(np.searchsorted(listings.from_day[start:stop], day, side="right")))


@dataclass(frozen=True, kw_only=True, eq=False)
class _History:
    """Attributes before every change (`first`), and each change: from `day` on, `column` has these values."""

    instruments: Instruments
    markets: tuple[str, ...]
    sectors: tuple[str, ...]
    first: tuple[np.ndarray, np.ndarray, np.ndarray]
    day: np.ndarray  # int32 [E], ascending
    column: np.ndarray  # int32 [E]
    market: np.ndarray
    kind: np.ndarray
    sector: np.ndarray
    digest: str

    def is_constant(self, first_day: int, last_day: int) -> bool:
        """Nothing changes after `first_day`, up to and including `last_day`."""
        start, stop = np.searchsorted(self.day, [first_day, last_day], side="right")
        return bool(start == stop)

    def on(self, day: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (market, kind, sector), [N] each, on a day."""
        found = tuple(row.copy() for row in self.first)
        self._apply(found, 0, int(np.searchsorted(self.day, day, side="right")))
        return found  # type: ignore[return-value]

    def over(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (market, kind, sector), [D, N] each, on ascending days."""
        out = tuple(np.empty((len(days), len(row)), row.dtype) for row in self.first)
        row = tuple(first.copy() for first in self.first)
        ends = np.searchsorted(self.day, days, side="right").tolist()
        done = 0
        for at, end in enumerate(ends):
            if end > done:
                self._apply(row, done, end)
                done = end
            for matrix, values in zip(out, row, strict=True):
                matrix[at] = values
        return out  # type: ignore[return-value]

    def _apply(self, row: tuple[np.ndarray, ...], start: int, stop: int) -> None:
        columns = self.column[start:stop]
        for values, changed in zip(row, (self.market, self.kind, self.sector), strict=True):
            values[columns] = changed[start:stop]  # of several changes of one column the last one stays


_histories: WeakKeyDictionary[Listings, _History] = WeakKeyDictionary()


def _history(instruments: Instruments, listings: Listings) -> _History:
    found = _histories.get(listings)
    if found is None or found.instruments is not instruments:
        found = _histories[listings] = _build(instruments, listings)
    return found


def _build(instruments: Instruments, listings: Listings) -> _History:
    markets = markets_of(instruments, listings)
    sectors = tuple(sorted({s for s in (*instruments.sector, *listings.sector) if s is not None}))
    market_code = {name: code for code, name in enumerate(markets)}
    sector_code: dict[str | None, int] = {name: code for code, name in enumerate(sectors)} | {None: NO_SECTOR}
    entries_of: dict[int, list[int]] = {}
    for position, column in enumerate(listings.instrument.tolist()):
        entries_of.setdefault(column, []).append(position)
    first: list[tuple[int, int, int]] = []
    changes: list[tuple[int, int, int, int, int]] = []
    for column, code in enumerate(instruments.code):
        market, name = instruments.market[column], instruments.name[column]
        sector, loaded = instruments.sector[column], instruments.kind[column]
        entries = entries_of.get(column, [])
        if entries:
            market = listings.market[entries[0]]
        kind = KINDS.index(loaded or derive_kind(code, name, market))
        values = [(0, (market_code[market], kind, sector_code[sector]))]
        for position in entries:
            market = listings.market[position]
            name, sector = listings.name[position] or name, listings.sector[position] or sector
            kind = KINDS.index(loaded or derive_kind(code, name, market))
            values.append((int(listings.from_day[position]), (market_code[market], kind, sector_code[sector])))
        first.append(values[0][1])
        changes += [(day, column, *now) for (_, before), (day, now) in pairwise(values) if now != before]
    changes.sort()
    columns = list(zip(*changes, strict=True)) if changes else [()] * 5
    starts = list(zip(*first, strict=True)) if first else [()] * 3
    types = (np.uint8, np.uint8, np.int16)
    day, column_, *changed = columns
    digest = hashlib.sha256(msgspec.json.encode((RULE_VERSION, markets, sectors, starts, changes))).hexdigest()[:20]
    market_, kind_, sector_ = (np.array(v, t) for v, t in zip(changed, types, strict=True))
    a, b, c = (np.array(v, t) for v, t in zip(starts, types, strict=True))
    return _History(
        instruments=instruments, markets=markets, sectors=sectors, first=(a, b, c),
        day=np.array(day, np.int32), column=np.array(column_, np.int32),
        market=market_, kind=kind_, sector=sector_, digest=digest,
    )  # fmt: skip
