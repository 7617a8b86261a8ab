"""From a raw market to everything that a dataset holds, in memory and without servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shared.dataset.derive import derive_rows
from shared.dataset.memory_panels import MemoryPanels
from shared.dataset.splits import NearestTick
from shared.factors.catalogue import FACTORS
from shared.factors.company_cap import company_caps, issuer_groups
from shared.factors.compute import FactorInputs, compute_factors
from shared.factors.coverage import coverage_reasons
from shared.market import nearest_tick
from shared.model.instruments import Instruments
from shared.model.listings import market_codes_at, markets_of
from shared.model.market_data import Dividends, Listings, RawMarket, Statements

Array = np.ndarray[Any, np.dtype[Any]]


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


def stored_fields(raw: RawMarket) -> dict[str, Array]:
    """Return every field of STORED of a raw market, [D, N] each."""
    delisted_day = raw.instruments.delisted_day
    stored = derive_rows(raw.days, delisted_day, raw.prices, ticks_of(raw.instruments, raw.listings))
    groups = issuer_groups(raw.instruments)
    return stored | {"company_cap": company_caps(groups, raw.days, delisted_day, stored["cap"], stored["idle"])}


def inputs_of(raw: RawMarket, stored: Mapping[str, Array]) -> FactorInputs:
    """Return the factor inputs of a whole market; `stored` are its `stored_fields`."""
    return factor_inputs(
        days=raw.days,
        instruments=raw.instruments,
        listings=raw.listings,
        stored=stored,
        statements=raw.statements,
        dividends=raw.dividends,
        indices=raw.indices,
    )


def build_panels(raw: RawMarket, keys: Sequence[str] | None = None) -> MemoryPanels:
    """Derive everything and compute the factors `keys` (all of the catalogue when None)."""
    wanted = tuple(f.key for f in FACTORS) if keys is None else tuple(keys)
    fields = stored_fields(raw)
    inputs = inputs_of(raw, fields)
    factors = compute_factors(inputs, wanted, slice(0, len(raw.days)))
    return MemoryPanels(
        days=raw.days,
        instruments=raw.instruments,
        fields=fields | factors,
        indices=raw.indices,
        dividends=raw.dividends,
        factors=frozenset(wanted),
        reasons=coverage_reasons(inputs),
        listings=raw.listings,
    )
