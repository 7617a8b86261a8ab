"""Dataset versions of random markets in memory, as a preparer stores them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.dataset.derive import derive_rows
from shared.dataset.encode import encode_all, manifest_of
from shared.dataset.manifest import Manifest
from shared.dataset.memory_panels import MemoryPanels
from shared.model.calendar import to_day
from shared.model.fields import dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import PRICE_COLUMNS, Dividends

Array = np.ndarray[Any, np.dtype[Any]]
FACTORS = {"PER": 1, "ROE": 1, "EARNINGS_YIELD": 1, "MARKET_CAP": 1, "RSI_14": 1}


def random_version(
    seed: int = 0, *, days: int = 60, stocks: int = 7, start: dt.date = dt.date(2022, 12, 1), revision: int = 1
) -> tuple[MemoryPanels, Manifest, dict[str, bytes]]:
    """Return panels in memory with their manifest and parts. Rows of one seed do not depend on `days`."""
    prices: dict[str, Array] = {name: np.full((days, stocks), np.nan) for name in PRICE_COLUMNS}
    factors: dict[str, Array] = {key: np.full((days, stocks), np.nan, np.float32) for key in FACTORS}
    for row in range(days):
        random = np.random.default_rng((seed, row))
        close = np.round(1000 * np.exp(random.normal(0, 0.1, 5000)))[:stocks]
        close[random.random(5000)[:stocks] < 0.1] = np.nan
        for name in ("open", "high", "low", "close"):
            prices[name][row] = close
        prices["volume"][row] = random.integers(0, 3, 5000)[:stocks]
        prices["listed_shares"][row] = 1e6
        prices["split"][row] = np.where(random.random(5000) < 0.02, 2.0, 1.0)[:stocks]
        factors["ROE"][row] = random.normal(10, 5, 5000)[:stocks]
        factors["RSI_14"][row] = random.uniform(0, 100, 5000)[:stocks]
    instruments = _instruments(stocks)
    dates = _weekdays(start, days)
    derived = derive_rows(dates, instruments.delisted_day, prices, lambda price, columns, on: price)
    derived["company_cap"] = derived["cap"].copy()
    factors["PER"] = (derived["cap"] / 7.3e7).astype(np.float32)
    factors["EARNINGS_YIELD"] = (7.3e9 / derived["cap"]).astype(np.float32)
    factors["MARKET_CAP"] = derived["cap"].astype(np.float32)
    fields: dict[str, Array] = derived | factors
    fields = {name: np.ascontiguousarray(values, dtype_of(name)) for name, values in fields.items()}
    indices = {"KOSPI": np.where(np.arange(days) % 9 == 4, np.nan, np.arange(days) + 0.1)}
    empty = np.zeros(0, np.int32)
    dividends = Dividends(instrument=empty, ex_date=empty, dps=np.zeros(0), disclosed_on=empty)
    memory = MemoryPanels(dates, instruments, fields, indices, dividends, frozenset(FACTORS))
    content, blobs = encode_all(
        days=dates,
        instruments=instruments,
        fields=fields,
        factor_versions=FACTORS,
        indices=indices,
        dividends=dividends,
    )
    return memory, manifest_of(content, revision, {"ROE": "no reason"}), blobs


def _weekdays(start: dt.date, count: int) -> Array:
    days, day = [], start
    while len(days) < count:
        if day.weekday() < 5:
            days.append(to_day(day))
        day += dt.timedelta(days=1)
    return np.array(days, np.int32)


def _instruments(count: int) -> Instruments:
    codes = tuple(f"{i:06d}" for i in range(count))
    nothing: tuple[None, ...] = (None,) * count
    markets = tuple("KOSDAQ" if i % 3 else "KOSPI" for i in range(count))
    return Instruments(
        code=codes, name=codes, name_en=nothing, market=markets, sector=nothing, listed_on=nothing, delisted_on=nothing
    )


class PartStore:
    """In-memory part store that logs the requested names."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs
        self.requested: list[str] = []

    def __call__(self, names: Sequence[str]) -> dict[str, bytes]:
        self.requested += names
        return {name: self.blobs[name] for name in names if name in self.blobs}
