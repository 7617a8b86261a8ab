"""The inputs of one part, and the factor inputs derived from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.dataset.splits import NearestTick
from shared.factors.company_cap import Group
from shared.factors.compute import FactorInputs
from shared.market import nearest_tick
from shared.model.instruments import Instruments
from shared.model.listings import market_codes_at, markets_of
from shared.model.market_data import Dividends, Listings, Statements

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True)
class RelatedInstruments:
    """Instruments of other parts whose issuers have instruments in this one: their caps count in company caps."""

    instruments: Instruments
    listings: Listings
    prices: Mapping[str, Array]  # PRICE_COLUMNS -> [D, related]


@dataclass(frozen=True, kw_only=True)
class PartInputs:
    """The instruments of one part with their loaded data; statements and dividends refer to its columns.

    `issuer_groups` names columns of the part and, from the number of its instruments on, of `related`.
    """

    days: Array
    instruments: Instruments
    prices: Mapping[str, Array]  # PRICE_COLUMNS -> [D, n]
    first_loaded_row: int
    """Earlier rows contain the stored values of the version from which the build continues."""
    statements: Statements
    dividends: Dividends
    indices: Mapping[str, Array]
    listings: Listings
    issuer_groups: Sequence[Group]
    related: RelatedInstruments | None = None


def ticks_of(instruments: Instruments, listings: Listings) -> NearestTick:
    """Return `nearest_tick` for the columns of these instruments, by the market of each on the day."""

    def nearest(prices: Array, columns: Array, days: Array) -> Array:
        return nearest_tick(prices, market_codes_at(instruments, listings, columns, days), days)

    return nearest


def market_rows(days: Array, instruments: Instruments, listings: Listings) -> Array:
    """Return uint8 [D, N]: the market of every instrument on every row, a position in `markets_of`.

    A broadcast view of one row when no listing changes anything.
    """
    columns = np.arange(len(instruments))
    first = market_codes_at(instruments, listings, columns, np.full(len(columns), days[0] if len(days) else 0))
    rows = np.broadcast_to(first, (len(days), len(columns)))
    listed = np.unique(listings.instrument).tolist()
    if listed:
        rows = rows.copy()
    for column in listed:
        rows[:, column] = market_codes_at(instruments, listings, np.full(len(days), column), days)
    return rows


def factor_inputs(
    *,
    days: Array,
    instruments: Instruments,
    listings: Listings,
    stored: Mapping[str, Array],
    statements: Statements,
    dividends: Dividends,
    indices: Mapping[str, Array],
) -> FactorInputs:
    """Return what `compute_factors` reads; all matrices cover the same rows, from the first loaded one on."""
    names = ("high", "low", "volume", "trading_value", "last", "adjust", "idle", "cap", "company_cap", "shares")
    return FactorInputs(
        days=days,
        market=market_rows(days, instruments, listings),
        markets=markets_of(instruments, listings),
        delisted_day=instruments.delisted_day,
        index_close=dict(indices),
        statements=statements,
        dividends=dividends,
        **{name: stored[name] for name in names},
    )
