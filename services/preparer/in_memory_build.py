"""From a raw market to everything that a dataset holds, in memory and without servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shared.dataset.derive import NearestTick, derive_rows
from shared.dataset.memory_panels import MemoryPanels
from shared.factors.catalogue import FACTORS
from shared.factors.compute import FactorInputs, compute_factors
from shared.factors.coverage import coverage_reasons
from shared.market import nearest_tick
from shared.model.fields import LOADED
from shared.model.instruments import Instruments
from shared.model.listings import market_codes_at
from shared.model.market_data import Dividends, Listings, RawMarket, Statements

Array = np.ndarray[Any, np.dtype[Any]]


def ticks_of(instruments: Instruments, listings: Listings) -> NearestTick:
    """Return `nearest_tick` for the columns of these instruments, by the market of each on the day."""

    def nearest(prices: Array, columns: Array, days: Array) -> Array:
        return nearest_tick(prices, market_codes_at(instruments, listings, columns, days), days)

    return nearest


def factor_inputs(
    *,
    days: Array,
    instruments: Instruments,
    stored: Mapping[str, Array],
    statements: Statements,
    dividends: Dividends,
    indices: Mapping[str, Array],
) -> FactorInputs:
    """What `compute_factors` reads; all matrices cover the same rows, from the first loaded one on."""
    names = (
        "open",
        "high",
        "low",
        "close",
        "volume",
        "trading_value",
        "last",
        "adjust",
        "idle",
        "cap",
        "shares",
        "split",
    )
    return FactorInputs(
        days=days,
        market=instruments.market,
        delisted_day=instruments.delisted_day,
        index_close=dict(indices),
        statements=statements,
        dividends=dividends,
        **{name: stored[name] for name in names},
    )


def stored_fields(raw: RawMarket) -> dict[str, Array]:
    """LOADED and DERIVED of a raw market, [D, N] each."""
    derived = derive_rows(raw.days, raw.instruments.delisted_day, raw.prices, ticks_of(raw.instruments, raw.listings))
    return {name: raw.prices[name] for name in LOADED} | derived


def build_panels(raw: RawMarket, keys: Sequence[str] | None = None) -> MemoryPanels:
    """Derive everything and compute the factors `keys` (all of the catalogue when None)."""
    wanted = tuple(f.key for f in FACTORS) if keys is None else tuple(keys)
    fields = stored_fields(raw)
    inputs = factor_inputs(
        days=raw.days,
        instruments=raw.instruments,
        stored=fields,
        statements=raw.statements,
        dividends=raw.dividends,
        indices=raw.indices,
    )
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
