"""Statements from DART lines and filing lists; companies and amounts are made up in the exact shapes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from shared.market_files.cells import FileRefusedError
from shared.market_files.dart_filings import filings_of
from shared.market_files.dart_lines import api_lines, bulk_lines
from shared.market_files.dart_statements import NO_TABLES, DartTables, Financials, financial_rows

RECEIPT = "20310312000001"


def line(account_id: str, amount: str | None, **changed: Any) -> dict[str, Any]:
    """Return one row of `fnlttSinglAcntAll`."""
    row = {
        "rcept_no": RECEIPT, "reprt_code": "11011", "bsns_year": "2030", "corp_code": "00000012", "sj_div": "BS",
        "sj_nm": "재무상태표", "account_id": account_id, "account_nm": "x", "account_detail": "-",
        "thstrm_nm": "제 9 기", "thstrm_amount": amount, "thstrm_add_amount": None, "ord": "1", "currency": "KRW",
    }  # fmt: skip
    return row | changed


def filing(name: str, receipt: str, **changed: Any) -> dict[str, Any]:
    """Return one row of `list.json`."""
    row = {
        "corp_code": "00000012", "corp_name": "가나", "stock_code": "000010", "corp_cls": "Y", "report_nm": name,
        "rcept_no": receipt, "flr_nm": "가나", "rcept_dt": receipt[:8], "rm": "",
    }  # fmt: skip
    return row | changed


def tables(*filings: dict[str, Any]) -> DartTables:
    """Return the tables of a filing list."""
    found = filings_of(pl.DataFrame(list(filings)))
    return DartTables(filings=found.reports, period_ends=NO_TABLES.period_ends, stocks=found.stocks)


def statements(*lines: dict[str, Any], known: DartTables = NO_TABLES, **options: Any) -> Financials:
    """Return the statements of API rows."""
    return financial_rows(api_lines(pl.DataFrame(list(lines), infer_schema_length=None), **options).rows, known)


def test_filing_list_gives_day_period_and_stock() -> None:
    known = tables(filing("사업보고서 (2030.12)", RECEIPT, rcept_dt="20310313"))
    found = statements(line("ifrs-full_Assets", "1,000"), line("ifrs_Equity", "(400)"), known=known)
    row = found.rows.row(0, named=True)
    assert (row["stock_code"], row["fiscal_year"], row["fiscal_quarter"]) == ("000010", 2030, 4)
    assert (row["period_end"], row["disclosed_on"]) == (dt.date(2030, 12, 31), dt.date(2031, 3, 13))
    assert (row["total_assets"], row["total_equity"], row["revenue"]) == (1000.0, -400.0, None)
    assert found.notes == []


def test_filing_counts_from_the_day_in_its_number_at_least() -> None:
    known = tables(filing("사업보고서 (2030.12)", RECEIPT, rcept_dt="20310101"))
    assert statements(line("ifrs-full_Assets", "1"), known=known).rows["disclosed_on"][0] == dt.date(2031, 3, 12)


def test_december_is_assumed_without_filing_list_and_noted() -> None:
    found = statements(line("ifrs-full_Assets", "1"), stock_code="000010")
    assert found.rows["period_end"][0] == dt.date(2030, 12, 31)
    assert "December are assumed" in found.notes[0]
    late = statements(line("ifrs-full_Assets", "1", rcept_no="20310615000001"), stock_code="000010")
    assert late.dropped == {"filing whose period is not stated (add its filing list)": 1}


def test_corporation_without_stock_code_is_left_out() -> None:
    assert statements(line("ifrs-full_Assets", "1")).dropped == {"filing of a corporation without a stock code": 1}


def test_consolidated_amounts_come_before_separate_ones() -> None:
    found = statements(
        line("ifrs-full_Assets", "9", fs_div="CFS"), line("ifrs-full_Assets", "5", fs_div="OFS"),
        line("ifrs-full_Equity", "3", fs_div="OFS"), stock_code="000010",
    )  # fmt: skip
    assert found.rows.select("total_assets", "total_equity").row(0) == (9.0, None)


def test_basis_follows_from_owners_part() -> None:
    consolidated = api_lines(pl.DataFrame([line("ifrs-full_EquityAttributableToOwnersOfParent", "9")]))
    separate = api_lines(pl.DataFrame([line("ifrs-full_Equity", "9")]))
    assert (consolidated.rows["basis"][0], separate.rows["basis"][0]) == ("CFS", "OFS")


@pytest.mark.parametrize(("code", "statement", "expected"), [
    ("11013", "IS", 10.0), ("11012", "IS", 25.0), ("11014", "CIS", 25.0), ("11011", "IS", 10.0), ("11012", "CF", 10.0),
])  # fmt: skip
def test_flows_are_cumulated(code: str, statement: str, expected: float) -> None:
    account = "ifrs-full_Revenue" if statement != "CF" else "ifrs-full_CashFlowsFromUsedInOperatingActivities"
    rows = [line(account, "10", reprt_code=code, sj_div=statement, thstrm_add_amount="25")]
    assert api_lines(pl.DataFrame(rows)).rows["amount"].to_list() == [expected]


def test_three_month_amount_without_cumulated_one_is_left_out() -> None:
    found = api_lines(pl.DataFrame([line("ifrs-full_Revenue", "10", reprt_code="11012", sj_div="IS")]))
    assert found.rows.height == 0
    assert found.dropped["amount of three months without a cumulated one"].examples == ["row 1"]


def test_lines_of_one_account_are_added_and_signs_removed() -> None:
    found = statements(
        line("ifrs-full_ShorttermBorrowings", "10"), line("dart_BondsIssued", "5"),
        line("ifrs-full_LongtermBorrowings", "2"),
        line("ifrs-full_LongtermBorrowings", "1", account_detail="a [member]"),
        line("ifrs-full_PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities", "-7", sj_div="CF"),
        line("ifrs-full_AdjustmentsForDepreciationExpense", "3", sj_div="CF"),
        line("ifrs-full_AdjustmentsForAmortisationExpense", "4", sj_div="CF"), stock_code="000010",
    )  # fmt: skip
    row = found.rows.row(0, named=True)
    assert (row["interest_bearing_debt"], row["capital_expenditure"], row["depreciation_amortization"]) == (17, 7, 7)


def test_names_count_only_without_standard_id() -> None:
    found = statements(
        line("-표준계정코드 미사용-", "8", sj_div="IS", account_nm="Ⅰ. 매출액 (주석 4)"),
        line("dart_OtherGains", "9", sj_div="IS", account_nm="영업이익"), stock_code="000010",
    )  # fmt: skip
    assert found.rows.select("revenue", "operating_income").row(0) == (8.0, None)


def test_main_accounts_without_ids_are_read_by_name() -> None:
    rows = [
        {"rcept_no": RECEIPT, "reprt_code": "11012", "bsns_year": "2030", "stock_code": "10", "fs_div": "CFS",
         "sj_div": "IS", "account_nm": "당기순이익(손실)", "thstrm_dt": "2030.01.01 ~ 2030.06.30",
         "thstrm_amount": "1,000", "thstrm_add_amount": "3,000"},
    ]  # fmt: skip
    row = statements(*rows).rows.row(0, named=True)
    assert (row["stock_code"], row["net_income"], row["period_end"]) == ("000010", 3000.0, dt.date(2030, 6, 30))


def test_corrections_are_restatements_and_equal_ones_left_out() -> None:
    later = "20310601000001"
    known = tables(filing("사업보고서 (2030.12)", RECEIPT), filing("[기재정정]사업보고서 (2030.12)", later))
    both = (line("ifrs-full_Assets", "1"), line("ifrs-full_Assets", "1", rcept_no=later))
    assert statements(*both, known=known).rows["disclosed_on"].to_list() == [dt.date(2031, 3, 12)]
    changed = statements(both[0], both[1] | {"thstrm_amount": "2"}, known=known).rows
    assert changed.select("disclosed_on", "total_assets").rows() == [
        (dt.date(2031, 3, 12), 1.0), (dt.date(2031, 6, 1), 2.0),
    ]  # fmt: skip


def test_other_currency_is_left_out() -> None:
    found = api_lines(pl.DataFrame([line("ifrs-full_Assets", "1", currency="USD")]))
    assert list(found.dropped) == ["line in another currency than KRW"]


def test_unreadable_amounts_are_listed() -> None:
    with pytest.raises(FileRefusedError, match=r"1 row: thstrm_amount is not a number \(row 2: 'x'\)"):
        api_lines(pl.DataFrame([line("ifrs-full_Assets", "1"), line("ifrs-full_Assets", "x")]))


BULK = {
    "재무제표종류": "손익계산서, 기능별 분류 - 연결재무제표", "종목코드": "[000010]", "회사명": "가나", "결산월": "3",
    "결산기준일": "2030-09-30", "보고서종류": "반기보고서", "통화": "KRW",
    "항목코드": "ifrs-full_Revenue", "항목명": "   매출액",
    "당기 반기 3개월": "1,000", "당기 반기 누적": "2,500", "전기 반기 누적": "9",
}  # fmt: skip


@pytest.mark.parametrize(("name", "day"), [
    ("2030_2Q_PL_20301201000000.txt", dt.date(2030, 11, 14)), ("2030_2Q_PL_20310401000000.txt", dt.date(2031, 2, 1)),
    ("2030_2Q_PL.txt", dt.date(2031, 2, 1)),
])  # fmt: skip
def test_bulk_file_counts_from_last_filing_up_to_its_day(name: str, day: dt.date) -> None:
    known = tables(
        filing("반기보고서 (2030.09)", "20301114000001"), filing("[기재정정]반기보고서 (2030.09)", "20310201000001"),
        filing("[첨부정정]반기보고서 (2030.09)", "20310301000001"), filing("반기보고서 (2029.09)", "20291114000001"),
    )  # fmt: skip
    row = financial_rows(bulk_lines(pl.DataFrame([BULK]), name).rows, known).rows.row(0, named=True)
    assert (row["revenue"], row["disclosed_on"], row["fiscal_year"]) == (2500.0, day, 2030)


def test_bulk_file_without_filing_is_left_out() -> None:
    found = financial_rows(bulk_lines(pl.DataFrame([BULK]), "a.txt").rows)
    assert found.dropped == {"statement whose filing is in no filing list (add list.json of its company and year)": 1}


def test_bulk_file_with_three_month_amounts_only_is_refused() -> None:
    with pytest.raises(FileRefusedError, match="cumulated"):
        bulk_lines(pl.DataFrame([BULK]).drop("당기 반기 누적"), "a.txt")
