"""ctypes layer of the day loop (shared/native/day_loop.c) and of the panel scans beside it (panel_scans.c).

The structures and record layouts are those of shared/native/native.h; their sizes are compared when the library is
loaded. Arrays that a kernel reads are checked for element type and memory layout here.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_double, c_int32, c_int64, c_uint8, c_void_p
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from shared.language.vm import Formula, entries
from shared.native import library, place, verify_sizes

REASONS = (
    "entry", "stop_loss", "trailing_stop", "take_profit", "max_hold", "condition", "timing", "drawdown_stop",
    "rebalance", "delisted", "corporate_action",
)  # fmt: skip
"""Reasons of trades, by the number that the kernel writes."""

UNFILLED = ("halted", "limit_up", "cash", "volume", "sector_cap", *(f"sell_{reason}" for reason in REASONS[1:]))
"""Keys of `unfilled`, by the number that the kernel counts."""

NO_COLUMN = 0xFFFF
"""Ends a row of columns in ranking order."""

MARKET_CODES = 4
"""KOSPI, KOSDAQ, KONEX, and any other market (code 3)."""

WEIGHTINGS = ("equal", "market_cap", "inverse_volatility")
DELISTINGS = ("liquidation", "last_price", "haircut", "zero")
ON_REBALANCE = ("hold", "rotate", "reweight")


def _record(whole: tuple[str, ...], real: tuple[str, ...]) -> np.dtype:
    return np.dtype([(name, np.int32) for name in whole] + [(name, np.float64) for name in real])


HOLDING = _record(
    ("col", "entry_row", "entry_day", "bought_row", "delisted_day", "skip_today", "condition", "drawdown_due"),
    ("shares", "entry", "peak", "most_shares", "cost", "proceeds", "close"),
)
"""A position: `entry` is the mean entry price and `peak` the highest close since entry, both on today's share basis;
`most_shares` the most that were held; `cost` what was paid with commission; `proceeds` what sales, fractions and
dividends brought after costs; `bought_row` the row of the last purchase."""

TRADE = _record(
    ("row", "col", "reason", "flags"), ("shares", "price", "reference", "level", "commission", "tax")
)  # fmt: skip
"""A fill: `reference` is the price before slippage, ticks and limits, `level` the stop or target (NaN without one).
`flags`: STALE_EXIT."""

STALE_EXIT = 1
"""Flag of a fill at the delisting whose price is more than 30 calendar days old."""

TRIP = _record(
    ("col", "entry_row", "exit_row", "reason"),
    ("shares", "entry_price", "exit_shares", "exit_price", "cost", "proceeds"),
)
"""An ended holding: the most shares that were held, the mean entry price at its end, the last fill, and the sums of
HOLDING."""

CORPORATE_ACTION = _record(("row", "col", "kind", "pad"), ("ratio", "shares_before", "shares_after", "dps", "cash"))
"""A split (`kind` 0: `ratio`; `cash` is the fraction paid) or a dividend (`kind` 1: `dps` before tax; `cash` is the
amount credited) of a holding, in order of execution: by row, stock code, split before dividends. NaN where a number
does not apply."""

SUSPECT_PRICE = np.dtype([("row", np.int32), ("col", np.int32), ("move", np.float64)])
"""An open or close of a position beyond the daily limit of its market on a row without a split: `move` is its distance
from the base price as a fraction."""

STOCK_STATE = _record(("held", "sold_row", "target_row", "spare"), ("target",))
"""What the days change of a column; zeros at the beginning."""

BAR = ("low", "high", "last", "open", "split", "mean_volume")
"""Numbers of a stock on a day, adjacent in memory, with the days of a stock one after the other. `open` is NaN where
the stock is not tradable; `mean_volume` is that of the 20 rows before in shares of the day."""


class MatrixView(Structure):
    """A matrix whose rows are contiguous: address, bytes from row to row (0: one row for all), dataset row of the
    first."""

    _fields_ = (("data", c_void_p), ("stride", c_int64), ("first", c_int64))


class StockBars(Structure):
    """The bars of a calendar year, stock by stock: address, rows of each stock, dataset row of the first."""

    _fields_ = (("data", c_void_p), ("rows", c_int64), ("first", c_int64))


class Market(Structure):
    """The inputs of the day loop from the dataset. Views that a request does not need are null."""

    _fields_ = (
        ("n", c_int64),
        *(
            (name, MatrixView)
            for name in ("last", "split", "cap", "volatility_20", "volatility_60", "idle", "market", "sector")
        ),
        ("years", c_void_p),
        ("years_count", c_int64),
        *((name, c_void_p) for name in ("days", "code_rank", "by_code", "delisted")),
        *((name, c_void_p) for name in ("dividend_row", "dividend_col", "dividend_dps")),
        ("dividends", c_int64),
    )


class Rules(Structure):
    """The exchange's rules from dataset row `first` on, each [rows, MARKET_CODES]; `ticks` are the tables."""

    _fields_ = (("first", c_int64), *((name, c_void_p) for name in ("tax", "limit", "tick_table", "ticks")))


class Options(Structure):
    """The request in numbers; NaN and -1 mean "none"."""

    _fields_ = (
        *((name, c_int64) for name in ("max_positions", "max_new_per_day", "min_hold_days", "max_hold_days")),
        *((name, c_int64) for name in ("keep_rank", "max_per_sector", "resume_days")),
        *(
            (name, c_double)
            for name in (
                "commission", "slippage", "impact", "take_profit_pct", "stop_loss_pct", "trailing_stop_pct",
                "position_pct", "max_position_value", "max_volume_pct", "band", "haircut", "stale_haircut",
                "stop_drawdown",
            )
        ),
        ("dividend_tax", c_double * MARKET_CODES),
        *(
            (name, c_int32)
            for name in (
                "weighting", "delisting", "on_rebalance", "descending", "at_close", "sell_when_false", "invest_full",
                "has_when",
            )
        ),
        ("ticks_on", c_uint8 * MARKET_CODES),
        ("limits_on", c_uint8 * MARKET_CODES),
    )  # fmt: skip


class CompiledExpr(Structure):
    """An expression of the language with the functions that evaluate it; all null: there is none."""

    _fields_ = (("cells", c_void_p), ("row", c_void_p), ("formula", c_void_p))


class OrderedCondition(Structure):
    """A condition over the columns of a row in ranking order (variants.c); all null: there is none."""

    _fields_ = (("word", c_void_p), ("condition", c_void_p))


class Block(Structure):
    """The rows [start, stop) to simulate, and the decisions of the rows before; `window` is the window's first row."""

    _fields_ = (
        *((name, MatrixView) for name in ("universe", "rank", "order")),
        *((name, CompiledExpr) for name in ("buy", "ranking", "sell")),
        ("chosen", OrderedCondition),
        ("when", c_void_p),
        ("rebalance", c_void_p),
        ("opened_limit", c_void_p),
        *((name, c_int64) for name in ("window", "start", "stop", "decided", "when_first", "filtered")),
    )


class State(Structure):
    """Everything that the days change."""

    _fields_ = (
        ("cash", c_double),
        ("highest_equity", c_double),
        *(
            (name, c_int64)
            for name in (
                "held", "ended", "trades", "trade_room", "trips", "trip_room", "actions", "action_room", "suspects",
                "suspect_room", "dividend", "candidate_days", "first_purchase", "resting", "stop_day",
            )
        ),
        *((name, c_double) for name in ("sales", "commission", "tax", "slippage", "dividends")),
        ("unfilled", c_int64 * len(UNFILLED)),
        *((name, c_void_p) for name in ("holdings", "trade_log", "trip_log", "action_log", "suspect_log")),
        *((name, c_void_p) for name in ("equity", "cash_log", "positions", "stopped")),
        *((name, c_void_p) for name in ("stocks", "keys", "order", "weights", "passed", "ranked")),
        *((name, c_void_p) for name in ("sector_row", "sector_count")),
    )  # fmt: skip


def _expected_sizes() -> list[int]:
    structures = (MatrixView, StockBars, Market, Rules, Options, CompiledExpr, OrderedCondition, Block, State)
    records = (HOLDING, TRADE, TRIP, CORPORATE_ACTION, SUSPECT_PRICE, STOCK_STATE)
    return [*map(ctypes.sizeof, structures), 8 * len(BAR), *(record.itemsize for record in records)]


@cache
def _day_loop() -> ctypes.CDLL:
    found = library("day_loop")
    verify_sizes(found, "day_loop", _expected_sizes())
    found.simulate.restype = c_int64
    found.simulate.argtypes = [POINTER(kind) for kind in (Market, Rules, Options, Block, State)]
    return found


@cache
def _scans() -> ctypes.CDLL:
    found = library("panel_scans")
    view = POINTER(MatrixView)
    for name, arguments in (
        ("count_present", [view, view, c_void_p, c_int64, c_int64, c_int64, c_int64, c_void_p]),
        ("rows_with_value", [view, view, c_int64, c_int64, c_int64, c_void_p]),
        ("mark_passed", [view, view, c_void_p, c_int64, c_int64, c_int64, c_void_p]),
        ("order_rows", [c_void_p, c_int64, c_int64, c_void_p, c_int64, c_int32, c_void_p, c_void_p]),
        ("order_cells", [c_void_p, c_int64, c_int64, c_void_p, *[c_int64] * 3, c_void_p]),
        ("filter_ranked", [c_void_p, c_int64, c_void_p, c_int64, c_int64, c_void_p]),
        ("list_purchases", [c_void_p, c_int64, view, c_void_p, c_void_p, c_void_p]),
        ("universe_returns", [POINTER(Market), view, c_int64, c_int64, c_int64, c_void_p]),
        ("mean_volumes", [*[view] * 4, *[c_int64] * 5, c_void_p, c_void_p]),
        ("volatilities", [view, *[c_int64] * 4, c_void_p, c_void_p]),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = None, arguments
    return found


def functions() -> tuple[int, int]:
    """Return the addresses of `simulate` and `list_purchases`, which another kernel calls."""
    found = (ctypes.cast(f, c_void_p).value for f in (_day_loop().simulate, _scans().list_purchases))
    simulate, purchases = found
    return simulate or 0, purchases or 0


def address(array: np.ndarray, dtype: Any) -> int:
    """Return the address of a contiguous array of this element type; TypeError for any other."""
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"the kernel needs a contiguous array of {np.dtype(dtype)}, not {array.dtype}")
    return place(array)


def matrix_view(array: np.ndarray, first: int, dtype: Any, columns: int) -> MatrixView:
    """Return the view of a matrix [rows, columns] with contiguous rows, whose first row is dataset row `first`.

    Raises TypeError for another shape, element type or layout. Rows may be broadcast (stride 0).
    """
    item = array.dtype.itemsize
    if array.dtype != dtype or array.ndim != 2 or array.shape[1] != columns:
        raise TypeError(f"the kernel needs a matrix of {np.dtype(dtype)} with {columns} columns")
    if columns > 1 and array.strides[1] != item:
        raise TypeError("the kernel needs rows whose cells are adjacent")
    return MatrixView(place(array), array.strides[0], first)


def stock_bars(years: list[tuple[int, np.ndarray]], columns: int) -> ctypes.Array[StockBars]:
    """Return (first dataset row, float64 [columns, rows, BAR]) of consecutive years as the kernel reads them."""
    for _, year in years:
        if year.shape[0] != columns or year.shape[2] != len(BAR):
            raise TypeError(f"the kernel needs bars of {columns} stocks with {len(BAR)} numbers")
    return (StockBars * len(years))(
        *(StockBars(address(year, np.float64), year.shape[1], first) for first, year in years)
    )


def bind_expr(formula: Formula | None, item_bytes: int) -> CompiledExpr:
    """Return a formula whose values have `item_bytes` bytes for the day loop; the formula has to outlive it."""
    if formula is None:
        return CompiledExpr()
    if formula.bytes != item_bytes:
        raise TypeError(f"the kernel needs values of {item_bytes} bytes, not {formula.bytes}")
    return CompiledExpr(*entries(), ctypes.addressof(formula))


def order_rows(values: np.ndarray, by_code: np.ndarray, *, descending: bool) -> np.ndarray:
    """Return uint16 [rows, N]: the columns of float32 rows in ranking order (equals by stock code), then NO_COLUMN for
    absent values. `by_code` are the columns in stock code order, fewer than NO_COLUMN."""
    rows, columns = values.shape
    source = matrix_view(values, 0, np.float32, columns)
    if len(by_code) != columns or columns >= NO_COLUMN:
        raise ValueError(f"{columns} columns cannot be ordered")
    out, work = np.empty((rows, columns), np.uint16), np.empty(2 * columns, np.uint64)
    _scans().order_rows(
        source.data, source.stride, rows, address(by_code, np.int32), columns, int(descending), place(work),
        place(out),
    )  # fmt: skip
    return out


def filter_ranked(orders: np.ndarray, passed: np.ndarray) -> np.ndarray:
    """Return uint16 [rows, N]: the columns of each row of `orders` that have passed (bool [rows, N]), in their order,
    then NO_COLUMN."""
    rows, columns = passed.shape
    source, out = matrix_view(orders, 0, np.uint16, columns), np.empty((rows, columns), np.uint16)
    if len(orders) != rows:
        raise ValueError(f"{len(orders)} rows are ordered, {rows} have passed")
    _scans().filter_ranked(source.data, source.stride, address(passed, np.bool_), rows, columns, place(out))
    return out


def order_cells(values: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Return the cells of each row (float64, float32 or bool [rows, N]) in the order of `orders` (uint16 [rows, N]);
    NaN or False where it has no column."""
    rows, columns = values.shape
    if orders.shape != values.shape:
        raise ValueError(f"{len(orders)} rows are ordered, {rows} have values")
    source = matrix_view(values, 0, values.dtype, columns)
    order, out = matrix_view(orders, 0, np.uint16, columns), np.empty((rows, columns), values.dtype)
    if out.itemsize not in {1, 4, 8}:
        raise TypeError(f"cells of {out.itemsize} bytes cannot be ordered")
    _scans().order_cells(source.data, source.stride, out.itemsize, order.data, order.stride, rows, columns, place(out))
    return out


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
        _scans().list_purchases(
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


def count_present(
    values: MatrixView, mask: MatrixView, rows: np.ndarray, *, first: int, columns: int, limit: int
) -> tuple[int, int]:
    """Return (cells with a value, cells) of a float32 view inside a mask, over dataset rows `first` + i where rows[i];
    counting stops once `limit` values are found."""
    counts = np.zeros(2, np.int64)
    _scans().count_present(values, mask, address(rows, np.bool_), first, len(rows), columns, limit, place(counts))
    return int(counts[0]), int(counts[1])


def rows_with_value(values: MatrixView, mask: MatrixView, *, first: int, count: int, columns: int) -> np.ndarray:
    """Return bool [count]: whether some cell of dataset row `first` + i of a float32 view has a value inside the
    mask."""
    out = np.empty(count, np.bool_)
    _scans().rows_with_value(values, mask, first, count, columns, place(out))
    return out


def mark_passed(mask: MatrixView, universe: MatrixView, rows: np.ndarray, first: int, marks: np.ndarray) -> None:
    """Set marks[col] (uint8 [N]) where mask and universe hold together on a dataset row `first` + i with rows[i]."""
    _scans().mark_passed(
        mask, universe, address(rows, np.bool_), first, len(rows), len(marks), address(marks, np.uint8)
    )


def universe_returns(market: Market, universe: MatrixView, *, weighted: bool, start: int, stop: int) -> np.ndarray:
    """Return float64 [stop - start]: the return of the universe of row d - 1 on each row d, weighted by market cap or
    equally."""
    out = np.empty(stop - start)
    _scans().universe_returns(market, universe, int(weighted), start, stop, place(out))
    return out


def mean_volumes(
    volume: np.ndarray, open_: np.ndarray, split: np.ndarray, idle: np.ndarray, *, before: int, span: int, carry: int
) -> np.ndarray:
    """Return float64 [rows - before, N]: on each row after the first `before`, the mean volume of the `span` rows
    before it on which the stock has a close (idle at most `carry`), in shares of the row; NaN without such a row.

    volume, open_, split: float64 [rows, N]; idle: uint16 [rows, N].
    """
    rows, columns = volume.shape
    out, work = np.empty((rows - before, columns)), np.empty(3 * columns)
    views = [matrix_view(values, 0, np.float64, columns) for values in (volume, open_, split)]
    _scans().mean_volumes(
        *views, matrix_view(idle, 0, np.uint16, columns), before, rows, columns, span, carry, place(work), place(out)
    )
    return out


def volatilities(close: np.ndarray, *, before: int, span: int) -> np.ndarray:
    """Return float64 [rows - before, N]: on each row after the first `before`, the sample deviation of the `span`
    row-to-row changes of `close` (float64 [rows, N]) that end on it; NaN unless all are known, 0 when they are
    equal."""
    rows, columns = close.shape
    out, work = np.empty((rows - before, columns)), np.empty(2 * columns)
    view = matrix_view(close, 0, np.float64, columns)
    _scans().volatilities(view, before, rows, columns, span, place(work), place(out))
    return out
