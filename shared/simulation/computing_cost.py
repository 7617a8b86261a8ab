"""What a request costs before it is run: about the nanoseconds of one core, by kind of node."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shared.language import Expression
from shared.model.request import BacktestRequest
from shared.simulation.plan import expressions_of, plan, window_of
from shared.simulation.result.storage import MAX_STORED_BYTES
from shared.simulation.structures import BAR

LONG_COST = 250_000_000
"""Work that costs more is long: it runs beside what is short, at most one at a time in each simulator."""
RUN_WORK = 3
"""Nanoseconds for each stock and day of a run beside its expressions."""
ROWS_OF_A_YEAR = 250
RESULT_BYTES = 32_768
"""Stored bytes of a result beside its days and trades: statistics, warnings, provenance."""
RESULT_BYTES_OF_A_DAY = 160
RESULT_BYTES_OF_A_TRADE = 96
"""Stored bytes of a day and of a trade with its share of the round trips; measured results have half of it."""
COLUMNS_OF_A_PAGE = 512
"""Float64 values of a page of memory."""


def cost_of_request(request: BacktestRequest, days: np.ndarray, stocks: int) -> int:
    """Return what a canonical request costs over a dataset with these day numbers and so many stocks."""
    window = window_of(request, days)
    named = (expression for _, expression in expressions_of(request).named())
    rows = max(0, int(window.stop - window.start))
    return RUN_WORK * rows * stocks + cost_of_expressions(named, window, stocks)


def stored_bytes_of_request(request: BacktestRequest, days: np.ndarray, stocks: int) -> int:
    """Return the most bytes of intermediate values that a canonical request stores in panels."""
    named = (expression for _, expression in expressions_of(request).named())
    return stored_bytes_of_expressions(named, window_of(request, days), len(days), stocks)


def stored_bytes_of_expressions(expressions: Iterable[Expression], window: slice, days: int, stocks: int) -> int:
    """Return the most bytes of intermediate values that expressions store in panels for the rows of a window.

    They are stored for whole calendar years, from the first row that a window reads, in rows of whole pages.
    """
    columns, size = _stored_columns(stocks), 0
    for expression in expressions:
        first = 0 if expression.whole_history else max(0, window.start - expression.lookback - ROWS_OF_A_YEAR)
        last = min(days, window.stop + ROWS_OF_A_YEAR)
        size += expression.planes * max(0, last - first) * columns
    return size


def result_bytes_of_request(request: BacktestRequest) -> int:
    """Return the most bytes that the stored result of a canonical request has."""
    days = (request.end - request.start).days * 5 // 7 + 2
    return result_bytes_of_trades(days, 2 * days * request.strategy.portfolio.max_positions)


def result_bytes_of_trades(days: int, trades: int) -> int:
    """Return the most bytes that the stored result of so many days and trades has; a larger one is not stored."""
    size = RESULT_BYTES + days * RESULT_BYTES_OF_A_DAY + trades * RESULT_BYTES_OF_A_TRADE
    return min(size, MAX_STORED_BYTES)


def read_bytes_of_request(request: BacktestRequest, days: np.ndarray, stocks: int) -> int:
    """Return about the most bytes of panels that a canonical request reads: fields, factors, and bars by stock."""
    cells = sum(
        min(len(days), rows.stop + ROWS_OF_A_YEAR) - max(0, rows.start - ROWS_OF_A_YEAR)
        for rows in plan(request, days).needs.values()
    )
    window = window_of(request, days)
    columns = _stored_columns(stocks)
    rows = int(window.stop - window.start) + 2 * ROWS_OF_A_YEAR
    return 8 * (int(cells) * columns + rows * stocks * len(BAR))


def stored_bytes_of_returns(window: slice, stocks: int) -> int:
    """Return the bytes of the returns that a factor report stores: which stocks can be bought, and float32 returns with
    their order. Horizons follow each other: those of one exist beside those before until these are evicted."""
    rows = int(window.stop - window.start) + 2 * ROWS_OF_A_YEAR
    return rows * _stored_columns(stocks) * (1 + 2 * 6)


def _stored_columns(stocks: int) -> int:
    return -(-stocks // COLUMNS_OF_A_PAGE) * COLUMNS_OF_A_PAGE


def cost_of_expressions(expressions: Iterable[Expression], window: slice, stocks: int) -> int:
    """Return what the values of expressions cost on the rows of a window.

    Windows and cross-sections are computed for whole calendar years, and `ema` from the first row of the dataset.
    """
    cost = 0
    for expression in expressions:
        rows = window.stop - window.start
        if expression.whole_history:
            rows = window.stop
        elif expression.work > expression.nodes:
            rows = min(window.stop, max(rows, ROWS_OF_A_YEAR) + expression.lookback)
        columns = 1 if expression.market_wide and not expression.needs_universe else stocks
        cost += expression.work * max(0, int(rows)) * columns
    return cost
