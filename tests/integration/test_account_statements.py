"""Statements that loads changed, read from the rows that are kept of each revision."""

from __future__ import annotations

import datetime as dt
from typing import Any

import asyncpg

from shared.accounts.restated_statements import late_codes, statement_changes
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.support.loading import load

SQL = statements("paper")
STATEMENT = {"fiscal_year": 2024, "fiscal_quarter": 3, "period_end": "2024-09-30", "disclosed_on": "2024-11-14"}


def market(*rows: dict[str, Any]) -> dict[str, Any]:
    price = {"open": 10, "high": 10, "low": 10, "close": 10, "volume": 1, "listed_shares": 1, "date": "2025-03-03"}
    codes = ("000010", "000020")
    return {
        "prices": [{**price, "stock_code": code} for code in codes],
        "companies": [{"stock_code": code, "name": code, "market": "KOSPI"} for code in codes],
        "financials": [{**STATEMENT, **row} for row in rows],
    }


async def changes(settings: Settings, after: int, until: int, day: str = "2025-03-03") -> list[dict[str, Any]]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch(SQL["select_statement_images"], after, until, dt.date.fromisoformat(day), 100)
    finally:
        await connection.close()
    return statement_changes(rows)


async def test_changed_numbers_are_those_between_two_revisions(settings: Settings) -> None:
    first = {"stock_code": "000010", "revenue": 100, "net_income": 7}
    late = {"stock_code": "000020", "revenue": 50}
    revisions = [
        (await load(settings, market(*rows))).revision or 0
        for rows in ((first,), (first | {"net_income": 8},), (first | {"net_income": 9}, late))
    ]
    one, two, three = revisions
    found = await changes(settings, one, two)
    assert found == [
        {
            "stock_code": "000010", "fiscal_year": 2024, "fiscal_quarter": 3, "disclosed_on": "2024-11-14",
            "late": False, "numbers": [{"field": "net_income", "before": 7.0, "after": 8.0}],
        }
    ]  # fmt: skip
    whole = await changes(settings, one, three)
    assert [(c["stock_code"], c["late"]) for c in whole] == [("000010", False), ("000020", True)]
    assert whole[0]["numbers"] == [{"field": "net_income", "before": 7.0, "after": 9.0}]
    assert late_codes(whole) == ("000020",)
    assert await changes(settings, three, three) == []
    assert await changes(settings, one, three, day="2024-11-13") == []
