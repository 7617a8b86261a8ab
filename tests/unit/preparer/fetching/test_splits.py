"""Ratios of splits from base prices that are rounded to ticks, with invented prices."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from services.preparer.fetching.splits import split_ratio, with_splits

DAY = dt.date(2026, 5, 11)


@pytest.mark.parametrize(
    ("before", "base", "shares_before", "shares", "expected"),
    [
        (2_022, 2_025, 1e7, 1e7, None),  # the base is rounded up to a tick
        (50_000, 50_000, 1e7, 1.5e7, None),  # a merger: shares without a new base price
        (30_050, 10_020, 1e7, 1e7, 3.0),  # the shares of a bonus issue are listed weeks later
        (2_650_000, 53_000, 1.2e8, 6e9, 50.0),
        (385, 1_925, 77_720_350, 15_544_070, 0.2),  # consolidation: the share counts say it exactly
        (1_000, 2_117, 1e7, 5e6, 0.5),  # a reopening whose base price was assessed anew
        (10_500, 10_000, 1e7, 1e7, 1.05),  # a stock dividend
        (8_010, 7_770, 1e7, 1e7, 8_010 / 7_770),  # a rights issue: no ratio of the table
        (0, 10, 1e7, 1e7, None),
    ],
)
def test_split_ratio_is_snapped(
    before: float, base: float, shares_before: float, shares: float, expected: float | None
) -> None:
    assert split_ratio(before, base, shares_before, shares, "KOSPI", DAY) == expected


def test_split_is_on_the_first_tradable_row_after_a_halt() -> None:
    days = [dt.date(2026, 5, day) for day in (6, 7, 8, 11)]
    rows = pl.DataFrame(
        {
            "date": days, "stock_code": ["900110"] * 4, "market": ["KOSPI"] * 4, "open": [380.0, 0.0, 0.0, 1_900.0],
            "close": [385.0, 385.0, 385.0, 1_900.0], "change": [1.0, 0.0, 0.0, -25.0],
            "volume": [10.0, 0.0, 0.0, 10.0], "listed_shares": [5e6, 5e6, 5e6, 1e6],
        }
    )  # fmt: skip
    assert with_splits(rows)["split"].to_list() == [None, None, None, 0.2]
