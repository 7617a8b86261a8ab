"""Frames of answers."""

from __future__ import annotations

import datetime as dt

import polars as pl

from ondol.client.frames import COLUMNS, frame


def test_columns_have_the_types_of_their_names() -> None:
    rows = [{"shares": 10.0, "date": "2024-01-02", "price": 7, "stock_code": "004140", "more": True}]
    found = frame(rows, "trades")
    assert found.columns == ["date", "stock_code", "shares", "price", "more"]
    assert found.row(0) == (dt.date(2024, 1, 2), "004140", 10, 7.0, True)
    assert found["price"].dtype == pl.Float64


def test_empty_table_has_its_columns() -> None:
    for name, columns in COLUMNS.items():
        found = frame([], name)
        assert (tuple(found.columns), found.height) == (columns, 0)
    assert frame([], "trades")["date"].dtype == pl.Date


def test_columns_and_absent_values_are_accepted() -> None:
    found = frame({"date": ["2024-01-02", None], "PER": [None, 3], "note": [None, None], "shares": [None, 1.5]})
    assert found.schema == {"date": pl.Date, "PER": pl.Float64, "note": pl.String, "shares": pl.Float64}
    assert found["PER"].to_list() == [None, 3.0]
