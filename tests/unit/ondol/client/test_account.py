"""Tables of a paper account from the documents of the API."""

from __future__ import annotations

import datetime as dt
from typing import Any

from ondol.client.account import reconciliation_frame

ITEM: dict[str, Any] = {
    "stock_code": "000010", "name": "one", "side": "buy", "reason": "entry", "quoted_open": 100.0, "open": 104.0,
    "provisional": {"shares": 10, "price": 100.0}, "booked": {"shares": 9, "price": 104.0}, "won": -46.0,
    "cause": "open_differs",
}  # fmt: skip


def test_reconciliation_has_both_fills_of_a_row() -> None:
    absent = ITEM | {"stock_code": "000020", "provisional": None, "quoted_open": None, "cause": "not_quoted"}
    steps = [
        {"date": "2025-03-06", "reconciliation": None}, {"date": "2025-03-05", "reconciliation": [absent]},
        {"date": "2025-03-04", "reconciliation": [ITEM]},
    ]  # fmt: skip
    found = reconciliation_frame(steps)
    assert found["date"].to_list() == [dt.date(2025, 3, 4), dt.date(2025, 3, 5)]
    assert found["provisional_shares"].to_list() == [10, None]
    assert found["shares"].to_list() == [9, 9]
    assert found["cause"].to_list() == ["open_differs", "not_quoted"]
    assert found["won"].to_list() == [-46.0, -46.0]


def test_reconciliation_without_quotes_has_its_columns() -> None:
    found = reconciliation_frame([{"date": "2025-03-06", "reconciliation": None}])
    assert found.is_empty()
    assert found.columns[:3] == ["date", "stock_code", "name"]
