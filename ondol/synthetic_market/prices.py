"""Prices of a synthetic market, day by day: returns, ticks, limits, halts, splits, gaps, listings and ends.

1. A return is the sum of a market, a sector and an idiosyncratic shock of varying volatility, plus rare jumps.
2. The base price is the last close divided by the day's split; the close moves from it, is rounded to the tick grid and
   never leaves the daily limits (a stock's first row has none).
3. Halts start at random, before splits and before the end of a stock that is to be liquidated; a split takes effect on
   the first row with trading after its halt. Gaps are stretches without any row.
4. Indices are chained from the market caps of the stocks that have a base price that day, so listings, ends, splits and
   new shares do not move them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ondol.synthetic_market.companies import KOSDAQ, KOSPI, LIQUIDATED, SUSPENDED, Companies
from shared.market.day_rules import day_rules
from shared.market.ticks import TABLES, TOUCH
from shared.strategies.catalogue import SECTORS

INDEX_START: Final = {"KOSPI": 2500.0, "KOSDAQ": 800.0}


@dataclass(frozen=True, kw_only=True)
class Prices:
    """A synthetic price history, [D, N]; without a row everything is 0 and `row` False. Won and shares are whole."""

    row: np.ndarray  # bool: the stock has a row that day
    open: np.ndarray  # float64, NaN or 0 on rows without trading (both are allowed)
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray  # float64
    trading_value: np.ndarray
    shares: np.ndarray  # float64, listed
    split: np.ndarray  # float64, 1 without a split
    indices: dict[str, np.ndarray] = field(default_factory=dict)  # name -> float64 [D, 4]: open, high, low, close


class _Grid:
    """Rounding of one day's prices to the tick grid of each stock's market."""

    def __init__(self, tables: np.ndarray, market: np.ndarray) -> None:
        self._tables = [TABLES[table] for table in tables]
        self._one = len(set(tables.tolist())) == 1
        self._market = market

    def size(self, price: np.ndarray) -> np.ndarray:
        reached = price * (1 + TOUCH)
        multiple = [
            t[np.minimum(np.searchsorted(t[:, 0], reached, side="right"), len(t) - 1), 1] for t in self._tables[:2]
        ]
        size: np.ndarray = multiple[0] if self._one else np.where(self._market == KOSPI, multiple[0], multiple[1])
        return size

    def down(self, price: np.ndarray) -> np.ndarray:
        size = self.size(price)
        rounded: np.ndarray = np.floor(price / size + TOUCH) * size
        return rounded

    def up(self, price: np.ndarray) -> np.ndarray:
        size = self.size(price)
        rounded: np.ndarray = np.ceil(price / size - TOUCH) * size
        return rounded

    def near(self, price: np.ndarray) -> np.ndarray:
        size = self.size(price)
        rounded: np.ndarray = np.floor(price / size + 0.5) * size
        return rounded


@dataclass(frozen=True, kw_only=True)
class _Noise:
    """All random draws of the prices, [D, N] float32 unless stated otherwise."""

    own: np.ndarray
    log_volatility: np.ndarray  # its changes; autoregressive
    gap: np.ndarray
    reach_up: np.ndarray
    reach_down: np.ndarray
    activity: np.ndarray  # changes of the log of traded volume; autoregressive
    event: np.ndarray  # uniform: selects the event
    kind: np.ndarray  # uniform: selects its kind or size
    market: np.ndarray  # float64 [D, 3]
    sector: np.ndarray  # float64 [D, sectors + 1]


def _draw(random: np.random.Generator, rows: int, stocks: int) -> _Noise:
    def normal() -> np.ndarray:
        return random.standard_normal((rows, stocks), np.float32)

    shock = 0.0085 * random.standard_normal(rows) * np.exp(0.35 * random.standard_normal(rows))
    trend = np.repeat(random.normal(0.0, 0.0007, rows // 120 + 1), 120)[:rows]
    kospi = 0.0002 + trend + shock
    kosdaq = 0.0001 + trend + 0.85 * shock + 0.006 * random.standard_normal(rows)
    sector = 0.006 * random.standard_normal((rows, len(SECTORS) + 1))
    sector[:, -1] = 0.0
    return _Noise(
        own=normal(), log_volatility=normal(), gap=normal(), reach_up=np.abs(normal()), reach_down=np.abs(normal()),
        activity=normal(), event=random.random((rows, stocks), np.float32),
        kind=random.random((rows, stocks), np.float32),
        market=np.stack([kospi, kosdaq, kosdaq], axis=1), sector=sector,
    )  # fmt: skip


def _gaps(random: np.random.Generator, companies: Companies, rows: int) -> np.ndarray:
    """bool [D, N]: rows that are missing altogether (about 1 % of the stocks, some for longer than 60 rows)."""
    missing = np.zeros((rows, len(companies)), bool)
    whole = np.flatnonzero((companies.first_row == 0) & (companies.stop_row == rows))
    chosen = random.permutation(whole)[: max(1, len(companies) // 100)]
    for place, stock in enumerate(chosen):
        length = int(random.integers(61, 180)) if place % 5 == 0 else int(random.integers(1, 30))
        start = int(random.integers(5, max(6, rows - 5)))
        missing[start : min(start + length, rows - 2), stock] = True
    return missing


def _split_factor(last: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Return new shares per old share: expensive stocks are split, cheap ones merged, others get a bonus issue."""
    bonus = np.select([kind < 0.3, kind < 0.55, kind < 0.7, kind < 0.85], [2.0, 1.5, 1.1, 3.0], 1.05)
    merge = np.select([kind < 0.5, kind < 0.8], [0.1, 0.2], 0.5)
    cut = np.select([kind < 0.5, kind < 0.8], [5.0, 10.0], 2.0)
    multiple: np.ndarray = np.where(last >= 100_000, cut, np.where(last < 1500, merge, bonus))
    return np.where((multiple > 1) & (last < 300), 0.1, multiple)


def make_prices(random: np.random.Generator, companies: Companies, days: np.ndarray) -> Prices:
    """Return the price history of `companies` over the trading days `days` (int32 day numbers)."""
    rows, stocks = len(days), len(companies)
    noise, missing, rules = _draw(random, rows, stocks), _gaps(random, companies, rows), day_rules(days)
    out = {name: np.zeros((rows, stocks)) for name in ("open", "high", "low", "close", "volume", "trading_value")}
    shares_out, split_out, row_out = np.zeros((rows, stocks)), np.ones((rows, stocks)), np.zeros((rows, stocks), bool)
    blank = np.where(companies.market == KOSPI, np.nan, 0.0)  # open, high, low on rows without trading
    market, sector = companies.market, companies.sector.astype(np.intp)
    volatility, liquidation_start = companies.volatility, companies.stop_row - 7

    last = np.full(stocks, np.nan)
    shares = np.floor(companies.cap / companies.price / 10) * 10
    log_volatility, activity, jump_left = np.zeros(stocks), np.zeros(stocks), np.zeros(stocks)
    halt_left, pending = np.zeros(stocks, np.int64), np.ones(stocks)
    halt_rows = random.integers(15, 60, stocks)  # halt before the end
    anchor = np.log(companies.price)
    levels, members = dict(INDEX_START), {"KOSPI": market == KOSPI, "KOSDAQ": market == KOSDAQ}
    closes = {name: np.zeros(rows) for name in members}

    for d in range(rows):
        event, kind = noise.event[d], noise.kind[d]
        exists = (d >= companies.first_row) & (d < companies.stop_row) & ~missing[d]
        first = exists & np.isnan(last)
        last = np.where(first, companies.price, last)

        # Events that begin on this day: a halt, a split with or without a halt, new shares, a jump.
        free = exists & ~first & (halt_left == 0)
        splits = free & (event < 2.2e-4)
        halts = free & (event > 0.9997)
        length = np.select([kind < 0.5, kind < 0.9, kind < 0.985], [1, 1 + kind * 12, 20 + kind * 40], 100 + kind * 80)
        halt_left = np.where(halts, length.astype(np.int64), halt_left)
        pending = np.where(splits, _split_factor(last, kind), pending)
        halt_left = np.where(splits, np.where(event < 1.2e-4, 3 + (kind * 12).astype(np.int64), 0), halt_left)
        ends = (companies.ending == LIQUIDATED) & (d >= liquidation_start - halt_rows) & (d < liquidation_start)
        ends |= (companies.ending == SUSPENDED) & (d >= companies.stop_row - halt_rows)
        issues = free & (event > 0.9985) & (event < 0.99865)
        shares = np.where(issues, np.floor(shares * (1.03 + 0.2 * kind)), shares)

        halted = exists & ((halt_left > 0) | ends) & ~first
        halt_left = np.maximum(halt_left - exists, 0)
        split = np.where(exists & ~halted & ~first, pending, 1.0)
        pending = np.where(exists & ~halted, 1.0, pending)
        shares = np.where(split != 1.0, np.maximum(np.floor(shares * split + 1e-9), 1.0), shares)
        base = last / split

        # The day's return.
        log_volatility = 0.97 * log_volatility + 0.1 * noise.log_volatility[d]
        sigma = volatility * np.exp(log_volatility + 0.25 * noise.log_volatility[d])
        liquidating = (companies.ending == LIQUIDATED) & (d >= liquidation_start)
        jumps = free & (event > 0.5) & (event < 0.5012)
        sign = np.where(kind < 0.58, 1.0, -1.0)
        jump = np.where(jumps, sign * (0.12 + 0.4 * noise.reach_up[d]), jump_left)
        jump_left = np.where(jumps & (noise.reach_down[d] > 1.0), jump * 0.8, 0.0)
        pull = -0.0002 * (np.log(np.maximum(last, 1.0)) - anchor)
        drift = 0.0002 - 0.5 * volatility**2 + pull - 0.12 * liquidating
        common = companies.beta * noise.market[d, market] + noise.sector[d, sector]
        move = np.clip(drift + common + sigma * noise.own[d] + jump, -1.2, 1.2)
        anchor -= np.log(split)

        # Its prices.
        grid = _Grid(rules.tick_table[d], market)
        part = rules.limit[d][market]
        tick = grid.size(base)
        upper = np.where(first, np.inf, grid.down(base * (1 + part)))
        lower = np.where(first, 1.0, grid.up(np.maximum(base - np.floor(base * part / tick + TOUCH) * tick, 1.0)))
        settle = np.clip(grid.near(base * np.exp(move + first * (0.25 + 0.4 * noise.own[d]))), lower, upper)
        start = np.clip(grid.near(base * np.exp(0.35 * move + 0.3 * sigma * noise.gap[d])), lower, upper)
        locked = ((settle == upper) | (settle == lower)) & (kind < 0.25)
        start = np.where(locked, settle, start)
        span = np.where(locked, 0.0, 0.45 * sigma)
        top, bottom = np.maximum(start, settle), np.minimum(start, settle)
        high = np.maximum(top, np.minimum(grid.down(top * np.exp(span * noise.reach_up[d])), upper))
        low = np.minimum(bottom, np.maximum(grid.up(bottom * np.exp(-span * noise.reach_down[d])), lower))
        activity = 0.9 * activity + 0.3 * noise.activity[d]
        busy = np.exp(activity + np.minimum(9 * np.abs(move), 2.5) - 1.5 * locked + 1.2 * first)
        volume = np.minimum(np.floor(shares * companies.turnover * busy), shares)
        trades = exists & ~halted & ((volume > 0) | first | (split != 1.0))
        volume = np.where(trades, np.maximum(volume, 1.0), 0.0)

        # A row without trading repeats the last close.
        last = np.where(trades, settle, last)
        row_out[d], shares_out[d], split_out[d] = exists, shares, np.where(exists, split, 1.0)
        for name, price in (("open", start), ("high", high), ("low", low)):
            out[name][d] = np.where(trades, price, blank)
        out["close"][d], out["volume"][d] = last, volume
        out["trading_value"][d] = np.floor(volume * (high + low + 2 * settle) / 4)
        for name, inside in members.items():
            counts = inside & exists & ~first
            before, after = shares[counts] @ base[counts], shares[counts] @ last[counts]
            levels[name] *= after / before if before > 0 else 1.0
            closes[name][d] = levels[name]

    indices = {name: _index(random, close) for name, close in closes.items()}
    return Prices(row=row_out, shares=shares_out, split=split_out, indices=indices, **out)


def _index(random: np.random.Generator, close: np.ndarray) -> np.ndarray:
    """Return float64 [D, 4]: open, high, low and close of an index, rounded to hundredths, around its close."""
    before = np.concatenate([close[:1], close[:-1]])
    start = before * (close / before) ** 0.4
    reach = np.abs(random.normal(0.0, 0.003, (2, len(close))))
    high = np.maximum(start, close) * (1 + reach[0])
    low = np.minimum(start, close) * (1 - reach[1])
    return np.round(np.stack([start, high, low, close], axis=1), 2)
