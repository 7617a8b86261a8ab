"""The ledger of a run: everything that the day loop (shared/native/day_loop.c) changes from row to row.

Reasons of trades and of unfilled orders are REASONS and UNFILLED of `shared.simulation.structures`.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import cast

import numpy as np

from shared.native import library, place, verify_constants, verify_sizes
from shared.simulation.panel_scans import panel_scans
from shared.simulation.structures import (
    CONSTANTS,
    CORPORATE_ACTION,
    HOLDING,
    STOCK_STATE,
    SUSPECT_PRICE,
    TRADE,
    TRIP,
    UNFILLED,
    Block,
    Market,
    Options,
    Rules,
    State,
    expected_sizes,
    matrix_view,
)  # fmt: skip


@cache
def _day_loop() -> ctypes.CDLL:
    found = library("day_loop")
    verify_sizes(found, "day_loop", expected_sizes())
    verify_constants(found, "day_loop", CONSTANTS)
    found.simulate.restype = c_int64
    found.simulate.argtypes = [POINTER(kind) for kind in (Market, Rules, Options, Block, State)]
    return found


def kernel_functions() -> tuple[int, int]:
    """Return the addresses of `simulate` and `list_purchases`, which another kernel calls."""
    found = (ctypes.cast(f, c_void_p).value for f in (_day_loop().simulate, panel_scans().list_purchases))
    simulate, purchases = found
    return simulate or 0, purchases or 0


@dataclass(frozen=True, kw_only=True)
class Purchases:
    """`positions` of the purchases in the trades (int64), `participation` of each (shares / volume of its day), and the
    number of all `fills` of at least one share."""

    positions: np.ndarray
    participation: np.ndarray
    fills: int


MAX_TRADES = 1 << 15
"""Trades that a run has space for from the beginning, at most; pages that are never written cost no memory."""


class Ledger:
    """The state of one run with its arrays; the logs grow between two days."""

    def __init__(self, *, columns: int, rows: int, cash: float, max_positions: int, sectors: int = 0) -> None:
        self.equity = np.empty(rows)
        self.cash = np.empty(rows)
        self.positions = np.empty(rows, np.int32)
        self.stopped = np.empty(rows, np.bool_)
        """Rows on which `portfolio.when` or the drawdown stop forbids purchases."""
        self._holdings = np.empty(max_positions + 1, HOLDING)
        self._logs = {
            "trade": np.empty(8 * max_positions + min(max(4096, 2 * rows * max_positions), MAX_TRADES), TRADE),
            "trip": np.empty(4 * max_positions + min(max(2048, rows * max_positions), MAX_TRADES // 2), TRIP),
            "action": np.empty(4 * max_positions + 256, CORPORATE_ACTION),
            "suspect": np.empty(8 * max_positions + 64, SUSPECT_PRICE),
        }
        self._scratch = {
            "stocks": np.zeros(columns, STOCK_STATE),
            "keys": np.empty(columns + 1, np.uint64),
            "order": np.empty(columns + 2, np.int32),
            "weights": np.empty(max_positions + 1),
            "passed": np.empty(columns, np.bool_),
            "ranked": np.empty(columns, np.float32),
            "sector_row": np.full(sectors + 1, -1, np.int32),
            "sector_count": np.zeros(sectors + 1, np.int32),
        }
        self.state = State(cash=cash, highest_equity=cash, first_purchase=-1)
        self.state.equity, self.state.cash_log = place(self.equity), place(self.cash)
        self.state.positions, self.state.stopped = place(self.positions), place(self.stopped)
        for name, scratch in self._scratch.items():
            setattr(self.state, name, place(cast(np.ndarray, scratch)))
        self.state.holdings = place(self._holdings)
        self._point_at_logs()

    def _point_at_logs(self) -> None:
        for name, log in self._logs.items():
            setattr(self.state, f"{name}_log", place(log))
            setattr(self.state, f"{name}_room", len(log))

    def advance(self, market: Market, rules: Rules, options: Options, block: Block) -> None:
        """Simulate the rows of a block."""
        simulate = _day_loop().simulate
        while block.start < block.stop:
            block.start = simulate(market, rules, options, block, self.state)
            if block.start < block.stop:
                self._grow()
                self._point_at_logs()

    def _grow(self) -> None:
        """Double the logs that are three quarters full; all of them when none is."""
        used = {name: getattr(self.state, f"{name}s") for name in self._logs}
        full = [name for name, log in self._logs.items() if 4 * used[name] >= 3 * len(log)] or list(self._logs)
        for name in full:
            log = self._logs[name]
            self._logs[name] = np.empty(2 * len(log), log.dtype)
            # numpy copies records field by field
            ctypes.memmove(place(self._logs[name]), place(log), used[name] * log.itemsize)

    @property
    def trades(self) -> np.ndarray:
        """TRADE records so far, in order of execution."""
        return self._logs["trade"][: self.state.trades]

    def purchases(self, volume: np.ndarray, first: int) -> Purchases:
        """Return the purchases among the trades; `volume` is float64 [rows from dataset row `first` on, N]."""
        count = self.state.trades
        positions, participation, counts = np.empty(count, np.int64), np.empty(count), np.empty(2, np.int64)
        panel_scans().list_purchases(
            self.state.trade_log, count, matrix_view(volume, first, np.float64, volume.shape[1]), place(positions),
            place(participation), place(counts),
        )  # fmt: skip
        found, fills = counts.tolist()
        return Purchases(positions=positions[:found], participation=participation[:found], fills=fills)

    @property
    def trips(self) -> np.ndarray:
        """TRIP records: the holdings that have ended."""
        return self._logs["trip"][: self.state.trips]

    @property
    def corporate_actions(self) -> np.ndarray:
        """CORPORATE_ACTION records: splits and dividends of holdings."""
        return self._logs["action"][: self.state.actions]

    @property
    def suspect_prices(self) -> np.ndarray:
        """SUSPECT_PRICE records, by row."""
        return self._logs["suspect"][: self.state.suspects]

    @property
    def holdings(self) -> np.ndarray:
        """HOLDING records, by stock code."""
        return self._holdings[: self.state.held]

    def unfilled(self) -> dict[str, int]:
        """Return reason -> count of those that occurred, by name."""
        counts = {name: count for name, count in zip(UNFILLED, self.state.unfilled, strict=True) if count}
        return dict(sorted(counts.items()))
