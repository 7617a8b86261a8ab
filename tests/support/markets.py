"""Small markets in the form of `tests/data/examples.json`: lists of rows under the names of the load format."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from shared.dataset.memory_panels import MemoryPanels
from shared.model.calendar import to_day
from shared.model.instruments import Instruments
from shared.model.market_data import ACCOUNTS, PRICE_COLUMNS, Dividends, Listings, RawMarket, Statements, listings_of
from tests.support.build_in_memory import build_panels

Rows = Sequence[Mapping[str, Any]]
NEVER_DISCLOSED_LATER = int(np.iinfo(np.int32).min)


def _day(value: str | dt.date) -> int:
    return to_day(dt.date.fromisoformat(value) if isinstance(value, str) else value)


def _number(value: object) -> float:
    return float("nan") if value is None else float(value)  # type: ignore[arg-type]


def _optional_day(value: str | dt.date | None) -> int | None:
    return None if value is None else _day(value)


def raw_market(market: Mapping[str, Rows]) -> RawMarket:
    """Return the rows of a market as arrays; stocks keep the order of `companies`, days are those with trading."""
    companies, prices = market["companies"], market["prices"]
    instruments = Instruments(
        code=tuple(c["stock_code"] for c in companies),
        name=tuple(c["name"] for c in companies),
        name_en=tuple(c.get("name_en") for c in companies),
        market=tuple(c["market"] for c in companies),
        sector=tuple(c.get("sector") for c in companies),
        listed_on=tuple(_optional_day(c.get("listed_on")) for c in companies),
        delisted_on=tuple(_optional_day(c.get("delisted_on")) for c in companies),
        kind=tuple(c.get("kind") for c in companies),
        issuer=tuple(c.get("issuer") for c in companies),
    )
    delisted = dict(zip(instruments.code, instruments.delisted_day.tolist(), strict=True))
    traded = {_day(p["date"]) for p in prices if _is_tradable(p) and _day(p["date"]) < delisted[p["stock_code"]]}
    days = np.array(sorted(traded), np.int32)
    row_of = {int(day): row for row, day in enumerate(days)}
    matrices = {name: np.full((len(days), len(instruments)), np.nan) for name in PRICE_COLUMNS}
    for price in prices:
        if _day(price["date"]) not in row_of:
            continue
        row, column = row_of[_day(price["date"])], instruments.ordinal[price["stock_code"]]
        for name in PRICE_COLUMNS:
            matrices[name][row, column] = _number(price.get(name))
    return RawMarket(
        days=days,
        instruments=instruments,
        prices=matrices,
        statements=_statements(market.get("financials", ()), instruments),
        dividends=_dividends(market.get("dividends", ()), instruments),
        indices=_indices(market.get("indices", ()), row_of),
        listings=_listings(market.get("listings", ()), instruments),
    )


def _is_tradable(price: Mapping[str, Any]) -> bool:
    return _number(price.get("volume")) > 0 and _number(price.get("open")) > 0


def _listings(rows: Rows, instruments: Instruments) -> Listings:
    return listings_of(
        (instruments.ordinal[r["stock_code"]], _day(r["from_date"]), r["market"], r.get("name"), r.get("sector"))
        for r in rows
    )


def _statements(rows: Rows, instruments: Instruments) -> Statements:
    return Statements(
        instrument=np.array([instruments.ordinal[r["stock_code"]] for r in rows], np.int32),
        fiscal_year=np.array([r["fiscal_year"] for r in rows], np.int32),
        fiscal_quarter=np.array([r["fiscal_quarter"] for r in rows], np.int32),
        period_end=np.array([_day(r["period_end"]) for r in rows], np.int32),
        disclosed_on=np.array([_day(r["disclosed_on"]) for r in rows], np.int32),
        accounts={name: np.array([_number(r.get(name)) for r in rows], np.float64) for name in ACCOUNTS},
    )


def _dividends(rows: Rows, instruments: Instruments) -> Dividends:
    disclosed = [_optional_day(r.get("disclosed_on")) for r in rows]
    return Dividends(
        instrument=np.array([instruments.ordinal[r["stock_code"]] for r in rows], np.int32),
        ex_date=np.array([_day(r["ex_date"]) for r in rows], np.int32),
        dps=np.array([_number(r["dps"]) for r in rows], np.float64),
        disclosed_on=np.array([NEVER_DISCLOSED_LATER if d is None else d for d in disclosed], np.int32),
        kind=tuple(r.get("kind") for r in rows),
    )


def _indices(rows: Rows, row_of: Mapping[int, int]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    indices: dict[str, np.ndarray] = {}  # type: ignore[type-arg]
    for r in rows:
        series = indices.setdefault(r["index"], np.full(len(row_of), np.nan))
        row = row_of.get(_day(r["date"]))
        if row is not None:
            close = _number(r["close"])
            series[row] = close if close > 0 else np.nan
    return indices


def panels_of(market: Mapping[str, Rows], keys: Sequence[str] | None = None) -> MemoryPanels:
    """Return the panels of a market with the factors `keys` (all when None)."""
    return build_panels(raw_market(market), keys)
