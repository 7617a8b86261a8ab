"""Whether `change` and `change_rate` can be what they say: changes against the base price of the day.

A column in another unit (0.03 for 3 %), or without its sign, would turn every move of a stock into a split. A base
price differs from the close before on days of splits and rights issues only, so a stock on which it often does is
refused.
"""

from __future__ import annotations

import numpy as np

from services.preparer.fetching.splits import SAME_PRICE
from services.preparer.loading.files import MarketFiles
from services.preparer.loading.known import Known
from shared.errors import LoadError
from shared.infra.price_copy import is_tradable
from shared.model.market_data import PRICE_COLUMNS

GREATEST_SHARE = 0.02
"""A stock on which more of the stated base prices than this differ from the close before cannot be loaded."""

_CLOSE, _CHANGE, _RATE, _SPLIT = (PRICE_COLUMNS.index(n) for n in ("close", "change", "change_rate", "split"))


class BasePriceCheck:
    """Checks the rows of a load, one part and calendar year after the other, the years of a part in order."""

    def __init__(self, file: MarketFiles, known: Known) -> None:
        self._file, self._known = file, known
        count = len(known.codes)
        self._last_close = np.full(count, np.nan)
        self._stated, self._differing, self._both, self._contradicting, self._fractions, self._unsigned = np.zeros(
            (6, count), np.int64
        )

    def add(self, stock: np.ndarray, prices: np.ndarray) -> None:
        """Count rows, sorted by stock (ordinal) and day; prices: float64 [11, n] as in PRICE_COLUMNS.

        Rows that state a split, or follow a row without trading that does, say nothing of the base. LoadError when more
        of the base prices of a stock differ than can be.
        """
        at = np.flatnonzero(is_tradable(prices))
        if not len(at):
            return
        splits = np.cumsum(prices[_SPLIT] > 0)[at]
        stock, (close, change, rate) = stock[at], prices[[_CLOSE, _CHANGE, _RATE]][:, at]
        is_first = np.diff(stock, prepend=-1) != 0
        before = np.where(is_first, self._last_close[stock], np.roll(close, 1))
        has_split = np.where(is_first, prices[_SPLIT][at] > 0, splits != np.roll(splits, 1))
        is_last = np.roll(is_first, -1)
        self._last_close[stock[is_last]] = close[is_last]
        if np.isnan(change).all() and np.isnan(rate).all():
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            from_change, from_rate = close - change, np.where(rate > -100, close / (1 + rate / 100), np.nan)
        base = np.where(np.isnan(change), from_rate, from_change)
        stated = ~np.isnan(base) & (before > 0) & ~has_split
        differing = stated & ~_is_same(base, before)
        both = ~np.isnan(from_change) & ~np.isnan(from_rate)
        moved = differing & ~np.isnan(change)
        is_fraction = (np.abs(change) < 1) & (np.abs(change - (close / before - 1)) < 1e-3)
        self._count(self._stated, stock, stated)
        self._count(self._differing, stock, differing)
        self._count(self._both, stock, both)
        self._count(self._contradicting, stock, both & ~_is_same(from_change, from_rate))
        self._count(self._fractions, stock, moved & is_fraction)
        self._count(self._unsigned, stock, moved & (change > 0) & (close + change == before))
        self._refuse()

    @staticmethod
    def _count(tally: np.ndarray, stock: np.ndarray, rows: np.ndarray) -> None:
        tally += np.bincount(stock[rows], minlength=len(tally))

    def _refuse(self) -> None:
        name = self._file.name
        for stock in np.flatnonzero(_is_too_many(self._contradicting, self._both)):
            raise LoadError(
                f"{name}: change and change_rate of stock_code {self._known.codes[stock]} contradict each other on "
                f"{self._contradicting[stock]} of {self._both[stock]} rows. Leave the wrong column out. "
                "Nothing was changed."
            )
        is_wrong = _is_too_many(self._differing, self._stated) | (self._fractions >= 2) | (self._unsigned >= 2)
        for stock in np.flatnonzero(is_wrong):
            raise LoadError(
                f"{name}: on {self._differing[stock]} of {self._stated[stock]} rows of stock_code "
                f"{self._known.codes[stock]} the base price that change or change_rate states differs from the close "
                f"before, so it cannot be a base price{self._guess(int(stock))}. Leave the column out, state splits in "
                "the column split, or load with --change-unit fraction when 0.03 in change means 3 %. "
                "Nothing was changed."
            )

    def _guess(self, stock: int) -> str:
        if 2 * self._fractions[stock] > self._differing[stock]:
            return " (change looks like a fraction of the close before)"
        if 2 * self._unsigned[stock] > self._differing[stock]:
            return " (change looks like an amount without its sign)"
        return ""


def _is_too_many(count: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return where more rows than GREATEST_SHARE count, beyond what three deviations of chance explain.

    On few rows two splits are possible, three are not.
    """
    expected = GREATEST_SHARE * of
    too_many: np.ndarray = (count >= 3) & (count > expected + 3 * np.sqrt(expected))
    return too_many


def _is_same(price: np.ndarray, other: np.ndarray) -> np.ndarray:
    same: np.ndarray = (price > 0) & (np.abs(price - other) <= SAME_PRICE * other * (1 + 1e-9))
    return same
