"""A small dataset in memory for the tests of the language."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shared.model.calendar import to_day, year_slices
from shared.model.fields import LANGUAGE_FIELDS, dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings

FACTORS = ("PER", "PBR", "ROE", "MOMENTUM_3M")
FIELDS = ("close", "volume", "trading_value", "raw_close")
INDICES = ("KOSPI", "KOSDAQ")
_versions = itertools.count()


class SmallPanels:
    """Panels of a few stocks over parts of three years; records reads and the scratch years that were computed."""

    def __init__(  # noqa: PLR0917
        self,
        fields: dict[str, np.ndarray],
        days: np.ndarray,
        codes: tuple[str, ...],
        sector: tuple,
        indices: dict[str, np.ndarray],
        listings: Listings = NO_LISTINGS,
    ) -> None:
        self.fields = fields
        self.days = days
        self.version = f"small-{next(_versions)}"
        n = len(codes)
        self.instruments = Instruments(
            code=codes, name=codes, name_en=(None,) * n, market=("KOSPI",) * n, sector=sector,
            listed_on=(None,) * n, delisted_on=(None,) * n,
        )  # fmt: skip
        self.indices = indices
        none = np.zeros(0, np.int32)
        self.dividends = Dividends(instrument=none, ex_date=none, dps=np.zeros(0), disclosed_on=none)
        self.listings = listings
        self.factors = frozenset(FACTORS)
        self.stored: dict[str, tuple[np.ndarray, set[int]]] = {}
        self.computed: list[tuple[str, int]] = []
        self.read: dict[str, slice] = {}

    def panel(self, field: str, rows: slice) -> np.ndarray:
        assert 0 <= rows.start <= rows.stop <= len(self.days)
        before = self.read.get(field, rows)
        self.read[field] = slice(min(before.start, rows.start), max(before.stop, rows.stop))
        return self.fields[field][rows]

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], np.ndarray]) -> np.ndarray:
        assert 0 <= rows.start <= rows.stop <= len(self.days)
        whole, years = self.stored.setdefault(key, (np.empty((len(self.days), len(self.instruments)), dtype), set()))
        for year, span in year_slices(self.days).items():
            if span.start < rows.stop and rows.start < span.stop and year not in years:
                values = make(span)
                assert values.dtype == dtype
                whole[span] = values
                years.add(year)
                self.computed.append((key, year))
        found = whole[rows]
        found.flags.writeable = False
        return found

    def absent_reason(self, factor: str) -> str | None:
        return None

    def permuted(self, order: np.ndarray) -> SmallPanels:
        """The same market with its columns in another order."""
        codes = tuple(self.instruments.code[i] for i in order)
        sector = tuple(self.instruments.sector[i] for i in order)
        fields = {name: np.ascontiguousarray(values[:, order]) for name, values in self.fields.items()}
        kept = self.listings.select(np.isin(self.listings.instrument, order))
        columns = [order.tolist().index(column) for column in kept.instrument]
        moved = replace(kept, instrument=np.array(columns, np.int32))
        listings = moved.select(np.lexsort((moved.from_day, moved.instrument)))
        return SmallPanels(fields, self.days, codes, sector, self.indices, listings)

    def cut(self, rows: int) -> SmallPanels:
        """The same market as it was when only the first rows were known."""
        fields = {name: values[:rows] for name, values in self.fields.items()}
        indices = {name: series[:rows] for name, series in self.indices.items()}
        return SmallPanels(
            fields, self.days[:rows], self.instruments.code, self.instruments.sector, indices, self.listings
        )


def small_panels(seed: int = 1, years: tuple[int, ...] = (25, 22, 24), stocks: int = 9) -> SmallPanels:
    """A random market with ties, gaps, zeros, constant stretches and a stock without any value; strided panels."""
    rng = np.random.default_rng(seed)
    starts = [dt.date(2021 + i, 1, 4) for i in range(len(years))]
    days = np.array([to_day(s) + i for s, n in zip(starts, years, strict=True) for i in range(n)], np.int32)
    rows = len(days)
    fields = {}
    for name in (*FACTORS, *(LANGUAGE_FIELDS[field] for field in FIELDS)):
        values = np.round(rng.normal(8, 10, (rows, stocks)), 1)
        values[rng.random(values.shape) < 0.3] = 3.0
        if name in LANGUAGE_FIELDS.values():
            values = np.abs(values) * 1000
        values[rng.random(values.shape) < 0.08] = np.nan
        values[rng.random(values.shape) < 0.05] = 0.0
        values[5:20, 2 % stocks] = 7.3
        values[:, 4 % stocks] = np.where(np.isnan(values[:, 4 % stocks]), 2.0, values[:, 4 % stocks])
        values[:, stocks - 1] = np.nan
        wide = np.full((rows, stocks + 7), np.nan, dtype_of(name))
        wide[:, :stocks] = values
        fields[name] = wide[:, :stocks]
    codes = tuple(f"{(i * 37) % 101:06d}" for i in range(stocks))
    sector = tuple((None, "Steel", "Banks", "Ships")[i % 4] for i in range(stocks))
    indices = {name: np.round(np.abs(rng.normal(8, 6, rows)), 1) for name in INDICES}
    for series in indices.values():
        series[rng.random(rows) < 0.2] = np.nan
        series[rng.random(rows) < 0.05] = -1.0
        series[:2] = np.nan
        series[30:45] = np.nan
    listings = Listings(
        instrument=np.array([1, 1, 2], np.int32),
        from_day=np.array([days[0], days[min(30, rows - 1)], days[min(5, rows - 1)]], np.int32),
        market=("KOSPI",) * 3,
        name=(None,) * 3,
        sector=("Banks", "Ships", "Steel"),
    )
    return SmallPanels(fields, days, codes, sector, indices, listings.select(listings.instrument < stocks))


def universe_of(panels: SmallPanels, seed: int = 2) -> Callable[[slice], np.ndarray]:
    """A random universe that is the same for a stock and day whatever the order of columns and the rows known."""
    order = np.array([int(code) for code in panels.instruments.code])
    members = np.random.default_rng(seed).random((200, 101)) < 0.8
    return lambda rows: np.ascontiguousarray(members[rows][:, order])
