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


def statement(year: int, quarter: int, ends: str, disclosed: str, **accounts: float) -> dict[str, Any]:
    return {"fiscal_year": year, "fiscal_quarter": quarter, "period_end": ends, "disclosed_on": disclosed, **accounts}


def by_day(panels: MemoryPanels, key: str) -> dict[str, float | None]:
    values = panels.panel(key, slice(0, len(panels.days)))[:, 0]
    return {iso(day): None if np.isnan(v) else round(float(v), 4) for day, v in zip(panels.days, values, strict=True)}


def test_each_restatement_counts_whole_from_its_own_day() -> None:
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


def test_a_weekend_disclosure_counts_from_the_next_trading_day() -> None:
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


def test_trailing_sums_use_figures_as_known_on_the_day() -> None:
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


def test_the_larger_quarter_wins_when_period_ends_are_equal() -> None:
    panels = market(
        [
            statement(2022, 4, "2022-12-31", "2023-03-02", total_equity=4e9),
            statement(2022, 3, "2022-12-31", "2023-03-06", total_equity=2e9),
            statement(2023, 1, "2022-12-31", "2023-03-08", total_equity=1e9),
        ]
    )
    found = by_day(panels, "BOOK_TO_MARKET")
    assert [found[f"2023-03-{day:02}"] for day in (2, 6, 8)] == [4, 4, 1]


def test_a_restated_period_end_decides_the_latest_period() -> None:
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


def test_a_company_that_reports_only_years_has_all_factors() -> None:
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


def test_a_changed_fiscal_year_gives_no_trailing_sum() -> None:
    """Years to June until 2022, then six months to December 2022: half a year is no year."""
    periods = [(2021, "2021-06-30", 800.0), (2022, "2022-06-30", 900.0), (2023, "2022-12-31", 500.0)]
    panels = market(
        [
            statement(year, 4, end, disclosed, revenue=revenue, net_income=revenue, total_equity=1e9, total_assets=1e9)
            for (year, end, revenue), disclosed in zip(periods, ("2021-09-01", "2022-09-01", "2023-03-09"), strict=True)
        ]
    )
    turnover, growth = by_day(panels, "ASSET_TURNOVER"), by_day(panels, "REVENUE_GROWTH_1Y")
    assert (growth["2023-03-08"], growth["2023-03-09"]) == (12.5, None)
    assert (turnover["2023-03-08"], turnover["2023-03-09"]) == (0, None)
    assert by_day(panels, "PBR")["2023-03-09"] == 1
    assert by_day(panels, "CAPE_RATIO")["2023-03-09"] == pytest.approx(1e9 / (2200 / 3), rel=1e-6)


@pytest.mark.parametrize(("start", "known"), [("2021-12-16", True), ("2021-12-15", False), ("2022-01-15", True)])
def test_a_year_between_period_ends_is_350_to_380_days(start: str, *, known: bool) -> None:
    panels = market(
        [
            statement(2021, 4, start, "2022-03-20", net_income=90),
            statement(2022, 4, "2022-12-31", "2023-03-02", net_income=100, total_assets=1000),
        ]
    )
    assert by_day(panels, "ROA")["2023-03-10"] == (10 if known else None)


def test_the_owners_part_is_used_where_a_statement_has_it() -> None:
    def year(number: int, *, owners: bool, **more: float) -> dict[str, Any]:
        part = {"net_income_owners": 80e6, "equity_owners": 400e6} if owners else {}
        accounts = {"net_income": 100e6, "total_equity": 500e6, "total_assets": 1e9, "revenue": 1e9} | part | more
        return statement(number, 4, f"{number}-12-31", f"{number + 1}-03-02", **accounts)

    debts = {"interest_bearing_debt": 200e6, "cash_and_equivalents": 100e6}
    panels = market([year(2020, owners=False), year(2021, owners=True), year(2022, owners=True, **debts)])
    day = "2023-03-10"
    assert by_day(panels, "PER")[day] == 12.5
    assert by_day(panels, "PBR")[day] == 2.5
    assert by_day(panels, "ROE")[day] == 20
    assert by_day(panels, "ROA")[day] == 10
    assert by_day(panels, "BOOK_VALUE_GROWTH_1Y")[day] == 0
    assert by_day(panels, "EV_SALES")[day] == pytest.approx(1.2)
    assert by_day(panels, "CAPE_RATIO")[day] == pytest.approx(1e9 / (260e6 / 3), rel=1e-4)


def test_a_trailing_sum_takes_the_owners_part_of_all_or_none() -> None:
    def income(period: tuple[int, int, str, str], total: float, owners: float | None) -> dict[str, Any]:
        part = {} if owners is None else {"net_income_owners": owners}
        return statement(*period, net_income=total, total_equity=1000, **part)

    before = [
        income((2021, 3, "2021-09-30", "2021-11-15"), 60, 50),
        income((2021, 4, "2021-12-31", "2022-03-20"), 100, 90),
    ]
    latest = (2022, 3, "2022-09-30", "2022-11-15")
    assert by_day(market([*before, income(latest, 90, 70)]), "ROE")["2023-03-10"] == 11
    assert by_day(market([*before, income(latest, 90, None)]), "ROE")["2023-03-10"] == 13


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


def dividend(ex_date: str, dps: float, disclosed_on: str | None = None) -> dict[str, Any]:
    return {"stock_code": "A", "ex_date": ex_date, "dps": dps} | (
        {"disclosed_on": disclosed_on} if disclosed_on else {}
    )


def test_dividends_follow_splits_and_disclosure() -> None:
    paid = [dividend("2022-03-10", 100), dividend("2023-03-04", 60, "2023-03-15"), dividend("2023-03-24", 10)]
    split = [{"date": day.isoformat(), "close": 500, "open": 500, "high": 500, "low": 500} for day in DAYS[12:]]
    split[0]["split"] = 2
    panels = market([], dividends=paid, changes=split)
    assert DAYS[12].isoformat() == "2023-03-17"
    found = by_day(panels, "DIVIDEND_YIELD")
    # The cycle of 2022-03-10 counts until the next dividend is disclosed; that of 03-24 includes 03-04, halved.
    wanted = {"2023-03-01": 10, "2023-03-14": 10, "2023-03-15": 6, "2023-03-17": 6, "2023-03-23": 6, "2023-03-24": 8}
    assert {day: found[day] for day in wanted} == wanted


def test_a_dividend_cycle_is_350_days_and_ends_after_480() -> None:
    yearly = market([], dividends=[dividend("2022-03-24", 100), dividend("2023-03-09", 100)])
    found = by_day(yearly, "DIVIDEND_YIELD")
    assert (found["2023-03-08"], found["2023-03-09"], found["2023-03-30"]) == (10, 10, 10)
    within = by_day(market([], dividends=[dividend("2022-03-25", 100), dividend("2023-03-09", 100)]), "DIVIDEND_YIELD")
    assert within["2023-03-09"] == 20
    ended = by_day(market([], dividends=[dividend("2021-11-16", 100)]), "DIVIDEND_YIELD")
    assert (ended["2023-03-10"], ended["2023-03-13"]) == (10, 0)


def test_dividends_of_one_ex_date_add_up() -> None:
    paid = [dividend("2023-03-06", 30) | {"kind": "cash"}, dividend("2023-03-06", 20) | {"kind": "special"}]
    assert by_day(market([], dividends=paid), "DIVIDEND_YIELD")["2023-03-06"] == 5


def test_a_dividend_that_is_not_disclosed_is_no_data() -> None:
    found = by_day(market([], dividends=[dividend("2023-03-06", 30, "2023-03-09")]), "DIVIDEND_YIELD")
    assert (found["2023-03-08"], found["2023-03-09"]) == (None, 3)


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
