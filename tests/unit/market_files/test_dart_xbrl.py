"""Accounts of an XBRL instance: whole consolidated statements, flows from the start of the fiscal year."""

from __future__ import annotations

import datetime as dt

from shared.market_files.dart_lines import api_lines
from shared.market_files.dart_statements import financial_rows
from shared.market_files.dart_xbrl import xbrl_rows
from tests.support.report_answers import Filing, xml_error, zipped

FILING = Filing(
    corp_code="00126380", stock_code="900510", name="가상5", code="11014", year=2024, filed_on=dt.date(2024, 11, 14),
    number=7,
)  # fmt: skip


def rows_of(data: bytes) -> object:
    return xbrl_rows(
        data, receipt=FILING.receipt, corp_code=FILING.corp_code, report=FILING.code, year=FILING.year,
        period_end=FILING.period_end,
    )  # fmt: skip


def test_instance_gives_cumulated_flows_and_balances() -> None:
    rows = xbrl_rows(
        FILING.xbrl_zip(), receipt=FILING.receipt, corp_code=FILING.corp_code, report=FILING.code, year=FILING.year,
        period_end=FILING.period_end,
    )  # fmt: skip
    lines = api_lines(rows, stock_code="900510").rows
    made = financial_rows(lines).rows.row(0, named=True)
    assert (made["fiscal_year"], made["fiscal_quarter"], made["disclosed_on"]) == (2024, 3, FILING.filed_on)
    assert made["revenue"] == FILING.amount(100.0, cumulated=True)
    assert made["total_assets"] == FILING.amount(100.0, cumulated=False)
    assert made["equity_owners"] == FILING.amount(50.0, cumulated=False)
    assert made["operating_cash_flow"] == FILING.amount(18.0, cumulated=True)


def test_answer_without_an_instance_has_no_rows() -> None:
    for data in (xml_error("014", "no file"), zipped("readme.txt", b"nothing")):
        assert len(rows_of(data)) == 0  # type: ignore[arg-type]
