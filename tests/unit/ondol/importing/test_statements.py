"""Statements and dividends of DART files become market files that load; companies and amounts are made up."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

RECEIPT = "20310312000001"
DAY = (
    "종목코드,종목명,시장구분,종가,시가,고가,저가,거래량\n"
    "000010,가나,코스닥,10,10,10,10,5\n000015,가나우,코스닥,10,10,10,10,5\n"
)
LINE = {
    "rcept_no": RECEIPT, "reprt_code": "11011", "bsns_year": "2030", "corp_code": "00000012", "sj_div": "BS",
    "account_id": "ifrs-full_Assets", "account_nm": "자산총계", "account_detail": "-", "thstrm_amount": "1000",
    "ord": "1", "currency": "KRW",
}  # fmt: skip
FILING = {
    "corp_code": "00000012", "corp_name": "가나", "stock_code": "000010", "report_nm": "사업보고서 (2030.12)",
    "rcept_no": RECEIPT, "rcept_dt": "20310313",
}  # fmt: skip
DIVIDEND = {
    "rcept_no": RECEIPT, "corp_cls": "K", "corp_code": "00000012", "corp_name": "가나", "se": "주당 현금배당금(원)",
    "stock_knd": "우선주", "thstrm": "100", "frmtrm": "90", "lwfr": "80",
}  # fmt: skip
BULK = (
    "재무제표종류\t종목코드\t회사명\t시장구분\t업종\t업종명\t결산월\t결산기준일\t보고서종류\t통화\t항목코드\t항목명\t당기\n"
    "현금흐름표, 간접법 - 연결재무제표\t[000010]\t가나\t코스닥\t1\t운송\t12\t2030-12-31\t사업보고서\tKRW\t"
    "ifrs-full_CashFlowsFromUsedInOperatingActivities\t영업활동현금흐름\t2,000\n"
)


def answer(*rows: dict[str, Any]) -> str:
    """Return an answer of DART."""
    return json.dumps({"status": "000", "message": "정상", "list": list(rows)})


def test_statement_bulk_file_and_list_make_one_row(run: Any, put: Any, out: Any) -> None:
    put("day_20310304.csv", DAY)
    income = LINE | {"sj_div": "IS", "account_id": "ifrs-full_Revenue", "thstrm_add_amount": ""}
    put("all_CFS.json", answer(LINE, income))
    put("2030_사업보고서_04_현금흐름표_연결_20310401.txt", BULK.encode("cp949"))
    put("list.json", answer(FILING, FILING | {"report_nm": "주요사항보고서", "rcept_no": "20310312000002"}))
    report = run()
    assert report.complete
    assert {file.recognised for file in report.files} >= {"DART statement", "DART bulk statements", "DART filing list"}
    row = out("financials")[0]
    assert (row["total_assets"], row["revenue"], row["operating_cash_flow"]) == (1000.0, 1000.0, 2000.0)
    assert report.written["financials"] == 1


def test_bulk_file_alone_needs_the_filing_list(run: Any, put: Any, out: Any) -> None:
    put("2030_CF.txt", BULK.encode("cp949"))
    report = run()
    assert report.written == {}
    assert "list.json" in next(iter(report.dropped))
    put("list.json", answer(FILING))
    assert run().written == {"financials": 1}
    assert out("financials")[0]["disclosed_on"] == dt.date(2031, 3, 13)


def test_dividend_takes_the_period_of_its_statement(run: Any, put: Any, out: Any) -> None:
    put("day_20310304.csv", DAY)
    put("all_000010.json", answer(LINE))
    put("alotMatter_000010.json", answer(DIVIDEND))
    assert "--approximate-ex-dates" in next(iter(run().dropped))
    report = run(approximate_ex_dates=True)
    assert report.written["dividends"] == 1
    row = out("dividends")[0]
    assert (row["stock_code"], row["ex_date"], row["dps"]) == ("000015", dt.date(2030, 12, 27), 100.0)


def test_record_dates_come_before_reports(run: Any, put: Any, out: Any) -> None:
    put("day_20310304.csv", DAY)
    put("all_000010.json", answer(LINE))
    put("alotMatter_000010.json", answer(DIVIDEND | {"stock_knd": "보통주"}))
    put("배당.csv", "종목코드,종목명,배당기준일,배당구분,주당배당금\n000010,가나,2031/03/31,결산,100\n")
    report = run(approximate_ex_dates=True)
    assert any("approximate dividends left out" in note for note in report.notes)
    assert [(row["ex_date"], row["kind"]) for row in out("dividends")] == [(dt.date(2031, 3, 28), "결산")]


def test_statements_of_other_companies_are_left_out(run: Any, put: Any) -> None:
    put("day_20310304.csv", DAY)
    put("all_000020.json", answer(LINE))
    assert run().dropped == {"financials of stocks that are not among the imported companies": 1}


def test_answers_without_rows_and_errors(run: Any, put: Any) -> None:
    put("a.json", json.dumps({"status": "013", "message": "조회된 데이타가 없습니다."}))
    put("b.json", json.dumps({"status": "020", "message": "요청 제한을 초과하였습니다."}))
    first, second = run().files
    assert first.error is None
    assert "020 요청 제한" in second.error
