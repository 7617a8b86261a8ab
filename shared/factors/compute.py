"""All factors of one part of the market, for any rows, from everything loaded up to the last of them.

1. A stock has factors on a row when it has a close, carried over at most 60 rows, and is not delisted.
2. Price factors come from the kernel, which walks blocks of instruments down the rows.
3. Statements that are not in quarantine become events; what depends on statements only is computed once an event,
   narrowed to float32, and spread along the rows of the event.
4. What combines statements with the caps, the close, dividends or shares of a row is computed in float64 by blocks of
   rows, and narrowed to float32 as the last step.

No value depends on the rows requested, on the order of the instruments, or on anything later than its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.factors.catalogue import BY_KEY, FACTORS
from shared.factors.declaration import Array, Formula
from shared.factors.dividends import trailing_dividends
from shared.factors.native import PRICE_FACTORS, PRICE_MATRICES
from shared.factors.point_in_time import QUANTITIES, Events, events_of
from shared.factors.price_factors import price_factors
from shared.factors.quality import SHARES_ROWS, statement_tests
from shared.model.fields import CARRY_ROWS
from shared.model.market_data import Dividends, Statements
from shared.quality.quarantine import usable

FORMULAS: dict[str, Formula] = {factor.key: factor.compute for factor in FACTORS if factor.compute is not None}
"""The formulas of all factors but those of the kernel."""

BLOCK_CELLS = 32_768
"""Cells of a block of rows: few enough for its arrays to stay in the cache."""


@dataclass(frozen=True, kw_only=True)
class FactorInputs:
    """The whole loaded history of N instruments: rows [0, D), in the terms of `shared.model.fields`.

    Matrices are [D, N] float64 (`idle` uint16, `market` unsigned: positions in `markets`). `statements.instrument` and
    `dividends.instrument` are columns of these matrices; an index series is as loaded, not carried.
    """

    days: Array  # int32 [D]
    high: Array
    low: Array
    volume: Array
    trading_value: Array
    last: Array
    adjust: Array
    idle: Array
    cap: Array
    company_cap: Array
    shares: Array
    market: Array
    markets: Sequence[str]
    index_close: Mapping[str, Array]  # name -> float64 [D]
    delisted_day: Array  # int32 [N]
    statements: Statements
    dividends: Dividends

    @cached_property
    def events(self) -> Events:
        """The statements that are not in quarantine as events, computed once."""
        return events_of(usable(self.statements), self.last.shape[1])


class RowContext:
    """What factors and coverage both need of rows of the inputs, each computed once, when it is first read.

    Raises ValueError for rows that the inputs do not have.
    """

    def __init__(self, inputs: FactorInputs, rows: slice) -> None:
        if rows.step not in (None, 1) or not 0 <= rows.start <= rows.stop <= len(inputs.days):
            raise ValueError(f"the inputs have {len(inputs.days)} rows, not {rows}")
        self.inputs, self.rows = inputs, rows

    @cached_property
    def listed(self) -> Array:
        """bool [rows, N]: the stock has a (carried) close and is not delisted."""
        inputs, rows = self.inputs, self.rows
        has_close = (inputs.idle[rows] <= CARRY_ROWS) & ~np.isnan(inputs.last[rows])
        listed: Array = has_close & (inputs.days[rows, None] < inputs.delisted_day)
        return listed

    @cached_property
    def event_index(self) -> Array:
        """The event that is valid on each row, `Events.index_of_rows`."""
        return self.inputs.events.index_of_rows(self.inputs.days[self.rows], self.listed.shape[1], self.listed)

    @cached_property
    def dividends(self) -> Array:
        """`trailing_dividends`."""
        inputs = self.inputs
        with np.errstate(all="ignore"):
            return trailing_dividends(inputs.dividends, inputs.days, inputs.adjust, self.rows)


def compute_factors(inputs: FactorInputs, keys: Sequence[str], rows: slice) -> dict[str, Array]:
    """Return float32 [rows, N] for each of `keys`, NaN where a factor has no value; errors as `factors_on`."""
    return factors_on(RowContext(inputs, rows), keys)


def factors_on(context: RowContext, keys: Sequence[str]) -> dict[str, Array]:
    """Return float32 [rows, N] for each of `keys`, NaN where a factor has no value.

    Raises ValueError for a key that is not in the catalogue.
    """
    unknown = [key for key in keys if key not in BY_KEY]
    if unknown:
        raise ValueError(f"no such factors: {', '.join(unknown)}")
    inputs = context.inputs
    from_prices = [key for key in keys if key in PRICE_FACTORS]
    computed: dict[str, Array] = {}
    if from_prices:
        computed = price_factors(
            from_prices,
            {name: getattr(inputs, name) for name in PRICE_MATRICES},
            index_close=inputs.index_close,
            market=inputs.market[context.rows],
            markets=inputs.markets,
            listed=context.listed,
            rows=context.rows,
        )
    others = [key for key in keys if key in FORMULAS]
    if others:
        with np.errstate(all="ignore"):
            computed |= _by_formula(others, context)
    return {key: computed[key] for key in keys}


def narrowed(values: Array) -> Array:
    """Return float32, with NaN where the value is not finite."""
    narrow: Array = values.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


def _by_formula(keys: Sequence[str], context: RowContext) -> dict[str, Array]:
    events, index = context.inputs.events, context.event_index
    computed: dict[str, Array] = {}
    for key in keys:
        computed[key] = np.empty(index.shape, np.float32)
        if BY_KEY[key].kind == "statement":
            np.take(narrowed(FORMULAS[key](events.columns)), index, out=computed[key], mode="clip")
    by_row = [key for key in keys if BY_KEY[key].kind != "statement"]
    if by_row:
        quantities = _RowQuantities(context)
        for block in _blocks(index.shape):
            values = _Block(quantities, block)
            for key in by_row:
                computed[key][block] = narrowed(FORMULAS[key](values))
    return computed


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    height = max(1, BLOCK_CELLS // max(1, shape[1]))
    for start in range(0, shape[0], height):
        yield slice(start, min(shape[0], start + height))


class _RowQuantities:
    """Quantities by row and instrument, computed block by block when a formula reads them."""

    def __init__(self, context: RowContext) -> None:
        inputs, rows, listed = context.inputs, context.rows, context.listed
        self._context, self._events = context, inputs.events

        def where_listed(matrix: Array) -> Callable[[slice], Array]:
            return lambda block: np.where(listed[block], matrix[rows][block], np.nan)

        self._rows: dict[str, Callable[[slice], Array]] = {
            "cap": where_listed(inputs.cap),
            "company_cap": where_listed(inputs.company_cap),
            "close": where_listed(inputs.last),
            "dividends": lambda block: context.dividends[block],
            "listed_shares": lambda block: inputs.shares[rows][block],
            "listed_shares 240 rows ago": lambda block: _earlier(inputs.shares, rows, block),
            "splits of 240 rows": lambda block: inputs.adjust[rows][block] / _earlier(inputs.adjust, rows, block),
        }
        self._tests: Mapping[str, Array] | None = None

    def compute(self, name: str, block: slice) -> Array:
        """Return one quantity on one block, float64 [block, N]."""
        if name in self._rows:
            return self._rows[name](block)
        index = self._context.event_index[block]
        if name in QUANTITIES:
            return self._events.columns[name].take(index)
        if self._tests is None:
            points, tests = statement_tests(self._events.columns)
            self._tests = {"quality points": points, "quality tests": tests}
        return self._tests[name].take(index)


class _Block(dict[str, Array]):
    """The quantities of one block of rows, each computed once."""

    def __init__(self, quantities: _RowQuantities, block: slice) -> None:
        super().__init__()
        self._quantities, self._block = quantities, block

    def __missing__(self, name: str) -> Array:
        self[name] = values = self._quantities.compute(name, self._block)
        return values


def _earlier(matrix: Array, rows: slice, block: slice) -> Array:
    """Return the rows 240 before those of the block; NaN where there are none."""
    start, stop = rows.start + block.start - SHARES_ROWS, rows.start + block.stop - SHARES_ROWS
    before = np.full((stop - start, matrix.shape[1]), np.nan)
    if stop > 0:
        before[max(0, -start) :] = matrix[max(0, start) : stop]
    return before
