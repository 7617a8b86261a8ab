"""Statements that loads changed."""

from __future__ import annotations

import datetime as dt

from shared.accounts.restated_statements import late_codes, statement_changes

KEY = {"code": "000010", "fiscal_year": 2024, "fiscal_quarter": 4, "disclosed_on": dt.date(2025, 3, 14)}


def test_only_numbers_that_differ_are_listed() -> None:
    images = [
        {**KEY, "before": b'{"revenue": 1.0, "net_income": 2.0}', "after": b'{"revenue": 1.0, "net_income": null}'},
        {**KEY, "before": b'{"revenue": 1.0}', "after": b'{"revenue": 1.0}'},
    ]
    found = statement_changes(images)
    assert [(change["late"], change["numbers"]) for change in found] == [
        (False, [{"field": "net_income", "before": 2.0, "after": None}])
    ]


def test_a_statement_without_an_earlier_row_is_late() -> None:
    found = statement_changes([{**KEY, "before": None, "after": b'{"revenue": 3.0}'}])
    assert (found[0]["late"], found[0]["numbers"]) == (True, [{"field": "revenue", "before": None, "after": 3.0}])
    assert found[0]["disclosed_on"] == "2025-03-14"


def test_a_stock_with_a_restated_statement_is_not_late() -> None:
    changed = [{"stock_code": "A", "late": True}, {"stock_code": "A", "late": False}, {"stock_code": "B", "late": True}]
    assert late_codes(changed) == ("B",)
