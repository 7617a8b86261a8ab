"""The rules that every loaded price row must keep; rows that break one stop the load."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.known import Known
from services.preparer.loading.refusals import Refusals, day_rules, lost_zeros
from shared.infra.price_copy import is_tradable
from shared.market import ticks_of
from shared.model.calendar import iso
from shared.model.market_data import PRICE_COLUMNS

RANGE_TOLERANCE = 0.005
"""An open or close may lie outside [low, high] by this part of the bound, or by one tick."""

_NEVER_NEGATIVE = range(PRICE_COLUMNS.index("listed_shares") + 1)
_VOLUME, _SPLIT = PRICE_COLUMNS.index("volume"), PRICE_COLUMNS.index("split")

Reason = Callable[[int], str]
"""Position in a batch -> what is wrong with the row, and what to do."""


@dataclass(kw_only=True)
class PriceCounts:
    """Rows that a load accepts and reports."""

    volume_without_open: int = 0
    """Rows with volume but no open (block or after-hours trades only): rows without trading."""
    outside_range: int = 0
    """Tradable rows whose open or close lies outside [low, high] within the tolerance."""
    after_delisting: int = 0
    """Rows without trading on or after the delisting, which are ignored."""


@dataclass(frozen=True, kw_only=True)
class PriceRows:
    """Rows of one batch: ordinal (-1: unknown code) and day [n], and prices float64 [11, n] as in PRICE_COLUMNS.

    `before` is the number of rows of the file in front of the batch.
    """

    before: int

    stock: np.ndarray
    day: np.ndarray
    prices: np.ndarray


Rule = tuple[str, np.ndarray, Reason]
"""(mistake, bool per row, reason of a row)."""


def check_rows(  # noqa: PLR0917
    broken: BrokenRows, known: Known, codes: pl.Series, rows: PriceRows, counts: PriceCounts, refusals: Refusals
) -> bool:
    """Count what is accepted with a remark, list the rows that break a rule, and return whether none does.

    codes: the stock codes of the rows as read. A row is listed once, with the first rule that it breaks.
    """
    stock, day, prices = rows.stock, rows.day, rows.prices
    traded = is_tradable(prices)
    delisted = day >= known.delisted_day[stock]
    rules: list[Rule] = [
        (
            "stock_code is no company",
            stock < 0,
            lambda r: f"stock_code {codes[r]} is no company of companies.* or of an earlier load{lost_zeros(codes[r])}",
        ),
        (
            "a price on or after the delisting",
            delisted & traded,
            lambda r: (
                f"a price on {iso(day[r])}, on or after the delisting "
                f"{iso(known.delisted_day[stock[r]])} of {codes[r]}; remove the row or correct "
                "delisted_on in companies.*"
            ),
        ),
        *(_negative(prices, number) for number in _NEVER_NEGATIVE),
        *_bar_rules(known, rows, traded, counts),
        *day_rules(refusals, known, stock, day, traded),
        (
            "split is not above 0",
            prices[_SPLIT] <= 0,
            lambda r: f"split is {prices[_SPLIT][r]:g}, expected a number above 0",
        ),
    ]
    seen = np.zeros(len(stock), bool)
    for mistake, mask, reason in rules:
        if mask.any():
            broken.add(mistake, np.flatnonzero(mask & ~seen), reason, rows.before)
            seen |= mask
    counts.volume_without_open += int(np.count_nonzero((prices[_VOLUME] > 0) & ~traded))
    counts.after_delisting += int(np.count_nonzero(delisted & ~traded))
    return not seen.any()


def _negative(prices: np.ndarray, number: int) -> Rule:
    name = PRICE_COLUMNS[number]
    return f"{name} is negative", prices[number] < 0, lambda r: f"{name} is negative ({prices[number][r]:g})"


def _bar_rules(known: Known, rows: PriceRows, traded: np.ndarray, counts: PriceCounts) -> list[Rule]:
    opened, high, low, close = rows.prices[:4]
    complete = np.minimum(np.minimum(high, low), close) > 0
    refused = {}
    for name, price in (("open", opened), ("close", close)):
        outside = np.flatnonzero(traded & complete & (high >= low) & ((price > high) | (price < low)))
        refused[name] = np.zeros(len(price), bool)
        if len(outside):
            tolerated = _within_tolerance(known, rows, outside, price[outside])
            refused[name][outside] = ~tolerated
            counts.outside_range += int(np.count_nonzero(tolerated))

    def outside_reason(name: str, price: np.ndarray) -> Reason:
        return lambda r: (
            f"{name} {price[r]:g} is outside low {low[r]:g} to high {high[r]:g} by more than a tick and "
            f"{RANGE_TOLERANCE:.1%}; correct the row, or load it as one without trading (volume 0)"
        )

    return [
        (
            "high, low or close is empty or 0 on a row with trading",
            traded & ~complete,
            lambda r: "high, low or close is empty or 0 on a row with trading; a row without trading has volume 0",
        ),
        ("high is below low", traded & (high < low), lambda r: f"high {high[r]:g} is below low {low[r]:g}"),
        ("open is outside low to high", refused["open"], outside_reason("open", opened)),
        ("close is outside low to high", refused["close"], outside_reason("close", close)),
    ]


def _within_tolerance(known: Known, rows: PriceRows, at: np.ndarray, price: np.ndarray) -> np.ndarray:
    high, low = rows.prices[1][at], rows.prices[2][at]
    bound = np.where(price > high, high, low)
    distance = np.abs(price - bound)
    stock = rows.stock[at]
    tick = ticks_of(bound, known.rule_book[stock], rows.day[at])
    within: np.ndarray = (distance <= RANGE_TOLERANCE * bound) | (known.has_ticks[stock] & (distance <= tick))
    return within
