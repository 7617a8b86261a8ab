"""Dividends from the dividend section of reports and from record dates; companies and amounts are made up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from shared.market.holidays import trading_days
from shared.market_files.dart_dividends import Dividends, dividend_rows, stated_dividends
from shared.market_files.dart_statements import NO_TABLES
from shared.market_files.record_dates import DIVIDENDS_SCHEMA, record_rows, with_ex_dates
from shared.model.calendar import from_day, to_day

CODES = frozenset({"000010", "000015"})


def stated(amount: str, period_end: str, receipt: str, **changed: Any) -> dict[str, Any]:
    """Return one row of `alotMatter`."""
    row = {
        "rcept_no": receipt, "corp_code": "00000012", "stock_code": "000010", "se": "주당 현금배당금(원)",
        "stock_knd": "보통주", "thstrm": amount, "frmtrm": "9", "lwfr": "9", "stlm_dt": period_end,
    }  # fmt: skip
    return row | changed


def dividends(*rows: dict[str, Any], codes: frozenset[str] = CODES, **options: Any) -> Dividends:
    """Return the dividends of `alotMatter` rows."""
    found, _ = stated_dividends(pl.DataFrame(list(rows), infer_schema_length=None))
    return dividend_rows(found, NO_TABLES, codes=codes, **options)


def test_cumulated_dividends_become_payments_of_each_period() -> None:
    found = dividends(
        stated("361", "2021-03-31", "20210517000001"), stated("722", "2021-06-30", "20210817000001"),
        stated("1,083", "2021-09-30", "20211115000001"), stated("1,444", "2021-12-31", "20220308000001"),
    )  # fmt: skip
    assert found.rows.select("ex_date", "dps", "disclosed_on").rows() == [
        (dt.date(2021, 3, 30), 361.0, dt.date(2021, 5, 17)), (dt.date(2021, 6, 29), 361.0, dt.date(2021, 8, 17)),
        (dt.date(2021, 9, 29), 361.0, dt.date(2021, 11, 15)), (dt.date(2021, 12, 29), 361.0, dt.date(2022, 3, 8)),
    ]  # fmt: skip
    assert found.rows["kind"].unique().sort().to_list() == [
        "annual, approximate ex-date", "interim, approximate ex-date",
    ]  # fmt: skip


def test_annual_report_without_dividend_states_zero() -> None:
    found = dividends(stated("-", "2021-12-31", "20220308000001"), stated("-", "2021-06-30", "20210817000001"))
    assert found.rows.select("ex_date", "dps").rows() == [(dt.date(2021, 12, 29), 0.0)]


def test_late_record_dates_need_the_option() -> None:
    rows = [stated("100", "2023-12-31", "20240312000001")]
    assert "--approximate-ex-dates" in next(iter(dividends(*rows).dropped))
    assert dividends(*rows, approximate=True).rows["ex_date"].to_list() == [dt.date(2023, 12, 27)]


def test_preferred_share_needs_its_stock() -> None:
    row = stated("101", "2021-12-31", "20220308000001", stock_knd="우선주")
    assert dividends(row).rows["stock_code"].to_list() == ["000015"]
    left = dividends(row, codes=frozenset({"000010"}))
    assert left.dropped == {"dividend of preferred shares that are not among the imported stocks": 1}


def test_correction_counts_from_the_first_day_of_its_amount() -> None:
    same = dividends(stated("5", "2021-12-31", "20220308000001"), stated("5", "2021-12-31", "20220608000001"))
    assert same.rows["disclosed_on"].to_list() == [dt.date(2022, 3, 8)]
    other = dividends(stated("5", "2021-12-31", "20220308000001"), stated("6", "2021-12-31", "20220608000001"))
    assert other.rows.select("dps", "disclosed_on").rows() == [(6.0, dt.date(2022, 6, 8))]


def test_other_figures_and_classes_are_left_out() -> None:
    found, dropped = stated_dividends(
        pl.DataFrame([
            stated("100", "2021-12-31", "20220308000001", se="주당액면가액(원)"),
            stated("7", "2021-12-31", "20220308000001", stock_knd="종류주"),
        ])
    )  # fmt: skip
    assert found.height == 0
    assert {reason: rows.examples for reason, rows in dropped.items()} == {
        "dividend of another class of shares": ["row 2"]
    }


def test_record_date_gives_the_ex_date() -> None:
    rows, dropped = record_rows(pl.DataFrame([
        {"record_date": "20211231", "sht_cd": "000010", "divi_kind": "결산", "per_sto_divi_amt": "361"},
        {"record_date": "20240229", "sht_cd": "000010", "divi_kind": "결산", "per_sto_divi_amt": "1,000"},
        {"record_date": "20240229", "sht_cd": "000010", "divi_kind": "주식", "per_sto_divi_amt": "0"},
    ]))  # fmt: skip
    assert with_ex_dates(rows).select("ex_date", "dps", "kind").rows() == [
        (dt.date(2021, 12, 29), 361.0, "결산"), (dt.date(2024, 2, 28), 1000.0, "결산"),
    ]  # fmt: skip
    assert list(dropped) == ["row without a cash dividend"]


def test_record_date_after_the_last_price_uses_the_holiday_table() -> None:
    days = [from_day(int(day)) for day in trading_days(to_day(dt.date(2026, 1, 2)), to_day(dt.date(2026, 11, 26)))]
    rows = pl.DataFrame(
        {"stock_code": ["900110"], "ex_date": [dt.date(2026, 12, 31)], "dps": [1.0], "disclosed_on": [None],
         "kind": [None]}, schema=DIVIDENDS_SCHEMA,
    )  # fmt: skip
    assert with_ex_dates(rows, days)["ex_date"].to_list() == [dt.date(2026, 12, 29)]
