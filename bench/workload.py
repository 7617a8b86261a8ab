"""The standard workload: a seeded market in arrays, its dataset version, its requests, and the export for peers."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from shared.dataset.encode import encode_all, manifest_of
from shared.dataset.manifest import Manifest, from_bytes, to_bytes
from shared.dataset.memory_panels import MemoryPanels
from shared.dataset.panels import MappedPanels
from shared.factors.catalogue import BY_KEY
from shared.language import compile_expression
from shared.language.evaluate import evaluate
from shared.market import sales_tax_pct
from shared.model.calendar import from_day, to_day
from shared.model.fields import STORED
from shared.model.instruments import Instruments
from shared.model.market_data import BALANCES, FLOWS, Dividends, RawMarket, Statements
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation import request_of
from shared.strategies.catalogue import STANDARD
from tests.support.build_in_memory import build_panels

FACTORS = ("PER", "ROE", "MOMENTUM_3M", "MARKET_CAP")
LOOK_BACK = 300
"""Rows before the window: a year for the longest factor, and a margin."""

Array = np.ndarray[Any, np.dtype[Any]]


def weekdays(last: dt.date, count: int) -> Array:
    """Return int32 [count]: the weekdays up to `last`."""
    days: list[int] = []
    day = last
    while len(days) < count:
        if day.weekday() < 5:
            days.append(to_day(day))
        day -= dt.timedelta(days=1)
    return np.array(days[::-1], np.int32)


def raw_market(stocks: int, days: int, seed: int = 1, last: dt.date = dt.date(2025, 12, 26)) -> RawMarket:
    """Return a market whose stocks trade on every day, with quarterly statements; equal for equal arguments."""
    random = np.random.default_rng(seed)
    dates = weekdays(last, days)
    steps = random.normal(0.0003, 0.025, (days, stocks))
    close = np.round(10_000 * np.exp(np.cumsum(steps, 0)) * random.uniform(0.2, 5, stocks) / 10) * 10 + 10
    open_ = np.round(close * (1 + random.normal(0, 0.008, (days, stocks))) / 10) * 10 + 10
    high, low = np.maximum(open_, close) * 1.01, np.minimum(open_, close) * 0.99
    volume = random.integers(1_000, 1_000_000, (days, stocks)).astype(float)
    shares = np.tile(random.integers(1_000_000, 100_000_000, stocks).astype(float), (days, 1))
    absent = np.full((days, stocks), np.nan)
    prices = {
        "open": open_, "high": high, "low": low, "close": close, "volume": volume, "trading_value": volume * close,
        "market_cap": close * shares, "listed_shares": shares, "change": absent, "change_rate": absent,
        "split": np.ones((days, stocks)),
    }  # fmt: skip
    unknown: tuple[None, ...] = (None,) * stocks
    instruments = Instruments(
        code=tuple(f"{i:05d}0" for i in range(stocks)),
        name=tuple(f"Synthetic {i:04d}" for i in range(stocks)),
        name_en=unknown,
        market=tuple("KOSDAQ" if i % 3 else "KOSPI" for i in range(stocks)),
        sector=unknown,
        listed_on=unknown,
        delisted_on=unknown,
    )
    nothing = np.zeros(0, np.int32)
    return RawMarket(
        days=dates,
        instruments=instruments,
        prices=prices,
        statements=_statements(random, stocks, dates, shares[0]),
        dividends=Dividends(instrument=nothing, ex_date=nothing, dps=np.zeros(0), disclosed_on=nothing),
        indices={"KOSPI": 1_000 * np.exp(np.cumsum(random.normal(0, 0.01, days)))},
    )


def _statements(random: np.random.Generator, stocks: int, dates: Array, shares: Array) -> Statements:
    first, last = from_day(int(dates[0])).year - 2, from_day(int(dates[-1])).year
    quarters = []
    for year in range(first, last + 1):
        for quarter in (1, 2, 3, 4):
            end = to_day(dt.date(year, 3 * quarter, 28))
            quarters.append((year, quarter, end, end + 45))
    each = len(quarters)
    table = np.array(quarters * stocks, np.int32)
    instrument = np.repeat(np.arange(stocks), each).astype(np.int32)
    equity = random.uniform(0.3, 3, len(instrument)) * shares[instrument] * 3_000
    # one amount for each company and year: a cumulated flow that fell within a year would be quarantined
    companies_years = len(instrument) // 4
    scale = np.repeat(random.uniform(0.3, 3, companies_years), 4) * shares[instrument] * 3_000
    accounts = {
        name: scale * np.repeat(random.uniform(0.02, 0.2, companies_years), 4) * table[:, 1] / 4 for name in FLOWS
    }
    accounts |= {name: equity * random.uniform(0.5, 1.5, len(instrument)) for name in BALANCES}
    return Statements(
        instrument=instrument,
        fiscal_year=np.ascontiguousarray(table[:, 0]),
        fiscal_quarter=np.ascontiguousarray(table[:, 1]),
        period_end=np.ascontiguousarray(table[:, 2]),
        disclosed_on=np.ascontiguousarray(table[:, 3]),
        accounts=accounts,
    )


@dataclass(frozen=True)
class Workload:
    """A dataset version, encoded, and the days of its window."""

    name: str
    manifest: Manifest
    parts: dict[str, bytes]
    rows: int

    def mapped(self, directory: pathlib.Path, budget_bytes: int = 8 << 30) -> MappedPanels:
        """Return the panels as in a simulator: mapped files under `directory`."""
        directory.mkdir(parents=True, exist_ok=True)

        def fetch(names: Sequence[str]) -> dict[str, bytes]:
            return {name: self.parts[name] for name in names}

        return MappedPanels(directory, self.manifest, fetch, budget_bytes)

    def save(self, folder: pathlib.Path) -> None:
        """Write the version for another process."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "workload.msgpack").write_bytes(
            msgspec.msgpack.encode({"parts": self.parts, "rows": self.rows, "name": self.name})
        )
        (folder / "manifest.json").write_bytes(self.manifest_bytes())

    def manifest_bytes(self) -> bytes:
        """Return the manifest as the preparer stores it."""
        return to_bytes(self.manifest)


def open_workload(folder: pathlib.Path) -> Workload:
    """Load a workload that `save` wrote."""
    stored = msgspec.msgpack.decode((folder / "workload.msgpack").read_bytes())
    return Workload(
        name=stored["name"],
        manifest=from_bytes((folder / "manifest.json").read_bytes()),
        parts=stored["parts"],
        rows=stored["rows"],
    )


def make(stocks: int, rows: int, seed: int = 1, keys: Sequence[str] = FACTORS) -> tuple[Workload, MemoryPanels]:
    """Return the workload of a window of `rows` days, and its panels in memory."""
    panels = build_panels(raw_market(stocks, rows + LOOK_BACK, seed), keys)
    everything = slice(0, len(panels.days))
    content, parts = encode_all(
        days=panels.days,
        instruments=panels.instruments,
        fields={name: panels.panel(name, everything) for name in (*STORED, *keys)},
        factor_versions={key: BY_KEY[key].version for key in keys},
        indices=panels.indices,
        dividends=panels.dividends,
    )
    name = f"{stocks}x{rows}"
    return Workload(name=name, manifest=manifest_of(content, 1, {}), parts=parts, rows=rows), panels


EXECUTION: dict[str, Any] = {"max_volume_pct": None, "delisting": "last_price"}
"""Execution without the rules that no peer and no earlier measurement has: volume cap and liquidation trading."""


def strategy(number: int | None = None) -> dict[str, Any]:
    """Return the standard strategy over stocks of every kind; `number`: with a condition that is unique for it."""
    rules = STANDARD.strategy if number is None else with_condition(number)
    return {**rules, "universe": {**rules.get("universe", {}), "kinds": None}}


def with_condition(number: int) -> dict[str, Any]:
    """Return the standard strategy with a condition that is unique for `number` and selects as many stocks."""
    buy = STANDARD.strategy["buy"]
    where = buy["where"].replace("PER < 10 ", f"PER < {10 + (number + 1) / 1e6:.6f} ")
    if where == buy["where"]:
        raise ValueError(f"the standard condition has an unexpected form: {where}")
    return {**STANDARD.strategy, "buy": {**buy, "where": where}}


def standard(
    panels: Panels, rows: int, *, plain: bool = False, condition: int | None = None, **changes: Any
) -> BacktestRequest:
    """Return the standard strategy over the last `rows` days.

    `plain`: without ticks and limits, which no peer has; `condition`: a number for a unique condition.
    """
    body: dict[str, Any] = {
        "strategy": strategy(condition),
        "costs": STANDARD.costs,
        "start": from_day(int(panels.days[-rows])).isoformat(),
        "end": from_day(int(panels.days[-1])).isoformat(),
    }
    body["execution"] = {**EXECUTION, **({"price_limits": False, "tick_size": False} if plain else {})}
    return request_of({**body, **changes})


def export(panels: Panels, rows: int, folder: pathlib.Path) -> None:
    """Write the arrays of bench/peers/arrays.py."""
    folder.mkdir(parents=True, exist_ok=True)
    window = slice(len(panels.days) - rows, len(panels.days))
    before = slice(window.start - 1, window.stop - 1)
    columns = len(panels.instruments)

    def universe(wanted: slice) -> Array:
        return np.ones((wanted.stop - wanted.start, columns), np.bool_)

    def number(text: str) -> Array:
        expression = compile_expression(text, role="number", path="bench")
        return evaluate(expression, panels, before, universe, "bench-everything")

    arrays = {
        "days": panels.days[window],
        "tax": np.array([sales_tax_pct(from_day(int(day)), "KOSPI") / 100 for day in panels.days[window]]),
        "per": panels.panel("PER", before),
        "roe": panels.panel("ROE", before),
        "momentum": panels.panel("MOMENTUM_3M", before),
        "pct": number("pct_rank(PER)"),
        "close": number("raw_close"),
        "mean": number("ts_mean(raw_close, 60)"),
        **{name: panels.panel(name, window) for name in ("open", "high", "low", "last")},
    }
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(values))
