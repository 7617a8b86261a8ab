"""Columns of downloads, from the declarations of the rows."""

from __future__ import annotations

from services.api.schemas.analysis_responses import Holding
from services.api.schemas.market_responses import RankingItem
from services.api.schemas.result_responses import EquityPoint, Trade
from services.api.tables.table import Column, blocks_of_columns, blocks_of_objects, columns_of


def kinds(shape: type) -> dict[str, str]:
    return {column.name: column.kind for column in columns_of(shape)}


def test_columns_have_the_kinds_of_the_declaration() -> None:
    assert kinds(Trade) == {
        "date": "date", "stock_code": "code", "name": "text", "side": "text", "shares": "integer", "price": "won",
        "commission": "won", "tax": "won", "reason": "text",
    }  # fmt: skip
    assert kinds(EquityPoint) == {
        "date": "date", "equity": "won", "cash": "won", "positions": "integer", "daily_return": "fraction",
        "drawdown": "fraction", "benchmark": "won",
    }  # fmt: skip
    assert kinds(Holding)["return"] == "fraction"
    assert kinds(Holding)["entry_date"] == "date"
    assert kinds(RankingItem)["value"] == "number"


def test_objects_become_rows_with_nulls() -> None:
    columns = (Column(name="a", kind="text"), Column(name="b", kind="number"))
    assert list(blocks_of_objects(columns, [[{"b": 1, "c": 2}], [{"a": "x"}]])) == [[[None, 1]], [["x", None]]]


def test_columns_become_blocks_of_rows() -> None:
    blocks = list(blocks_of_columns([list(range(2500)), ["x"] * 2500]))
    assert [len(block) for block in blocks] == [1000, 1000, 500]
    assert blocks[2][-1] == (2499, "x")
    assert list(blocks_of_columns([])) == []
