"""Exports of parts of a result."""

from __future__ import annotations

import orjson
import pytest

from services.api.backtests.export import json_page, table_of


@pytest.mark.parametrize(("start", "limit"), [(0, 3), (3, 3), (6, 3), (0, 100), (7, 1)])
def test_json_page_is_a_slice_of_the_part(start: int, limit: int) -> None:
    trades = [{"date": "2025-01-02", "shares": number} for number in range(7)]
    pieces, total = json_page(orjson.dumps({"trades": trades}), "trades", start, limit)
    assert total == 7
    assert orjson.loads(b"[%b]" % b"".join(pieces)) == trades[start : start + limit]


def test_table_has_documented_columns_then_further_ones() -> None:
    row = {"date": "2025-01-02", "stock_code": "1", "shares": 1, "score": 2.5}
    table = table_of("trades", "trades", [[row]])
    assert [column.name for column in table.columns][:3] == ["date", "stock_code", "name"]
    assert (table.columns[-1].name, table.columns[-1].kind) == ("score", "number")
    assert list(table.blocks) == [[["2025-01-02", "1", None, None, 1, None, None, None, None, 2.5]]]


def test_table_of_an_empty_part_has_the_documented_columns() -> None:
    table = table_of("equity", "equity", [])
    assert [column.name for column in table.columns][:3] == ["date", "equity", "cash"]
    assert list(table.blocks) == []
