"""Split ratios from base prices: which ratio of whole numbers a base price that was rounded to a tick stands for."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from shared.market.ticks import tick

SAME_PRICE = 0.005
"""A base price within this relative distance of the close before is no split."""
SHARES_CHANGED = 0.01
"""Share counts that differ by more than this part have changed."""
SHARES_FIT = 0.08
"""The ratio of the share counts is the ratio of the split when it is this close to that of the prices."""

_WHOLE = np.arange(2, 101, dtype=np.float64)
_STEPS = np.arange(105, 200, 5) / 100
RATIOS = np.unique(np.concatenate([_WHOLE, 1 / _WHOLE, _STEPS, 1 / _STEPS]))
"""Whole numbers up to 100 and 1.05 to 1.95 in steps of 0.05, and one over each."""


def split_ratio(  # noqa: PLR0917
    before: float, base: float, shares_before: float | None, shares: float | None, market: str, day: dt.date
) -> float | None:
    """Return how many shares one share became, None when the base price is the close before.

    `before` is that close, `base` the base price of the day. The exchange rounds a base price to a tick, and assesses
    those after long halts, so the ratio of the two prices is only near the ratio of the split: that of the share
    counts where they changed on this day and fit, else the nearest of RATIOS whose price is within a tick of the base
    price, else the ratio of the prices.
    """
    if not (before > 0 and base > 0) or abs(base / before - 1) <= SAME_PRICE:
        return None
    ratio = before / base
    if shares and shares_before and abs(shares / shares_before - 1) > SHARES_CHANGED:
        of_shares = shares / shares_before
        if abs(of_shares / ratio - 1) <= SHARES_FIT:
            return of_shares
    nearest = float(RATIOS[np.argmin(np.abs(before / RATIOS - base))])
    if abs(before / nearest - base) <= tick(base, market, day):
        return nearest
    return ratio


def with_splits(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the column `split` to daily prices (with `market`), sorted by stock and day; null where there is none.

    A base price counts on tradable rows, against the close of the row before of the same stock.
    """
    ordered = rows.sort("stock_code", "date").with_columns(
        pl.col("close").shift(1).over("stock_code").alias("before"),
        pl.col("listed_shares").shift(1).over("stock_code").alias("shares_before"),
        (pl.col("close") - pl.col("change")).alias("base"),
    )
    moved = (pl.col("base") / pl.col("before") - 1).abs() > SAME_PRICE
    traded = (pl.col("volume") > 0) & (pl.col("open") > 0)
    at = ordered.select((moved & traded & (pl.col("base") > 0)).fill_null(value=False)).to_series().arg_true()
    names = ("before", "base", "shares_before", "listed_shares", "market", "date")
    found = [split_ratio(*row) for row in ordered[at].select(names).iter_rows()]
    splits = pl.Series("split", [None], pl.Float64).extend_constant(None, ordered.height).head(ordered.height)
    return ordered.with_columns(splits.scatter(at, found)).drop("before", "shares_before", "base")
