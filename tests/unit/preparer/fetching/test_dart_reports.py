"""Reports from filings: business years, report codes, corrections, and fiscal years that do not end in December."""

from __future__ import annotations

import datetime as dt

import polars as pl

from services.preparer.fetching.dart_reports import reports_of
from shared.market_files.dart_filings import FILINGS_SCHEMA


def filings(*rows: tuple[str, str, str, str, tuple[int, int, int], bool]) -> pl.DataFrame:
    found = [
        {
            "receipt": receipt, "corp_code": corp, "stock_code": "900110" if corp else None,
            "filed_on": dt.datetime.strptime(receipt[:8], "%Y%m%d").date(), "report": report,
            "period_end": dt.date(*end), "is_correction": correction,
        }
        for receipt, corp, _, report, end, correction in rows
    ]  # fmt: skip
    return pl.DataFrame(found, schema=FILINGS_SCHEMA)


def test_quarters_follow_from_the_end_of_the_fiscal_year() -> None:
    reports, strange = reports_of(
        filings(
            ("20240320000001", "a", "", "사업보고서", (2023, 12, 31), False),
            ("20240515000001", "a", "", "분기보고서", (2024, 3, 31), False),
            ("20241114000001", "a", "", "분기보고서", (2024, 9, 30), False),
            ("20240628000001", "b", "", "사업보고서", (2024, 3, 31), False),
            ("20240814000001", "b", "", "분기보고서", (2024, 6, 30), False),
            ("20241114000002", "b", "", "반기보고서", (2024, 9, 30), False),
            ("20240815000003", "a", "", "분기보고서", (2024, 5, 31), False),
        )
    )
    found = {(r.corp_code, r.period_end): (r.code, r.year) for r in reports}
    assert found == {
        ("a", dt.date(2023, 12, 31)): ("11011", 2023),
        ("a", dt.date(2024, 3, 31)): ("11013", 2024),
        ("a", dt.date(2024, 9, 30)): ("11014", 2024),
        ("b", dt.date(2024, 3, 31)): ("11011", 2023),
        ("b", dt.date(2024, 6, 30)): ("11013", 2024),
        ("b", dt.date(2024, 9, 30)): ("11012", 2024),
    }
    assert strange == 1
    assert [r.filed_on for r in reports] == sorted((r.filed_on for r in reports), reverse=True)


def test_corrections_belong_to_their_report() -> None:
    reports, _ = reports_of(
        filings(
            ("20240610000001", "a", "", "사업보고서", (2023, 12, 31), True),
            ("20240320000001", "a", "", "사업보고서", (2023, 12, 31), False),
        )
    )
    assert [r.receipts for r in reports] == [("20240320000001", "20240610000001")]
    assert reports[0].filed_on == dt.date(2024, 6, 10)
