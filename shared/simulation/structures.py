"""Structures, records and views that the day loop (shared/native/day_loop.c) and the panel scans share with Python.

They are those of shared/native/native.h; their sizes are compared with the library when it is loaded. Arrays that a
kernel reads are checked for element type and memory layout here.
"""

from __future__ import annotations

import ctypes
from ctypes import Structure, c_double, c_int32, c_int64, c_uint8, c_void_p
from typing import Any, Final

import numpy as np

from shared.language.vm import Formula, entries
from shared.market.liquidation import LIQUIDATION_DAYS, LIQUIDATION_ROWS, STALE_EXIT_DAYS, SUSPENDED_ROWS
from shared.model.fields import NEVER_TRADED
from shared.native import place

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

CONSTANTS: Final = {
    "LIQUIDATION_DAYS": LIQUIDATION_DAYS,
    "LIQUIDATION_ROWS": LIQUIDATION_ROWS,
    "SUSPENDED_ROWS": SUSPENDED_ROWS,
    "STALE_EXIT_DAYS": STALE_EXIT_DAYS,
    "NEVER_TRADED": NEVER_TRADED,
    "NO_COLUMN": NO_COLUMN,
    "MARKET_CODES": MARKET_CODES,
    "STALE_EXIT": STALE_EXIT,
}
"""Constants that the day loop has too."""

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


def expected_sizes() -> list[int]:
    """Return the bytes of each structure and record, in the order in which the day loop lists its own."""
    structures = (MatrixView, StockBars, Market, Rules, Options, CompiledExpr, OrderedCondition, Block, State)
    records = (HOLDING, TRADE, TRIP, CORPORATE_ACTION, SUSPECT_PRICE, STOCK_STATE)
    return [*map(ctypes.sizeof, structures), 8 * len(BAR), *(record.itemsize for record in records)]


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
