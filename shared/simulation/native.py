"""The compiled day loop as Python sees it: structures, checks of what goes in, and the growing logs."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_double, c_int32, c_int64, c_void_p
from functools import cache
from typing import Any, cast

import numpy as np

from shared.language.vm import Formula, entries
from shared.native import library, place

REASONS = (
    "entry", "stop_loss", "trailing_stop", "take_profit", "max_hold", "condition", "rebalance", "delisted",
    "corporate_action",
)  # fmt: skip
"""Reasons of trades, by the number that the kernel writes."""

UNFILLED = ("halted", "limit_up", "cash", "volume", *(f"sell_{reason}" for reason in REASONS[1:]))

NOBODY = 0xFFFF
"""The end of a row of columns."""

WEIGHTINGS = ("equal", "market_cap", "inverse_volatility")
DELISTINGS = ("last_price", "haircut", "zero")

HOLDING = np.dtype(
    [(name, np.int32) for name in ("col", "entry_row", "entry_day", "left_alone", "due", "pad")]
    + [(name, np.float64) for name in ("shares", "entry", "peak", "bought", "price", "cost", "proceeds")]
)
TRADE = np.dtype(
    [(name, np.int32) for name in ("row", "col", "reason", "pad")]
    + [(name, np.float64) for name in ("shares", "price", "reference", "level", "commission", "tax")]
)
TRIP = np.dtype(
    [(name, np.int32) for name in ("col", "entry_row", "exit_row", "reason")]
    + [(name, np.float64) for name in ("shares", "entry_price", "exit_shares", "exit_price", "cost", "proceeds")]
)
CORPORATE_ACTION = np.dtype(
    [(name, np.int32) for name in ("row", "col", "kind", "pad")]
    + [(name, np.float64) for name in ("ratio", "shares_before", "shares_after", "dps", "cash")]
)
"""`kind`: 0 split, 1 dividend; NaN where a number does not apply."""

BAR = ("low", "high", "last", "open", "close", "split")
"""What the loop looks at for each holding and day, side by side, and the days of a stock one after the other."""


class Plane(Structure):
    """Rows of a panel: address, bytes from row to row, dataset row of the first."""

    _fields_ = (("data", c_void_p), ("stride", c_int64), ("first", c_int64))


class Strip(Structure):
    """The bars of a calendar year, stock by stock: address, how many rows there are, dataset row of the first."""

    _fields_ = (("data", c_void_p), ("rows", c_int64), ("first", c_int64))


class Market(Structure):
    """What the loop reads of the dataset."""

    _fields_ = (
        ("n", c_int64),
        *((name, Plane) for name in ("volume", "split", "last", "adj_close", "cap")),
        ("bars", c_void_p),
        ("years", c_int64),
        *((name, c_void_p) for name in ("days", "code_rank", "by_code", "kind", "delisted")),
        *((name, c_void_p) for name in ("dividend_row", "dividend_col", "dividend_dps", "dividend_cash")),
        ("dividends", c_int64),
    )


class Rules(Structure):
    """The exchange's rules from dataset row `first` on."""

    _fields_ = (("first", c_int64), *((name, c_void_p) for name in ("tax", "limit", "tick_table", "ticks")))


class Options(Structure):
    """The request in numbers; NaN and -1 stand for "none"."""

    _fields_ = (
        *((name, c_int64) for name in ("max_positions", "max_new_per_day", "min_hold_days", "max_hold_days")),
        *(
            (name, c_double)
            for name in (
                "commission", "slippage", "take_profit_pct", "stop_loss_pct", "trailing_stop_pct", "position_pct",
                "max_position_value", "max_volume_pct", "haircut",
            )
        ),
        *(
            (name, c_int32)
            for name in (
                "weighting", "delisting", "rotate", "descending", "at_close", "price_limits", "tick_size", "has_sell",
            )
        ),
    )  # fmt: skip


class Asked(Structure):
    """A formula of the language with the functions that answer for it; all null: there is none."""

    _fields_ = (("cells", c_void_p), ("row", c_void_p), ("formula", c_void_p))


class Block(Structure):
    """Signals on decision rows, and the rows [start, stop) to live; `window` is the first row of the window."""

    _fields_ = (
        *((name, Plane) for name in ("universe", "rank", "order")),
        *((name, Asked) for name in ("buy", "ranking", "sell")),
        ("rebalance", c_void_p),
        *((name, c_int64) for name in ("window", "start", "stop", "decided", "sieved")),
    )


class State(Structure):
    """Everything that the days change."""

    _fields_ = (
        ("cash", c_double),
        *(
            (name, c_int64)
            for name in (
                "held", "trades", "trade_room", "trips", "trip_room", "actions", "action_room", "dividend",
                "candidate_days", "first_purchase",
            )
        ),
        *((name, c_double) for name in ("sales", "commission", "tax", "slippage", "dividends")),
        ("unfilled", c_int64 * (len(UNFILLED) + 1)),
        *((name, c_void_p) for name in ("holdings", "trade_log", "trip_log", "action_log")),
        *((name, c_void_p) for name in ("equity", "cash_log", "positions")),
        *((name, c_void_p) for name in ("is_held", "sold_row", "target_row", "keys", "order", "weights")),
        *((name, c_void_p) for name in ("passed", "ranked")),
    )  # fmt: skip


@cache
def _functions() -> ctypes.CDLL:
    found = library("day_loop")
    found.simulate.restype = c_int64
    found.simulate.argtypes = [POINTER(kind) for kind in (Market, Rules, Options, Block, State)]
    found.count_present.restype = None
    found.count_present.argtypes = [
        POINTER(Plane), POINTER(Plane), c_void_p, c_int64, c_int64, c_int64, c_int64, c_void_p,
    ]  # fmt: skip
    found.mark_passed.restype = None
    found.mark_passed.argtypes = [POINTER(Plane), POINTER(Plane), c_void_p, c_int64, c_int64, c_int64, c_void_p]
    found.order_rows.restype = None
    found.order_rows.argtypes = [c_void_p, c_int64, c_int64, c_void_p, c_int64, c_int32, c_void_p, c_void_p]
    found.sieve_rows.restype = None
    found.sieve_rows.argtypes = [c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p]
    found.universe_returns.restype = None
    found.universe_returns.argtypes = [POINTER(Market), POINTER(Plane), c_int64, c_int64, c_int64, c_void_p]
    return found


def address(array: np.ndarray, dtype: Any) -> int:
    """Where a contiguous array of this element type starts."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"the kernel needs a contiguous array of {np.dtype(dtype)}, not {array.dtype}")
    return place(array)


def plane(array: np.ndarray, first: int, dtype: Any, columns: int) -> Plane:
    """A matrix [rows, columns] whose rows are contiguous, its first row being dataset row `first`."""
    item = array.dtype.itemsize
    if array.dtype != dtype or array.ndim != 2 or array.shape[1] != columns:
        raise TypeError(f"the kernel needs a matrix of {np.dtype(dtype)} with {columns} columns")
    if columns > 1 and array.strides[1] != item:
        raise TypeError("the kernel needs rows whose cells lie side by side")
    return Plane(place(array), array.strides[0], first)


def strips_of(years: list[tuple[int, np.ndarray]], columns: int) -> ctypes.Array[Strip]:
    """(first dataset row, float64 [columns, rows, BAR]) of years in their order, for the kernel."""
    for _, year in years:
        if year.shape[0] != columns or year.shape[2] != len(BAR):
            raise TypeError(f"the kernel needs bars of {columns} stocks with {len(BAR)} numbers")
    return (Strip * len(years))(*(Strip(address(year, np.float64), year.shape[1], first) for first, year in years))


def asked(formula: Formula | None, gives: int) -> Asked:
    """A formula whose answers have `gives` bytes, for the day loop; the formula has to outlive it."""
    if formula is None:
        return Asked()
    if formula.bytes != gives:
        raise TypeError(f"the kernel needs answers of {gives} bytes, not {formula.bytes}")
    return Asked(*entries(), ctypes.addressof(formula))


def order_rows(values: np.ndarray, by_code: np.ndarray, *, descending: bool) -> np.ndarray:
    """uint16 [rows, N]: the columns of float32 rows in ranking order (equals by stock code), then NOBODY where values
    are absent. `by_code` are the columns in stock code order, fewer than NOBODY."""
    rows, columns = values.shape
    source = plane(values, 0, np.float32, columns)
    if len(by_code) != columns or columns >= NOBODY:
        raise ValueError(f"{columns} columns cannot be ordered")
    out, work = np.empty((rows, columns), np.uint16), np.empty(2 * columns, np.uint64)
    _functions().order_rows(
        source.data, source.stride, rows, address(by_code, np.int32), columns, int(descending), place(work),
        place(out),
    )  # fmt: skip
    return out


def sieve_rows(orders: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """uint16 [rows, N]: the columns of each row of `orders` that have passed (bool [rows, N]), in their order, then
    NOBODY."""
    rows, columns = passed.shape
    source, out = plane(orders, 0, np.uint16, columns), np.empty((rows, columns), np.uint16)
    if len(orders) != rows:
        raise ValueError(f"{len(orders)} rows are ordered, {rows} have passed")
    _functions().sieve_rows(source.data, source.stride, address(passed, np.bool_), rows, columns, place(out))
    return out


class Ledger:
    """The state of one run with its arrays; the trade and round trip logs grow between two days."""

    def __init__(self, *, columns: int, rows: int, cash: float, max_positions: int) -> None:
        self.equity = np.empty(rows)
        self.cash = np.empty(rows)
        self.positions = np.empty(rows, np.int32)
        self._holdings = np.empty(max_positions + 1, HOLDING)
        self._trades = np.empty(8 * max_positions + 1024, TRADE)
        self._trips = np.empty(4 * max_positions + 512, TRIP)
        self._actions = np.empty(4 * max_positions + 512, CORPORATE_ACTION)
        self._marks = (
            np.zeros(columns, np.uint8), np.full(columns, -1, np.int32), np.full(columns, -1, np.int32),
            np.empty(columns + 1, np.uint64), np.empty(columns + 2, np.int32), np.empty(max_positions + 1),
            np.empty(columns, np.bool_), np.empty(columns, np.float32),
        )  # fmt: skip
        self.state = State(cash=cash, first_purchase=-1)
        self.state.equity, self.state.cash_log = place(self.equity), place(self.cash)
        self.state.positions = place(self.positions)
        names = ("is_held", "sold_row", "target_row", "keys", "order", "weights", "passed", "ranked")
        for name, scratch in zip(names, self._marks, strict=True):
            setattr(self.state, name, place(cast(np.ndarray, scratch)))
        self.state.holdings = place(self._holdings)
        self._point_at_logs()

    def _point_at_logs(self) -> None:
        self.state.trade_log, self.state.trade_room = place(self._trades), len(self._trades)
        self.state.trip_log, self.state.trip_room = place(self._trips), len(self._trips)
        self.state.action_log, self.state.action_room = place(self._actions), len(self._actions)

    def live(self, market: Market, rules: Rules, options: Options, block: Block) -> None:
        """Lives the rows of a block."""
        live = _functions().simulate
        while block.start < block.stop:
            block.start = live(market, rules, options, block, self.state)
            if block.start < block.stop:
                self._trades = np.concatenate([self._trades, np.empty_like(self._trades)])
                self._trips = np.concatenate([self._trips, np.empty_like(self._trips)])
                self._actions = np.concatenate([self._actions, np.empty_like(self._actions)])
                self._point_at_logs()

    @property
    def trades(self) -> np.ndarray:
        """TRADE records so far, in order of execution."""
        return self._trades[: self.state.trades]

    @property
    def trips(self) -> np.ndarray:
        """TRIP records: the holdings that have ended."""
        return self._trips[: self.state.trips]

    @property
    def corporate_actions(self) -> np.ndarray:
        """CORPORATE_ACTION records: splits and dividends of holdings, in order of execution."""
        return self._actions[: self.state.actions]

    @property
    def holdings(self) -> np.ndarray:
        """HOLDING records, by stock code."""
        return self._holdings[: self.state.held]

    def unfilled(self) -> dict[str, int]:
        """Reason -> count, those that occurred, by name."""
        counts = {name: count for name, count in zip(UNFILLED, self.state.unfilled, strict=False) if count}
        return dict(sorted(counts.items()))


def count_present(
    values: Plane, mask: Plane, rows: np.ndarray, *, first: int, columns: int, limit: int
) -> tuple[int, int]:
    """(cells with a value, cells) of a float32 plane inside a mask, over dataset rows `first` + i where rows[i]; stops
    once `limit` values are found."""
    counts = np.zeros(2, np.int64)
    _functions().count_present(values, mask, address(rows, np.bool_), first, len(rows), columns, limit, place(counts))
    return int(counts[0]), int(counts[1])


def mark_passed(mask: Plane, universe: Plane, rows: np.ndarray, first: int, marks: np.ndarray) -> None:
    """Sets marks[col] (uint8 [N]) where mask and universe hold together on a dataset row `first` + i with rows[i]."""
    _functions().mark_passed(
        mask, universe, address(rows, np.bool_), first, len(rows), len(marks), address(marks, np.uint8)
    )


def universe_returns(market: Market, universe: Plane, *, weighted: bool, start: int, stop: int) -> np.ndarray:
    """float64 [stop - start]: the return of the universe of row d - 1 on each row d."""
    out = np.empty(stop - start)
    _functions().universe_returns(market, universe, int(weighted), start, stop, place(out))
    return out
