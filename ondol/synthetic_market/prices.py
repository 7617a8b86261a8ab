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
    history = _History(random, companies, days)
    for d in range(len(days)):
        history.add_day(d)
    indices = {name: _index(random, close) for name, close in history.closes.items()}
    return Prices(row=history.row, shares=history.shares_out, split=history.split, indices=indices, **history.out)


@dataclass(frozen=True, kw_only=True)
class _Quotes:
    """The prices of a day if every stock traded, [N] each; `locked`: bool [N], every trade at a limit."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    locked: np.ndarray


class _History:
    """The rows of all days so far, [D, N], and the state of each stock after the last of them, [N]."""

    def __init__(self, random: np.random.Generator, companies: Companies, days: np.ndarray) -> None:
        rows, stocks = len(days), len(companies)
        self.companies = companies
        self.noise, self.missing, self.rules = (
            _draw(random, rows, stocks),
            _gaps(random, companies, rows),
            day_rules(days),
        )
        names = ("open", "high", "low", "close", "volume", "trading_value")
        self.out = {name: np.zeros((rows, stocks)) for name in names}
        self.shares_out, self.split = np.zeros((rows, stocks)), np.ones((rows, stocks))
        self.row = np.zeros((rows, stocks), bool)
        self.blank = np.where(companies.market == KOSPI, np.nan, 0.0)  # open, high, low on rows without trading
        self.sector = companies.sector.astype(np.intp)
        self.liquidation_start = companies.stop_row - 7

        self.last = np.full(stocks, np.nan)
        self.shares = np.floor(companies.cap / companies.price / 10) * 10
        self.log_volatility, self.activity, self.jump_left = np.zeros(stocks), np.zeros(stocks), np.zeros(stocks)
        self.halt_left, self.pending_split = np.zeros(stocks, np.int64), np.ones(stocks)
        self.halt_rows = random.integers(15, 60, stocks)  # halt before the end
        self.anchor = np.log(companies.price)
        self.levels = dict(INDEX_START)
        self.members = {"KOSPI": companies.market == KOSPI, "KOSDAQ": companies.market == KOSDAQ}
        self.closes = {name: np.zeros(rows) for name in self.members}

    def add_day(self, d: int) -> None:
        """Write row `d` and move the state to its evening."""
        companies = self.companies
        exists = (d >= companies.first_row) & (d < companies.stop_row) & ~self.missing[d]
        first = exists & np.isnan(self.last)
        self.last = np.where(first, companies.price, self.last)
        free = exists & ~first & (self.halt_left == 0)
        self._begin_events(d, free)

        halted = exists & ((self.halt_left > 0) | self._is_last_halt(d)) & ~first
        self.halt_left = np.maximum(self.halt_left - exists, 0)
        split = self._apply_splits(exists & ~halted, first)
        base = self.last / split
        move, sigma = self._returns(d, free)
        self.anchor -= np.log(split)

        quotes = self._quotes(d, base, move, sigma, first)
        volume = self._volume(d, move, quotes, first)
        trades = exists & ~halted & ((volume > 0) | first | (split != 1.0))
        volume = np.where(trades, np.maximum(volume, 1.0), 0.0)
        self.last = np.where(trades, quotes.close, self.last)  # a row without trading repeats the last close
        self.row[d], self.shares_out[d], self.split[d] = exists, self.shares, np.where(exists, split, 1.0)
        self._write(d, quotes, volume, trades)
        self._move_indices(d, base, exists & ~first)

    def _begin_events(self, d: int, free: np.ndarray) -> None:
        """Begin a halt, a split with or without a halt, or an issue of new shares, of stocks without another one."""
        event, kind = self.noise.event[d], self.noise.kind[d]
        splits = free & (event < 2.2e-4)
        halts = free & (event > 0.9997)
        length = np.select([kind < 0.5, kind < 0.9, kind < 0.985], [1, 1 + kind * 12, 20 + kind * 40], 100 + kind * 80)
        halt_left = np.where(halts, length.astype(np.int64), self.halt_left)
        self.pending_split = np.where(splits, _split_factor(self.last, kind), self.pending_split)
        self.halt_left = np.where(splits, np.where(event < 1.2e-4, 3 + (kind * 12).astype(np.int64), 0), halt_left)
        issues = free & (event > 0.9985) & (event < 0.99865)
        self.shares = np.where(issues, np.floor(self.shares * (1.03 + 0.2 * kind)), self.shares)

    def _is_last_halt(self, d: int) -> np.ndarray:
        """Return bool [N]: suspended before liquidation trading, or until the delisting."""
        ending, begin = self.companies.ending, self.liquidation_start
        halted: np.ndarray = (ending == LIQUIDATED) & (d >= begin - self.halt_rows) & (d < begin)
        halted |= (ending == SUSPENDED) & (d >= self.companies.stop_row - self.halt_rows)
        return halted

    def _apply_splits(self, trading: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Return new shares per old share of the day, 1 without a split; pending splits end on a day of trading."""
        split = np.where(trading & ~first, self.pending_split, 1.0)
        self.pending_split = np.where(trading, 1.0, self.pending_split)
        self.shares = np.where(split != 1.0, np.maximum(np.floor(self.shares * split + 1e-9), 1.0), self.shares)
        return split

    def _returns(self, d: int, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log returns of the day and their volatilities, [N] each."""
        companies, noise = self.companies, self.noise
        volatility, event, kind = companies.volatility, noise.event[d], noise.kind[d]
        self.log_volatility = 0.97 * self.log_volatility + 0.1 * noise.log_volatility[d]
        sigma = volatility * np.exp(self.log_volatility + 0.25 * noise.log_volatility[d])
        liquidating = (companies.ending == LIQUIDATED) & (d >= self.liquidation_start)
        jumps = free & (event > 0.5) & (event < 0.5012)
        sign = np.where(kind < 0.58, 1.0, -1.0)
        jump = np.where(jumps, sign * (0.12 + 0.4 * noise.reach_up[d]), self.jump_left)
        self.jump_left = np.where(jumps & (noise.reach_down[d] > 1.0), jump * 0.8, 0.0)
        pull = -0.0002 * (np.log(np.maximum(self.last, 1.0)) - self.anchor)
        drift = 0.0002 - 0.5 * volatility**2 + pull - 0.12 * liquidating
        common = companies.beta * noise.market[d, companies.market] + noise.sector[d, self.sector]
        return np.clip(drift + common + sigma * noise.own[d] + jump, -1.2, 1.2), sigma

    def _quotes(self, d: int, base: np.ndarray, move: np.ndarray, sigma: np.ndarray, first: np.ndarray) -> _Quotes:
        """Return the prices of the day on its ticks and within its limits, which a first row does not have."""
        noise, market = self.noise, self.companies.market
        grid = _Grid(self.rules.tick_table[d], market)
        part = self.rules.limit[d][market]
        tick = grid.size(base)
        upper = np.where(first, np.inf, grid.down(base * (1 + part)))
        lower = np.where(first, 1.0, grid.up(np.maximum(base - np.floor(base * part / tick + TOUCH) * tick, 1.0)))
        close = np.clip(grid.near(base * np.exp(move + first * (0.25 + 0.4 * noise.own[d]))), lower, upper)
        start = np.clip(grid.near(base * np.exp(0.35 * move + 0.3 * sigma * noise.gap[d])), lower, upper)
        locked = ((close == upper) | (close == lower)) & (noise.kind[d] < 0.25)
        start = np.where(locked, close, start)
        span = np.where(locked, 0.0, 0.45 * sigma)
        top, bottom = np.maximum(start, close), np.minimum(start, close)
        high = np.maximum(top, np.minimum(grid.down(top * np.exp(span * noise.reach_up[d])), upper))
        low = np.minimum(bottom, np.maximum(grid.up(bottom * np.exp(-span * noise.reach_down[d])), lower))
        return _Quotes(open=start, high=high, low=low, close=close, locked=locked)

    def _volume(self, d: int, move: np.ndarray, quotes: _Quotes, first: np.ndarray) -> np.ndarray:
        """Return the traded shares of the day if every stock traded, [N]."""
        self.activity = 0.9 * self.activity + 0.3 * self.noise.activity[d]
        busy = np.exp(self.activity + np.minimum(9 * np.abs(move), 2.5) - 1.5 * quotes.locked + 1.2 * first)
        volume: np.ndarray = np.minimum(np.floor(self.shares * self.companies.turnover * busy), self.shares)
        return volume

    def _write(self, d: int, quotes: _Quotes, volume: np.ndarray, trades: np.ndarray) -> None:
        out = self.out
        for name, price in (("open", quotes.open), ("high", quotes.high), ("low", quotes.low)):
            out[name][d] = np.where(trades, price, self.blank)
        out["close"][d], out["volume"][d] = self.last, volume
        out["trading_value"][d] = np.floor(volume * (quotes.high + quotes.low + 2 * quotes.close) / 4)

    def _move_indices(self, d: int, base: np.ndarray, counted: np.ndarray) -> None:
        """Move each index by the caps of its members that traded before; shares and splits do not move it."""
        for name, inside in self.members.items():
            counts = inside & counted
            before, after = self.shares[counts] @ base[counts], self.shares[counts] @ self.last[counts]
            self.levels[name] *= after / before if before > 0 else 1.0
            self.closes[name][d] = self.levels[name]


def _index(random: np.random.Generator, close: np.ndarray) -> np.ndarray:
    """Return float64 [D, 4]: open, high, low and close of an index, rounded to hundredths, around its close."""
    before = np.concatenate([close[:1], close[:-1]])
    start = before * (close / before) ** 0.4
    reach = np.abs(random.normal(0.0, 0.003, (2, len(close))))
    high = np.maximum(start, close) * (1 + reach[0])
    low = np.minimum(start, close) * (1 - reach[1])
    return np.round(np.stack([start, high, low, close], axis=1), 2)
