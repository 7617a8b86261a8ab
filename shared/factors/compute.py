"""All factors of one part of the market, for any rows, from everything loaded up to the last of them.

1. A stock has factors on a row when it has a close, carried over at most 60 rows, and is not delisted.
2. Price factors come from the kernel, which walks blocks of instruments down the rows.
3. Statements become events; what depends on statements only is computed once an event, narrowed to float32, and spread
   along the rows of the event.
4. What combines statements with the cap, the close, dividends or shares of a row is computed in float64 by blocks of
   rows, and narrowed to float32 as the last step.

No value depends on the range asked for, on the other instruments, or on anything later than its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.factors.catalogue import BY_KEY
from shared.factors.dividends import trailing_dividends
from shared.factors.formulas import Formula
from shared.factors.growth import GROWTH
from shared.factors.native import PRICE_FACTORS, PRICE_MATRICES, Array
from shared.factors.point_in_time import QUANTITIES, Events, events_of
from shared.factors.price_factors import price_factors
from shared.factors.quality import QUALITY, score_of_statements
from shared.factors.stability import STABILITY
from shared.factors.value import VALUE
from shared.model.fields import CARRY_ROWS
from shared.model.market_data import Dividends, Statements

FORMULAS: dict[str, Formula] = {**VALUE, **QUALITY, **GROWTH, **STABILITY, "MARKET_CAP": lambda x: x["cap"]}
"""The factors that are not the kernel's."""

BLOCK_CELLS = 32_768
"""Cells of a block of rows: few enough for its arrays to stay in the cache."""

SHARES_ROWS = 240


@dataclass(frozen=True, kw_only=True)
class FactorInputs:
    """The whole loaded history of N instruments: rows [0, D), in the terms of `shared.model.fields`.

    Matrices are [D, N] float64, `idle` uint16; `statements.instrument` and `dividends.instrument` are columns of these
    matrices; an index series is as loaded, not carried.
    """

    days: Array  # int32 [D]
    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    trading_value: Array
    last: Array
    adjust: Array
    idle: Array
    cap: Array
    shares: Array
    split: Array
    index_close: Mapping[str, Array]  # name -> float64 [D]
    market: Sequence[str]  # [N]
    delisted_day: Array  # int32 [N]
    statements: Statements
    dividends: Dividends

    @cached_property
    def events(self) -> Events:
        """The statements as events, made once."""
        return events_of(self.statements, len(self.market))


class OnRows:
    """What factors and coverage both need of rows of the inputs, each made when it is asked for, and once.

    Raises ValueError for rows that the inputs do not have.
    """

    def __init__(self, inputs: FactorInputs, rows: slice) -> None:
        if rows.step not in (None, 1) or not 0 <= rows.start <= rows.stop <= len(inputs.days):
            raise ValueError(f"the inputs have {len(inputs.days)} rows, not {rows}")
        self.inputs, self.rows = inputs, rows

    @cached_property
    def alive(self) -> Array:
        """bool [rows, N]: the stock has a (carried) close and is not delisted."""
        inputs, rows = self.inputs, self.rows
        has_close = (inputs.idle[rows] <= CARRY_ROWS) & ~np.isnan(inputs.last[rows])
        found: Array = has_close & (inputs.days[rows, None] < inputs.delisted_day)
        return found

    @cached_property
    def which(self) -> Array:
        """The event that is valid on each row, `Events.rows`."""
        return self.inputs.events.rows(self.inputs.days[self.rows], self.alive.shape[1], self.alive)

    @cached_property
    def dividends(self) -> Array:
        """`trailing_dividends`."""
        inputs = self.inputs
        with np.errstate(all="ignore"):
            return trailing_dividends(inputs.dividends, inputs.days, inputs.adjust, self.rows)


def compute_factors(inputs: FactorInputs, keys: Sequence[str], rows: slice) -> dict[str, Array]:
    """`factors_on` rows of the inputs."""
    return factors_on(OnRows(inputs, rows), keys)


def factors_on(on: OnRows, keys: Sequence[str]) -> dict[str, Array]:
    """float32 [rows, N] for each of `keys`, NaN where a factor has no value.

    Raises ValueError for a key that is not in the catalogue.
    """
    unknown = [key for key in keys if key not in BY_KEY]
    if unknown:
        raise ValueError(f"no such factors: {', '.join(unknown)}")
    inputs = on.inputs
    from_prices = [key for key in keys if key in PRICE_FACTORS]
    found: dict[str, Array] = {}
    if from_prices:
        matrices = {name: getattr(inputs, name) for name in PRICE_MATRICES}
        found = price_factors(
            from_prices, matrices, index_close=inputs.index_close, market=inputs.market, alive=on.alive, rows=on.rows
        )
    others = [key for key in keys if key in FORMULAS]
    if others:
        with np.errstate(all="ignore"):
            found |= _from_statements(others, on)
    return {key: found[key] for key in keys}


def narrowed(values: Array) -> Array:
    """float32, with NaN where the value is not finite."""
    narrow: Array = values.astype(np.float32)
    narrow[~np.isfinite(narrow)] = np.nan
    return narrow


def _from_statements(keys: Sequence[str], on: OnRows) -> dict[str, Array]:
    events, alive, which = on.inputs.events, on.alive, on.which
    found: dict[str, Array] = {}
    for key in keys:
        found[key] = np.empty(alive.shape, np.float32)
        if BY_KEY[key].kind == "statement":
            np.take(narrowed(FORMULAS[key](events.columns)), which, out=found[key], mode="clip")
    by_row = [key for key in keys if BY_KEY[key].kind != "statement"]
    if by_row:
        quantities = _RowQuantities(on)
        for block in _blocks(alive.shape):
            values = quantities.of(block)
            for key in by_row:
                found[key][block] = narrowed(FORMULAS[key](values))
    return found


def _blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    height = max(1, BLOCK_CELLS // max(1, shape[1]))
    for start in range(0, shape[0], height):
        yield slice(start, min(shape[0], start + height))


class _RowQuantities:
    """Quantities by row and instrument, made block by block when a formula asks for them."""

    def __init__(self, on: OnRows) -> None:
        inputs, rows, alive = on.inputs, on.rows, on.alive
        self._on, self._events, self._which = on, inputs.events, on.which
        self._rows: dict[str, Callable[[slice], Array]] = {
            "cap": lambda block: np.where(alive[block], inputs.cap[rows][block], np.nan),
            "close": lambda block: np.where(alive[block], inputs.last[rows][block], np.nan),
            "listed_shares": lambda block: inputs.shares[rows][block],
            "listed_shares 240 rows ago": lambda block: _earlier(inputs.shares, rows, block),
            "splits of 240 rows": lambda block: inputs.adjust[rows][block] / _earlier(inputs.adjust, rows, block),
        }
        self._scores: Mapping[str, Array] | None = None

    def of(self, block: slice) -> Mapping[str, Array]:
        """Quantity -> float64 [block, N]."""
        return _Block(self, block)

    def make(self, name: str, block: slice) -> Array:
        """One quantity on one block."""
        if name in self._rows:
            return self._rows[name](block)
        if name == "dividends":
            return self._on.dividends[block]
        if name in QUANTITIES:
            return self._events.columns[name].take(self._which[block])
        if self._scores is None:
            points, tests = score_of_statements(self._events.columns)
            self._scores = {"quality points": points, "quality tests": tests}
        return self._scores[name].take(self._which[block])


class _Block(dict[str, Array]):
    """The quantities of one block of rows; each is made once."""

    def __init__(self, quantities: _RowQuantities, block: slice) -> None:
        super().__init__()
        self._quantities, self._block = quantities, block

    def __missing__(self, name: str) -> Array:
        self[name] = made = self._quantities.make(name, self._block)
        return made


def _earlier(matrix: Array, rows: slice, block: slice) -> Array:
    """The rows 240 before those of the block; NaN where there are none."""
    start, stop = rows.start + block.start - SHARES_ROWS, rows.start + block.stop - SHARES_ROWS
    found = np.full((stop - start, matrix.shape[1]), np.nan)
    if stop > 0:
        found[max(0, -start) :] = matrix[max(0, start) : stop]
    return found
