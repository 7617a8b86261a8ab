"""Returns from the open after a row to the open `horizon` rows later, as a holder of the stock gets them.

Row d decides, row e = d + 1 is the entry and row x = e + horizon the exit. The return is
(open(x) S + dividends) / open(e) - 1 with S the product of the splits in (e, x]; dividends are those with an ex-row in
(e, x], before tax, each on the shares of the evening before. A stock without trading on the exit row is valued at its
last close. A delisting inside ends the holding by the rules of a backtest; the money then rests until the exit row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from shared.market import day_rules
from shared.market.liquidation import LIQUIDATION_DAYS, STALE_EXIT_DAYS, is_liquidation_row
from shared.market.ticks import TOUCH, ticks_of
from shared.model.fields import NEVER_TRADED
from shared.model.kinds import KRX_MARKETS
from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.simulation.panel_scans import order_rows

Array = np.ndarray[Any, np.dtype[Any]]

RULE_VERSION: Final = 1
"""Part of every scratch name: raised whenever a rule of this module changes."""

ENTERED, HALTED, LIMIT_UP, LIQUIDATION, NO_ROW = range(5)
"""Whether a stock can be bought at the open after a row, and why not: it does not trade; it opens at its upper limit;
it is in liquidation trading; the dataset ends."""

NARROWEST: Final = 1.02
"""A price below this multiple of the close before is below every upper limit, whatever the rounding to ticks."""

_SINGLE, _BYTE, _WORD = np.dtype(np.float32), np.dtype(np.uint8), np.dtype(np.uint16)


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a holding of a delisted stock ends: the fields `execution.delisting…` of a backtest."""

    delisting: Literal["liquidation", "last_price", "haircut", "zero"] = "liquidation"
    delisting_haircut_pct: float = 0.0
    stale_haircut_pct: float = 80.0

    def kept(self, days_without_price: int) -> float:
        """Return the share of the last price that is paid at the delisting, so many days after that price."""
        if self.delisting == "liquidation":
            return 1.0 if days_without_price <= STALE_EXIT_DAYS else 1 - self.stale_haircut_pct / 100
        return {"last_price": 1.0, "haircut": 1 - self.delisting_haircut_pct / 100, "zero": 0.0}[self.delisting]


def entries(panels: Panels, rows: slice) -> Array:
    """Return uint8 [rows, N]: ENTERED, or why a stock cannot be bought at the open after each row."""
    return panels.scratch(_name(panels, "entry"), _BYTE, rows, lambda year: _entries(panels, year))


def forward_returns(panels: Panels, rows: slice, horizon: int, rule: Exit) -> Array:
    """Return float32 [rows, N], NaN where the stock cannot be bought or the exit row is not there yet."""
    name = _name(panels, "return", horizon, rule)
    return panels.scratch(name, _SINGLE, rows, lambda year: _returns(panels, year, horizon, rule))


def held_returns(panels: Panels, rows: slice, rule: Exit) -> Array:
    """Return float32 [rows, N] returns of one row, from the open after each row to the next open, of stocks that are
    held already: a stock that does not trade is valued at its last close at either end. NaN before the first price,
    after the end of the holding by a delisting, and where the next open is not there yet.
    """
    return panels.scratch(_name(panels, "held", 1, rule), _SINGLE, rows, lambda year: _held(panels, year, rule))


def return_orders(panels: Panels, rows: slice, horizon: int, rule: Exit) -> Array:
    """Return uint16 [rows, N]: the columns of `forward_returns` in ascending order of the return."""

    def ordered(year: slice) -> Array:
        returns = forward_returns(panels, year, horizon, rule)
        return order_rows(np.ascontiguousarray(returns), panels.instruments.by_code, descending=False)

    return panels.scratch(_name(panels, "order", horizon, rule), _WORD, rows, ordered)


def returns_need(rows: slice, horizons: tuple[int, ...], days: Array) -> dict[str, slice]:
    """Return panel field -> the rows that the returns of these rows read: whole calendar years, since they are shared
    by year, and the rows around them."""
    first = np.datetime64(int(days[rows.start]), "D").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    last = np.datetime64(int(days[rows.stop - 1]), "D").astype("datetime64[Y]") + 1
    start, stop = np.searchsorted(days, [first, last.astype("datetime64[D]").astype(np.int64)]).tolist()
    read = slice(max(0, start - 1), min(len(days), stop + 1 + max(horizons)))
    return {"open": read, "volume": read, "last": read, "adjust": read, "split": read,
            "idle": slice(max(0, read.start - 4 * LIQUIDATION_DAYS), read.stop)}  # fmt: skip


def _name(panels: Panels, what: str, horizon: int | None = None, rule: Exit | None = None) -> str:
    """Return the content name of a plane. It reads rows of later years, which names of a year do not cover, so that the
    version is a part of it."""
    of_rule = "" if rule is None else f"{rule.delisting}-{rule.delisting_haircut_pct:g}-{rule.stale_haircut_pct:g}"
    return f"forward-{what}-{RULE_VERSION}-{horizon}-{of_rule}-{panels.version}"


def _opens(panels: Panels, rows: slice) -> Array:
    """Return float64 [rows, N] opens of tradable rows, else NaN."""
    opens = panels.panel("open", rows)
    traded = (panels.panel("volume", rows) > 0) & (opens > 0)
    found: Array = np.where(traded, opens, np.nan)
    return found


def _entries(panels: Panels, rows: slice) -> Array:
    found = np.full((rows.stop - rows.start, len(panels.instruments)), NO_ROW, np.uint8)
    after = slice(rows.start + 1, min(rows.stop + 1, len(panels.days)))
    if after.stop <= after.start:
        return found
    opens = _opens(panels, after)
    states = np.where(np.isnan(opens), HALTED, ENTERED).astype(np.uint8)
    base = panels.panel("last", slice(after.start - 1, after.stop - 1)) / panels.panel("split", after)
    attributes = row_attributes(panels, after)
    at = np.nonzero(opens > base * NARROWEST)
    kinds = attributes.market[at]
    korean = kinds < len(KRX_MARKETS)
    at, kinds = (at[0][korean], at[1][korean]), kinds[korean]
    upper = _upper_limits(base[at], kinds, panels.days[after], at[0])
    is_up = opens[at] >= upper * (1 - TOUCH)
    states[at[0][is_up], at[1][is_up]] = LIMIT_UP
    for column, liquidations in _liquidation_rows(panels, after).items():
        states[[row - after.start for row in liquidations], column] = LIQUIDATION
    found[: len(states)] = states
    return found


def _upper_limits(base: Array, kinds: Array, days: Array, row: Array) -> Array:
    """Return the upper limits of cells (base price, market code, row of `days`) as in `shared.market.limits`."""
    day = days[row]
    size = ticks_of(base, kinds, day)
    rounded = np.floor(base / size + 0.5 + TOUCH) * size
    raised = rounded * (1 + day_rules(days).limit[row, kinds])
    size = ticks_of(raised, kinds, day)
    found: Array = np.maximum(np.floor(raised / size + TOUCH) * size, rounded + ticks_of(rounded, kinds, day))
    return found


def _liquidation_rows(panels: Panels, rows: slice) -> dict[int, list[int]]:
    """Return column -> its rows of liquidation trading: one of the first tradable rows after a suspension, shortly
    before the delisting."""
    days, delisted = panels.days, panels.instruments.delisted_day
    near = np.flatnonzero((delisted > days[rows.start]) & (delisted <= int(days[rows.stop - 1]) + LIQUIDATION_DAYS))
    if not len(near):
        return {}
    first = max(0, rows.start - 2 * LIQUIDATION_DAYS)
    idle = panels.panel("idle", slice(first, rows.stop))
    found: dict[int, list[int]] = {}
    for column in near.tolist():
        start = max(rows.start, int(np.searchsorted(days, delisted[column] - LIQUIDATION_DAYS)))
        stop = min(rows.stop, int(np.searchsorted(days, delisted[column])))
        chosen = [
            row
            for row in range(start, stop)
            if is_liquidation_row(idle[:, column], row - first, int(delisted[column] - days[row]), first=first)
        ]
        if chosen:
            found[column] = chosen
    return found


def _returns(panels: Panels, rows: slice, horizon: int, rule: Exit) -> Array:
    found = np.full((rows.stop - rows.start, len(panels.instruments)), np.nan, np.float32)
    span = slice(rows.start, min(rows.stop + 1 + horizon, len(panels.days)))
    count = min(rows.stop, len(panels.days) - 1 - horizon) - rows.start
    if count <= 0:
        return found
    opens, adjust = _opens(panels, span), panels.panel("adjust", span)
    cash = _dividends(panels, span, adjust)
    entry, exit_ = slice(1, 1 + count), slice(1 + horizon, 1 + horizon + count)
    worth = np.where(np.isnan(opens[exit_]), panels.panel("last", span)[exit_], opens[exit_]) * adjust[exit_]
    paid = opens[entry] * adjust[entry]
    with np.errstate(over="ignore"):
        returns = (worth + (cash[exit_] - cash[entry])) / paid - 1
        _end_holdings(panels, span, horizon, rule, opens, adjust, cash, paid, returns)
        returns[entries(panels, slice(rows.start, rows.start + count)) != ENTERED] = np.nan
        found[:count] = returns
    found[np.isinf(found)] = np.nan
    return found


def _held(panels: Panels, rows: slice, rule: Exit) -> Array:
    found = np.full((rows.stop - rows.start, len(panels.instruments)), np.nan, np.float32)
    span = slice(rows.start, min(rows.stop + 2, len(panels.days)))
    count = min(rows.stop, len(panels.days) - 2) - rows.start
    if count <= 0:
        return found
    opens, adjust = _opens(panels, span), panels.panel("adjust", span)
    cash = _dividends(panels, span, adjust)
    worth = np.where(np.isnan(opens), panels.panel("last", span), opens) * adjust
    paid = worth[1 : 1 + count]
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        returns = (worth[2 : 2 + count] + (cash[2 : 2 + count] - cash[1 : 1 + count])) / paid - 1
        _end_holdings(panels, span, 1, rule, opens, adjust, cash, paid, returns)
    returns[_ended(panels, slice(rows.start + 1, rows.start + 1 + count), rule)] = np.nan
    found[:count] = returns
    found[np.isinf(found)] = np.nan
    return found


def _ended(panels: Panels, rows: slice, rule: Exit) -> Array:
    """Return bool [rows, N]: whether a holding has ended at the open of a row, by a delisting or a sale before it."""
    found: Array = panels.days[rows][:, None] >= panels.instruments.delisted_day[None, :]
    if rule.delisting == "liquidation":
        wide = slice(max(0, rows.start - 2 * LIQUIDATION_DAYS), rows.stop)
        for column, sold in _liquidation_rows(panels, wide).items():
            found[max(sold[0] - rows.start, 0) :, column] = True
    return found


def _leaves(panels: Panels, span: slice) -> Array:
    """Return bool [N]: whether a stock may be delisted, or in liquidation trading, within the rows."""
    delisted = panels.instruments.delisted_day
    found: Array = (delisted > panels.days[span.start]) & (
        delisted <= int(panels.days[span.stop - 1]) + LIQUIDATION_DAYS
    )
    return found


def _dividends(panels: Panels, span: slice, adjust: Array) -> Array:
    """Return float64 [rows, N]: the dividends with an ex-row after the first row and up to each, for as many shares as
    one of the first row of the dataset has become."""
    dividends = panels.dividends
    at = np.searchsorted(panels.days, dividends.ex_date) - span.start
    paid = (at > 0) & (at < span.stop - span.start) & (dividends.dps > 0)
    found = np.zeros((span.stop - span.start, len(panels.instruments)))
    if paid.any():
        order = np.flatnonzero(paid)
        order = order[np.lexsort((dividends.dps[order], dividends.instrument[order], at[order]))]
        row, column = at[order], dividends.instrument[order]
        shares = adjust[row - 1, column]
        np.add.at(found, (row, column), np.where(np.isnan(shares), 0.0, shares * dividends.dps[order]))
        columns = np.unique(column)
        found[:, columns] = np.cumsum(found[:, columns], axis=0)
    return found


def _end_holdings(  # noqa: PLR0917 - the planes of one span
    panels: Panels, span: slice, horizon: int, rule: Exit, opens: Array, adjust: Array, cash: Array, paid: Array,
    returns: Array,
) -> None:  # fmt: skip
    """Set the returns of stocks that are sold in liquidation trading or are delisted before the exit row."""
    delisted = panels.instruments.delisted_day
    sold = _liquidation_rows(panels, slice(span.start + 1, span.stop)) if rule.delisting == "liquidation" else {}
    for column in np.flatnonzero(_leaves(panels, span)).tolist():
        ends = [(row - span.start, float(opens[row - span.start, column])) for row in sold.get(column, ())]
        gone = int(np.searchsorted(panels.days, delisted[column]))
        if span.start < gone < span.stop:
            before = panels.panel("idle", slice(gone - 1, gone))[0, column]
            traded = gone - 1 - int(before) if before != NEVER_TRADED else 0
            last = float(panels.panel("last", slice(gone, gone + 1))[0, column])
            days_without_price = int(delisted[column] - panels.days[max(traded, 0)])
            ends.append((gone - span.start, last * rule.kept(days_without_price)))
        for row, price in reversed(ends):  # the first end after an entry counts, so that it is written last
            entry = slice(max(row - horizon, 1), min(row, len(returns) + 1))
            at = slice(entry.start - 1, entry.stop - 1)
            worth = price * adjust[row, column] + cash[row, column] - cash[entry, column]
            returns[at, column] = worth / paid[at, column] - 1
