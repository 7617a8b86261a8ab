"""Checks of prices, share counts and caps for the quality report: whole matrices at a time.

Rows are the market's trading days, columns the stocks of one part. A row is tradable when volume and open are above 0.
`base` is the last close before the row divided by the split of the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shared.market import RULE_BOOKS, day_rules, ticks_of
from shared.market.liquidation import LIQUIDATION_ROWS
from shared.messages import say
from shared.messages.message import Message
from shared.model.calendar import NO_DAY, iso, years_of
from shared.quality.report import Example, Finding, example_of, finding_of

Array = np.ndarray[Any, np.dtype[Any]]

SHARES_UP, SHARES_DOWN = 1.4, 0.7
SHARES_DAYS = 30
"""A share count belongs to a price move that lies at most this many days away."""

SPLIT_UP, SPLIT_DOWN = 2.5, 0.4
RATIO_TOLERANCE = 0.02
CAP_TOLERANCE = 0.05
HOLE_DAYS = 30
OFF_TICK_SHARE = 0.2
SAME_PRICE_ROWS = 20


@dataclass(frozen=True, kw_only=True)
class PricePart:
    """Prices of the stocks of one part: as loaded (PRICE_COLUMNS), and the derived `last`, `split` and `idle`."""

    days: Array  # int32 [D]
    codes: Sequence[str]  # [N]
    delisted_day: Array  # int32 [N], NO_DAY where there is none
    market: Array  # unsigned [D, N], rule book codes; others have no limits and ticks
    prices: Mapping[str, Array]  # float64 [D, N]
    last: Array
    split: Array
    idle: Array

    @cached_property
    def traded(self) -> Array:
        """bool [D, N]."""
        traded: Array = (self.prices["volume"] > 0) & (self.prices["open"] > 0)
        return traded

    @cached_property
    def base(self) -> Array:
        """float64 [D, N], NaN before the second tradable row of a stock."""
        base = np.full_like(self.last, np.nan)
        known = self.idle[:-1] != np.iinfo(np.uint16).max
        base[1:] = np.where(known, self.last[:-1], np.nan) / self.split[1:]
        return base

    @cached_property
    def has_rules(self) -> Array:
        """bool [D, N]: the market has limits and ticks."""
        has_rules: Array = self.market < len(RULE_BOOKS)
        return has_rules

    def example(self, row: int, column: int, message: Message, severity: float) -> Example:
        """Return an example of a row of a stock."""
        return example_of(self.codes[column], iso(int(self.days[row])), message, severity)


def check_prices(part: PricePart) -> list[Finding]:
    """Return the findings of all checks of prices."""
    if not len(part.days):
        return []
    with np.errstate(all="ignore"):
        beyond, shares = _beyond_limit(part), _shares_ratio(part)
        jumps = (shares > SHARES_UP) | (shares < SHARES_DOWN)
        return [
            finding_of("limit_move", _moves(part, beyond)),
            finding_of("share_count", _share_counts(part, jumps, shares)),
            finding_of("missing_split", _missing_splits(part, beyond, jumps, shares)),
            finding_of("cap", _caps(part)),
            finding_of("hole", _holes(part)),
            finding_of("early_end", _early_ends(part)),
            finding_of("off_tick", _off_ticks(part)),
            finding_of("same_price", _same_prices(part)),
        ]


def _beyond_limit(part: PricePart) -> Array:
    """Return bool [D, N]: open or close lies beyond the limit by more than a tick, with no split on the row.

    The last LIQUIDATION_ROWS tradable rows of a delisted stock are left out: no limit holds in liquidation trading.
    """
    limit = np.take_along_axis(
        day_rules(part.days).limit, np.minimum(part.market, len(RULE_BOOKS) - 1).astype(np.int64), axis=1
    )
    furthest = part.base * limit
    tick = ticks_of(part.base + furthest, part.market, part.days)
    moved = np.maximum(np.abs(part.prices["open"] - part.base), np.abs(part.prices["close"] - part.base))
    remaining = np.cumsum(part.traded[::-1], axis=0)[::-1]
    is_liquidation = (part.delisted_day != NO_DAY) & (remaining <= LIQUIDATION_ROWS)
    beyond: Array = part.traded & part.has_rules & (part.split == 1) & ~is_liquidation & (moved > furthest + tick)
    return beyond


def _moves(part: PricePart, beyond: Array) -> list[Example]:
    opened, close = part.prices["open"], part.prices["close"]
    found = []
    for row, column in np.argwhere(beyond).tolist():
        base = float(part.base[row, column])
        first, last = float(opened[row, column]), float(close[row, column])
        detail = say("move_beyond_limit", base=base, open=first, close=last)
        found.append(part.example(row, column, detail, max(_distance(first, base), _distance(last, base))))
    return found


def _distance(price: float, base: float) -> float:
    return abs(float(np.log(price / base))) if price > 0 and base > 0 else 0.0


def _shares_ratio(part: PricePart) -> Array:
    """Return float64 [D, N]: the stated share count against the one stated before it, 1 on rows with a split."""
    shares = part.prices["listed_shares"]
    stated = shares > 0
    at = np.where(stated, np.arange(len(shares))[:, None], 0)
    before = np.zeros_like(at)
    before[1:] = np.maximum.accumulate(at, axis=0)[:-1]
    earlier = np.take_along_axis(shares, before, axis=0)
    ratio: Array = np.where(stated & (earlier > 0) & (part.split == 1), shares / earlier, 1.0)
    ratio[0] = 1.0
    return ratio


def _share_counts(part: PricePart, jumps: Array, ratio: Array) -> list[Example]:
    found = []
    for row, column in np.argwhere(jumps).tolist():
        times = float(ratio[row, column])
        move = float(part.prices["close"][row, column] / part.base[row, column])
        detail = say("share_count_jump", times=times)
        if move > SPLIT_UP or 0 < move < SPLIT_DOWN:
            detail = say("share_count_jump_with_split", times=times, split=_ratio(1 / move))
        found.append(part.example(row, column, detail, _distance(times, 1)))
    return found


def _missing_splits(part: PricePart, beyond: Array, jumps: Array, shares: Array) -> list[Example]:
    found = []
    jump_rows = {column: np.nonzero(jumps[:, column])[0] for column in np.nonzero(jumps.any(axis=0))[0].tolist()}
    for row, column in np.argwhere(beyond).tolist():
        move = float(part.prices["close"][row, column] / part.base[row, column])
        near = [
            float(shares[at, column])
            for at in jump_rows.get(column, ())
            if abs(int(part.days[at]) - int(part.days[row])) <= SHARES_DAYS and (shares[at, column] > 1) != (move > 1)
        ]
        if near or move >= SPLIT_UP or 0 < move <= SPLIT_DOWN:
            detail = say("split_missing", move=move, split=_ratio(1 / move))
            if near:
                detail = say("split_missing_with_shares", move=move, times=near[0], split=_ratio(near[0]))
            found.append(part.example(row, column, detail, _distance(move, 1)))
    return found


def _ratio(split: float) -> str:
    """Return a split as old:new shares, with the nearest whole number where it is within 2 %."""
    times = 1 / split if split < 1 else split
    if abs(round(times) / times - 1) <= RATIO_TOLERANCE:
        times = float(round(times))
    return f"{times:.4g}:1" if split < 1 else f"1:{times:.4g}"


def _caps(part: PricePart) -> list[Example]:
    prices = part.prices
    off = np.abs(prices["market_cap"] / (prices["close"] * prices["listed_shares"]) - 1)
    off = np.where(np.isfinite(off), off, 0.0)
    found = []
    for column in np.nonzero((off > CAP_TOLERANCE).any(axis=0))[0].tolist():
        row = int(off[:, column].argmax())
        rows = int(np.count_nonzero(off[:, column] > CAP_TOLERANCE))
        detail = say("cap_off", off=float(off[row, column]), rows=rows)
        found.append(part.example(row, column, detail, float(off[row, column])))
    return found


def _holes(part: PricePart) -> list[Example]:
    has_row = ~np.isnan(part.prices["close"]) | ~np.isnan(part.prices["volume"])
    found = []
    for column in range(has_row.shape[1]):
        rows = np.nonzero(has_row[:, column])[0]
        gaps = np.diff(part.days[rows])
        for at in np.nonzero(gaps > HOLE_DAYS)[0].tolist():
            detail = say("rows_absent_before", days=int(gaps[at]))
            found.append(part.example(int(rows[at + 1]), column, detail, float(gaps[at])))
    return found


def _early_ends(part: PricePart) -> list[Example]:
    has_row = ~np.isnan(part.prices["close"]) | ~np.isnan(part.prices["volume"])
    found = []
    for column in np.nonzero((part.delisted_day != NO_DAY) & has_row.any(axis=0))[0].tolist():
        row = len(has_row) - 1 - int(has_row[::-1, column].argmax())
        until = min(int(part.delisted_day[column]), int(part.days[-1]))
        missing = until - int(part.days[row])
        if missing > HOLE_DAYS:
            detail = say("prices_end_early", delisted_on=iso(int(part.delisted_day[column])))
            found.append(part.example(row, column, detail, float(missing)))
    return found


def _off_ticks(part: PricePart) -> list[Example]:
    opened = part.prices["open"]
    steps = opened / ticks_of(opened, part.market, part.days)
    judged = part.traded & part.has_rules
    off = judged & (np.abs(steps - np.round(steps)) > 1e-6)
    years = years_of(part.days)
    found = []
    for year in np.unique(years).tolist():
        rows = np.nonzero(years == year)[0]
        share = off[rows].sum(axis=0) / judged[rows].sum(axis=0)
        for column in np.nonzero(share > OFF_TICK_SHARE)[0].tolist():
            detail = say("opens_off_tick", share=float(share[column]), year=str(year))
            found.append(part.example(int(rows[0]), column, detail, float(share[column])))
    return found


def _same_prices(part: PricePart) -> list[Example]:
    opened, high, low, close = (part.prices[name] for name in ("open", "high", "low", "close"))
    flat = part.traded & (opened == high) & (high == low) & (low == close)
    found = []
    for column in np.nonzero(flat.sum(axis=0) >= SAME_PRICE_ROWS)[0].tolist():
        rows = np.nonzero(part.traded[:, column])[0]
        price = np.where(flat[rows, column], close[rows, column], np.nan)
        starts = np.nonzero(np.append(True, price[1:] != price[:-1]))[0]
        lengths = np.diff(np.append(starts, len(rows)))
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            if length >= SAME_PRICE_ROWS:
                detail = say("one_price_throughout", price=float(price[start]), rows=length)
                found.append(part.example(int(rows[start]), column, detail, float(length)))
    return found
