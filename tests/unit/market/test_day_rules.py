"""The market's rules by date, each step of each table by hand."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from shared.market import (
    RULE_BOOKS,
    RULES_VERSION,
    day_rules,
    limit_pct,
    limits,
    nearest_tick,
    round_down,
    round_up,
    rule_books,
    sales_tax_pct,
    tick,
    ticks_of,
)
from shared.market.ticks import TABLES
from shared.model.calendar import from_day, to_day

NEW, OLD = dt.date(2023, 1, 25), dt.date(2023, 1, 20)


@pytest.mark.parametrize(
    ("day", "kospi", "konex"),
    [
        ("1995-01-03", 0.30, 0.30),
        ("2019-05-29", 0.30, 0.30),
        ("2019-05-30", 0.25, 0.10),
        ("2020-12-28", 0.25, 0.10),
        ("2020-12-29", 0.23, 0.10),
        ("2022-12-27", 0.23, 0.10),
        ("2022-12-28", 0.20, 0.10),
        ("2023-12-26", 0.20, 0.10),
        ("2023-12-27", 0.18, 0.10),
        ("2024-12-26", 0.18, 0.10),
        ("2024-12-27", 0.15, 0.10),
        ("2025-12-28", 0.15, 0.10),
        ("2025-12-29", 0.20, 0.10),
    ],
)
def test_sales_tax_changes_on_the_first_trade_date_of_a_rate(day: str, kospi: float, konex: float) -> None:
    date = dt.date.fromisoformat(day)
    assert sales_tax_pct(date, "KOSPI") == sales_tax_pct(date, "KOSDAQ") == sales_tax_pct(date, "ELSEWHERE") == kospi
    assert sales_tax_pct(date, "KONEX") == konex


@pytest.mark.parametrize(
    ("price", "new", "old_kospi", "old_kosdaq"),
    [
        (999, 1, 1, 1),
        (1_000, 1, 5, 5),
        (1_999, 1, 5, 5),
        (2_000, 5, 5, 5),
        (4_999, 5, 5, 5),
        (5_000, 10, 10, 10),
        (9_999, 10, 10, 10),
        (10_000, 10, 50, 50),
        (19_999, 10, 50, 50),
        (20_000, 50, 50, 50),
        (49_999, 50, 50, 50),
        (50_000, 100, 100, 100),
        (100_000, 100, 500, 100),
        (200_000, 500, 500, 100),
        (499_999, 500, 500, 100),
        (500_000, 1_000, 1_000, 100),
        (4_999.999999999, 10, 10, 10),
    ],
)
def test_the_tick_follows_the_price_the_market_and_the_day(
    price: float, new: float, old_kospi: float, old_kosdaq: float
) -> None:
    assert [tick(price, market, NEW) for market in (*RULE_BOOKS, "ELSEWHERE")] == [new] * 4
    assert [tick(price, market, OLD) for market in ("KOSPI", "ELSEWHERE")] == [old_kospi] * 2
    assert [tick(price, market, OLD) for market in ("KOSDAQ", "KONEX")] == [old_kosdaq] * 2


def test_rounding_to_a_tick_ignores_the_last_bits() -> None:
    assert round_down(929.9999999999999, "KOSPI", NEW) == 930
    assert round_up(16_050.000000000002, "KOSPI", NEW) == 16_050
    assert round_up(12_012, "KOSPI", OLD) == 12_050
    assert round_down(11_988, "KOSPI", OLD) == 11_950


@pytest.mark.parametrize(
    ("day", "market", "pct"),
    [
        ("1996-11-24", "KOSPI", 6),
        ("1996-11-25", "KOSPI", 8),
        ("1998-03-02", "KOSPI", 12),
        ("1998-12-07", "KOSPI", 15),
        ("2015-06-14", "KOSPI", 15),
        ("2015-06-15", "KOSPI", 30),
        ("1998-05-24", "KOSDAQ", 8),
        ("1998-05-25", "KOSDAQ", 12),
        ("2005-03-28", "KOSDAQ", 15),
        ("2015-06-15", "KOSDAQ", 30),
        ("2023-01-02", "KONEX", 15),
    ],
)
def test_the_daily_limit_changes_on_its_dates(day: str, market: str, pct: float) -> None:
    assert limit_pct(dt.date.fromisoformat(day), market) == pct


def test_limits_are_rounded_towards_the_base() -> None:
    assert limits(10_000, "KOSPI", NEW) == (13_000, 7_000)
    # 30 % of 1,235 is 370.5: the upper limit 1,605.5 is rounded down, the lower one is 1,235 less 370
    assert limits(1_235, "KOSDAQ", NEW) == (1_605, 865)
    # the upper limit takes its own tick (5 above 2,000), the lower one that of the base (1)
    assert limits(1_999, "KOSPI", NEW) == (2_595, 1_400)


def test_arrays_of_prices_have_the_ticks_of_single_ones() -> None:
    rng = np.random.default_rng(1)
    prices = np.exp(rng.uniform(np.log(10), np.log(2_000_000), (40, 4)))
    days = np.arange(to_day(NEW) - 20, to_day(NEW) + 20, dtype=np.int32)
    markets = (*RULE_BOOKS, "ELSEWHERE")
    found = ticks_of(prices, rule_books(markets), days)
    expected = [[tick(p, m, from_day(d)) for p, m in zip(row, markets, strict=True)] for row, d in zip(prices, days)]  # noqa: B905
    assert found.tolist() == expected


def test_the_nearest_tick_rounds_halves_up_and_keeps_absence() -> None:
    prices = np.array([[12_024.9, 12_025.0, np.nan]])
    found = nearest_tick(prices, np.array([0, 1, 0], np.uint8), np.array([to_day(OLD)], np.int32))
    assert found[0, :2].tolist() == [12_000, 12_050]
    assert np.isnan(found[0, 2])


def test_the_rules_of_many_days_are_those_of_each() -> None:
    days = np.array([to_day(dt.date(y, m, 27)) for y in (1996, 1998, 2005, 2019, 2020, 2022, 2025) for m in (1, 6, 12)])
    rules = day_rules(days.astype(np.int32))
    for row, day in enumerate(days.tolist()):
        for kind, market in enumerate(RULE_BOOKS):
            assert rules.tax[row, kind] == sales_tax_pct(from_day(day), market) / 100
            assert rules.limit[row, kind] == limit_pct(from_day(day), market) / 100
            table = TABLES[rules.tick_table[row, kind]]
            assert table[np.searchsorted(table[:, 0], 15_000.0, side="right"), 1] == tick(15_000, market, from_day(day))


def test_the_version_of_the_rules_names_their_content() -> None:
    assert RULES_VERSION.startswith("krx-")
    assert len(RULES_VERSION) == 16
