"""The trading day after the last row of a dataset, as far as its opening prices are known.

The day becomes one more row on which nothing happens after the open: open, high, low and close are the quoted price. A
run over it fills at the open what the run over the day's real row fills there when the opens are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from shared.market.limits import limits
from shared.market.rule_books import has_rules
from shared.market.ticks import tick
from shared.model.calendar import from_day
from shared.model.fields import NEVER_TRADED
from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.simulation.explain.day_state import is_liquidation
from shared.simulation.memo import Memo

Mark = Literal["beyond_limits", "off_tick"]
Quotes = Mapping[str, float | None]
"""Stock code -> opening price in won; None: the stock does not trade at the open."""

READS: Final = ("last", "idle")
"""Stored fields of the last row that the rule book is checked with."""
_NEARLY: Final = 1e-9
_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True, kw_only=True)
class MarkedQuote:
    """A quote that the rule book does not allow, and which no fill is booked from.

    `lower` and `upper` are the limits of the day in won, None where none apply.
    """

    stock_code: str
    open: float
    mark: Mark
    lower: float | None
    upper: float | None


class OpenedPanels:
    """`Panels` with one more row for the day number `day`.

    opens: float64 [N], the opening prices in won; NaN: no quote; 0: the stock does not trade. A stock without a quote
    is assumed to open at its last close. Fields that a run does not read on its last row keep the value of the row
    before.
    """

    def __init__(self, base: Panels, day: int, opens: np.ndarray, name: str) -> None:
        self._base, self._rows = base, len(base.days)
        self.version = f"{base.version}-opened-{name}"
        self.days = np.append(base.days, np.int32(day)).astype(np.int32)
        self.instruments = base.instruments
        self.indices = {key: np.append(series, np.nan) for key, series in base.indices.items()}
        self.dividends = base.dividends
        self.listings = base.listings
        self.factors = base.factors
        last, idle = self._before("last"), self._before("idle")
        trades = np.where(np.isnan(opens), idle == 0, opens > 0) & (self.instruments.delisted_day > day)
        price = np.where(np.isnan(opens), last, opens)
        waiting = np.where(idle == NEVER_TRADED, NEVER_TRADED, np.minimum(idle.astype(np.int64) + 1, NEVER_TRADED - 1))
        self._row: dict[str, np.ndarray] = {
            **dict.fromkeys(_PRICES, np.where(trades, price, np.nan)),
            "volume": np.where(trades, 1.0, 0.0),
            "trading_value": np.where(trades, price, 0.0),
            "split": np.ones(len(opens)),
            "last": np.where(trades, price, last),
            "idle": np.where(trades, 0, waiting).astype(np.uint16),
        }

    def _before(self, field: str) -> np.ndarray:
        found: np.ndarray = self._base.panel(field, slice(self._rows - 1, self._rows))[0]
        return found

    def panel(self, field: str, rows: slice) -> np.ndarray:
        """Return the rows of a field; a copy where the added row is among them."""
        if rows.stop <= self._rows:
            return self._base.panel(field, rows)
        added = self._row[field] if field in self._row else self._before(field)
        if rows.start >= self._rows:
            return np.ascontiguousarray(added[None, :])
        return np.concatenate([self._base.panel(field, slice(rows.start, self._rows)), added[None, :]])

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], np.ndarray]) -> np.ndarray:
        """Return rows of a computed panel; those before the added row are shared with the dataset."""
        if rows.stop <= self._rows:
            return self._base.scratch(key, dtype, rows, make)
        added = np.ascontiguousarray(make(slice(self._rows, self._rows + 1)), dtype)
        if rows.start >= self._rows:
            return added
        return np.concatenate([self._base.scratch(key, dtype, slice(rows.start, self._rows), make), added])

    def stock_major(
        self, key: str, numbers: int, rows: slice, make: Callable[[slice], np.ndarray]
    ) -> list[tuple[int, np.ndarray]]:
        """Return the years of a computed panel, and the added row as a part of its own."""
        found = []
        if rows.start < self._rows:
            before = slice(rows.start, min(rows.stop, self._rows))
            found = self._base.stock_major(key, numbers, before, make)
        if rows.stop > self._rows:
            found = [*found, (self._rows, np.ascontiguousarray(make(slice(self._rows, self._rows + 1))))]
        return found

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Return the reason that the dataset states."""
        return self._base.absent_reason(factor, year)


_usable: Memo[tuple[np.ndarray, tuple[MarkedQuote, ...]]] = Memo(4)
"""By dataset version, day number and number of the quotes."""


def opened_panels(panels: Panels, day: int, number: int, quotes: Quotes) -> tuple[OpenedPanels, frozenset[str]]:
    """Return the dataset with the row of a day, and the codes of the stocks whose quotes are used.

    Quotes of a day with the same `number` are the same.
    """
    opens, marked = _usable.get((panels.version, day, number), lambda: _checked(panels, day, quotes))
    refused = {quote.stock_code for quote in marked}
    used = frozenset(code for code in quotes if code in panels.instruments.ordinal and code not in refused)
    return OpenedPanels(panels, day, opens, f"{day}-{number}"), used


def marked_quotes(panels: Panels, day: int, quotes: Quotes) -> tuple[MarkedQuote, ...]:
    """Return the quotes that the rule book of their market does not allow on a day, in order of stock codes."""
    return _checked(panels, day, quotes)[1]


def _checked(panels: Panels, day: int, quotes: Quotes) -> tuple[np.ndarray, tuple[MarkedQuote, ...]]:
    """Return the opens [N] as `OpenedPanels` takes them, without the marked quotes, and the marked ones."""
    opens = np.full(len(panels.instruments), np.nan)
    for code, price in quotes.items():
        if code in panels.instruments.ordinal:
            opens[panels.instruments.ordinal[code]] = 0.0 if price is None else price
    whole = OpenedPanels(panels, day, opens, "unchecked")
    row = len(panels.days)
    attributes = row_attributes(whole, slice(row, row + 1))
    last = panels.panel("last", slice(row - 1, row))[0]
    marked = []
    for code in sorted(quotes):
        price, column = quotes[code], panels.instruments.ordinal.get(code)
        if price is None or column is None:
            continue
        market = attributes.markets[int(attributes.market[0, column])]
        if not has_rules(market):
            continue
        has_limits = not np.isnan(last[column]) and not is_liquidation(whole, row, column)
        found = _marked(code, price, market, day, float(last[column]) if has_limits else None)
        if found is not None:
            marked.append(found)
            opens[column] = np.nan
    return opens, tuple(marked)


def _marked(code: str, price: float, market: str, day: int, base: float | None) -> MarkedQuote | None:
    date = from_day(day)
    upper, lower = (None, None) if base is None else limits(base, market, date)
    mark: Mark | None = None
    if upper is not None and lower is not None and not lower * (1 - _NEARLY) <= price <= upper * (1 + _NEARLY):
        mark = "beyond_limits"
    elif abs(price / (size := tick(price, market, date)) - round(price / size)) > 1e-6:
        mark = "off_tick"
    return None if mark is None else MarkedQuote(stock_code=code, open=price, mark=mark, lower=lower, upper=upper)
