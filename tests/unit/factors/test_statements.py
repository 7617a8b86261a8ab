"""Statements worked by hand: restated, late, annual-only, odd fiscal years, too old, and dividends."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest

from shared.dataset.memory_panels import MemoryPanels
from shared.model.calendar import iso
from tests.support.markets import panels_of

DAYS = [day for day in (dt.date(2023, 3, 1) + dt.timedelta(n) for n in range(30)) if day.weekday() < 5]


def market(statements: list[dict[str, Any]], **more: Any) -> MemoryPanels:
    """One stock at 1,000 won with 1,000,000 shares through March 2023, and its statements."""
    row = {"stock_code": "A", "open": 1000, "high": 1000, "low": 1000, "close": 1000, "volume": 1, "split": 1}
    prices = [row | {"date": day.isoformat(), "listed_shares": 1_000_000} for day in DAYS]
    changes = {change["date"]: change for change in more.pop("changes", ())}
    prices = [price | changes.get(price["date"], {}) for price in prices]
    return panels_of(
        {
            "companies": [{"stock_code": "A", "name": "A", "market": "KOSPI"}],
            "prices": prices,
            "financials": [{"stock_code": "A"} | s for s in statements],
            **more,
        }
    )


def statement(year: int, quarter: int, ends: str, told: str, **accounts: float) -> dict[str, Any]:
    return {"fiscal_year": year, "fiscal_quarter": quarter, "period_end": ends, "disclosed_on": told, **accounts}


def by_day(panels: MemoryPanels, key: str) -> dict[str, float | None]:
    values = panels.panel(key, slice(0, len(panels.days)))[:, 0]
    return {iso(day): None if np.isnan(v) else round(float(v), 4) for day, v in zip(panels.days, values, strict=True)}


def test_each_of_two_restatements_counts_from_its_own_day_and_whole() -> None:
    panels = market(
        [
            statement(2022, 4, "2022-12-31", "2023-03-02", net_income=100, total_equity=1000, revenue=500),
            statement(2022, 4, "2022-12-31", "2023-03-08", net_income=200, total_equity=1000),
            statement(2022, 4, "2022-12-31", "2023-03-14", net_income=50, total_equity=500, revenue=400),
        ]
    )
    roe, margin = by_day(panels, "ROE"), by_day(panels, "NPM")
    assert [roe[f"2023-03-{day:02}"] for day in (1, 2, 7, 8, 13, 14, 30)] == [None, 10, 10, 20, 20, 10, 10]
    assert [margin[f"2023-03-{day:02}"] for day in (1, 2, 7, 8, 13, 14)] == [None, 20, 20, None, None, 12.5]


def test_what_is_disclosed_on_a_weekend_counts_from_the_next_trading_day() -> None:
    panels = market([statement(2022, 4, "2022-12-31", "2023-03-11", net_income=100, total_equity=1000)])
    roe = by_day(panels, "ROE")
    assert (roe["2023-03-10"], roe["2023-03-13"]) == (None, 10)


def test_the_last_of_two_disclosures_within_one_weekend_is_used() -> None:
    panels = market(
        [
            statement(2022, 4, "2022-12-31", "2023-03-12", net_income=300, total_equity=1000),
            statement(2022, 4, "2022-12-31", "2023-03-11", net_income=100, total_equity=1000),
        ]
    )
    assert by_day(panels, "ROE")["2023-03-13"] == 30


def test_trailing_sums_use_last_years_figures_as_they_are_known_that_day() -> None:
    panels = market(
        [
            statement(2021, 3, "2021-09-30", "2021-11-15", net_income=60),
            statement(2021, 4, "2021-12-31", "2022-03-20", net_income=100),
            statement(2022, 3, "2022-09-30", "2022-11-15", net_income=90, total_equity=1000),
            statement(2021, 3, "2021-09-30", "2023-03-09", net_income=70),
        ]
    )
    roe = by_day(panels, "ROE")
    assert (roe["2023-03-08"], roe["2023-03-09"]) == (13, 12)


def test_a_late_old_period_never_replaces_a_newer_one() -> None:
    panels = market(
        [
            statement(2022, 4, "2022-12-31", "2023-03-02", net_income=100, total_equity=1000),
            statement(2021, 4, "2021-12-31", "2023-03-09", net_income=80, total_equity=800),
        ]
    )
    assert by_day(panels, "ROE")["2023-03-10"] == 10
    growth = by_day(panels, "EARNINGS_GROWTH_1Y")
    assert (growth["2023-03-08"], growth["2023-03-09"]) == (None, 25)


def test_of_two_periods_with_one_end_the_larger_quarter_is_the_latest() -> None:
    panels = market(
        [
            statement(2022, 4, "2022-12-31", "2023-03-02", total_equity=4e9),
            statement(2022, 3, "2022-12-31", "2023-03-06", total_equity=2e9),
            statement(2023, 1, "2022-12-31", "2023-03-08", total_equity=1e9),
        ]
    )
    found = by_day(panels, "BOOK_TO_MARKET")
    assert [found[f"2023-03-{day:02}"] for day in (2, 6, 8)] == [4, 4, 1]


def test_a_restated_period_end_decides_which_period_is_the_latest() -> None:
    panels = market(
        [
            statement(2022, 3, "2022-09-30", "2022-11-15", total_equity=2e9),
            statement(2022, 4, "2022-12-31", "2023-03-02", total_equity=4e9),
            statement(2022, 4, "2022-08-31", "2023-03-08", total_equity=5e9),
        ]
    )
    found = by_day(panels, "BOOK_TO_MARKET")
    assert [found[f"2023-03-{day:02}"] for day in (1, 2, 7, 8)] == [2, 4, 4, 2]


def test_there_is_no_falling_back_to_an_older_period() -> None:
    panels = market(
        [
            statement(2021, 4, "2021-12-31", "2022-03-20", net_income=100, total_equity=1000),
            statement(2022, 1, "2022-03-31", "2023-03-09", net_income=30, total_equity=1100),
        ]
    )
    assert by_day(panels, "ROE")["2023-03-08"] == 10
    assert by_day(panels, "ROE")["2023-03-09"] is None
    assert by_day(panels, "PBR")["2023-03-09"] == pytest.approx(1e9 / 1100, rel=1e-6)


def test_a_company_that_reports_only_years_has_everything_from_its_years() -> None:
    years = [
        statement(year, 4, f"{year}-12-31", f"{year + 1}-02-20", net_income=income, revenue=1000.0, total_equity=400)
        for year, income in ((2019, 8.0), (2020, 20.0), (2021, 50.0), (2022, 64.0))
    ]
    panels = market(years)
    assert by_day(panels, "EARNINGS_GROWTH_3Y")["2023-03-30"] == 100
    assert by_day(panels, "EARNINGS_GROWTH_1Y")["2023-03-30"] == 28
    assert by_day(panels, "CAPE_RATIO")["2023-03-30"] == pytest.approx(1e9 / 35.5, rel=1e-6)


def test_cape_takes_the_latest_ten_years_and_needs_three() -> None:
    def years(first: int, *lost: int) -> MemoryPanels:
        return market(
            [
                statement(year, 4, f"{year}-12-31", f"{year + 1}-02-20", net_income=(year - 2000) * 1e6)
                for year in range(first, 2023)
                if year not in lost
            ]
        )

    day = "2023-03-30"
    assert by_day(years(2021), "CAPE_RATIO")[day] is None
    assert by_day(years(2018, 2019, 2020), "CAPE_RATIO")[day] == pytest.approx(1e3 * 3 / (18 + 21 + 22), rel=1e-5)
    assert by_day(years(2005), "CAPE_RATIO")[day] == pytest.approx(1e3 / np.mean(range(13, 23)), rel=1e-5)


def test_a_year_that_ends_in_march_is_the_same_arithmetic() -> None:
    panels = market(
        [
            statement(2021, 3, "2021-12-31", "2022-02-14", revenue=70),
            statement(2021, 4, "2022-03-31", "2022-06-25", revenue=100),
            statement(2022, 3, "2022-12-31", "2023-02-14", revenue=90, total_assets=60),
        ]
    )
    assert by_day(panels, "ASSET_TURNOVER")["2023-03-02"] == 2


def test_a_period_is_too_old_480_days_after_its_end() -> None:
    panels = market([statement(2021, 3, "2021-11-15", "2021-12-20", total_equity=10**9)])
    found = by_day(panels, "PBR")
    assert (found["2023-03-10"], found["2023-03-13"]) == (1, None)


def test_an_absent_account_is_absent_and_zero_is_zero() -> None:
    one = {"net_income": 10.0, "total_equity": 100.0, "operating_income": 20.0, "cash_and_equivalents": 20.0}
    absent = market([statement(2022, 4, "2022-12-31", "2023-03-02", **one)])
    none = market([statement(2022, 4, "2022-12-31", "2023-03-02", **one, interest_bearing_debt=0)])
    assert by_day(absent, "ROIC")["2023-03-10"] is None
    assert by_day(none, "ROIC")["2023-03-10"] == 18.75
    assert by_day(absent, "DEBT_TO_EQUITY")["2023-03-10"] is None
    assert by_day(none, "DEBT_TO_EQUITY")["2023-03-10"] == 0


def test_the_quality_score_counts_what_can_be_decided() -> None:
    before = {"net_income": 10, "total_assets": 100, "operating_cash_flow": 12, "revenue": 100, "cost_of_sales": 70}
    now = {"net_income": 12, "total_assets": 100, "operating_cash_flow": 12, "revenue": 120, "cost_of_sales": 90}
    panels = market(
        [
            statement(2021, 4, "2021-12-31", "2022-03-02", **before),
            statement(2022, 4, "2022-12-31", "2023-03-02", **now),
        ]
    )
    # passed: income, cash flow, return on assets, turnover; failed: cash above income, gross margin; the rest unknown
    assert by_day(panels, "QUALITY_SCORE")["2023-03-10"] == 4
    assert by_day(panels, "QUALITY_SCORE")["2023-03-01"] is None


def test_dividends_follow_splits_disclosure_and_the_365_days() -> None:
    paid = [
        {"stock_code": "A", "ex_date": "2022-03-10", "dps": 100},
        {"stock_code": "A", "ex_date": "2023-03-04", "dps": 60, "disclosed_on": "2023-03-15"},
        {"stock_code": "A", "ex_date": "2023-03-24", "dps": 10},
    ]
    split = [{"date": day.isoformat(), "close": 500, "open": 500, "high": 500, "low": 500} for day in DAYS[12:]]
    split[0]["split"] = 2
    panels = market([], dividends=paid, changes=split)
    assert DAYS[12].isoformat() == "2023-03-17"
    found = by_day(panels, "DIVIDEND_YIELD")
    wanted = {"2023-03-01": 10, "2023-03-09": 10, "2023-03-10": 0, "2023-03-14": 0, "2023-03-15": 6, "2023-03-17": 6}
    assert {day: found[day] for day in wanted} == wanted
    assert found["2023-03-24"] == 8


def test_a_stock_has_dividend_data_from_its_first_ex_date_on() -> None:
    panels = market([], dividends=[{"stock_code": "A", "ex_date": "2023-03-09", "dps": 0}])
    found = by_day(panels, "DIVIDEND_YIELD")
    assert (found["2023-03-08"], found["2023-03-09"]) == (None, 0)


def test_sustainable_growth_is_what_is_not_paid_out() -> None:
    panels = market(
        [statement(2022, 4, "2022-12-31", "2023-03-02", net_income=1e8, total_equity=1e9)],
        dividends=[{"stock_code": "A", "ex_date": "2023-03-09", "dps": 40}],
    )
    found = by_day(panels, "SUSTAINABLE_GROWTH_RATE")
    assert (found["2023-03-08"], found["2023-03-09"]) == (None, 6)
