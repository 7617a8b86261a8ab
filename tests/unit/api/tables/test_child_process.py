"""XLSX and Parquet, written by the child process and read by the libraries of users."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import openpyxl
import pandas as pd
import polars as pl
import pytest

from services.api.errors import ApiProblem
from services.api.tables import child_process
from services.api.tables.child_process import file_of
from services.api.tables.table import Column, Table

COLUMNS = (
    Column(name="date", kind="date"), Column(name="stock_code", kind="code"), Column(name="name", kind="text"),
    Column(name="shares", kind="integer"), Column(name="price", kind="won"), Column(name="return", kind="fraction"),
    Column(name="halted", kind="boolean"),
)  # fmt: skip
ROWS: list[list[Any]] = [
    ["2025-01-02", "004140", "=1+1", 3, 1234.5, 0.25, False],
    [None, "0001A0", "http://example.com", None, None, None, None],
    ["2025-01-03", "005930", "삼성전자", 2.0, 1e15, -1.0, True],
]


def table(rows: list[list[Any]] = ROWS) -> Table:
    return Table(name="trades-1", columns=COLUMNS, blocks=[rows[:1], rows[1:]] if rows else [])


async def test_xlsx_has_text_codes_dates_and_a_frozen_header() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO((await file_of(table(), "xlsx"))[0])).active
    assert sheet.freeze_panes == "A2"
    assert [cell.value for cell in sheet[1]] == [column.name for column in COLUMNS]
    assert sheet["A2"].value == dt.datetime(2025, 1, 2)
    assert (sheet["A2"].is_date, sheet["A2"].number_format) == (True, "yyyy-mm-dd")
    assert (sheet["B2"].value, sheet["B2"].data_type, sheet["B2"].number_format) == ("004140", "s", "@")
    assert (sheet["C2"].value, sheet["C2"].data_type) == ("=1+1", "s")
    assert sheet["C3"].hyperlink is None
    assert [cell.value for cell in sheet[3]][3:] == [None] * 4
    assert [cell.value for cell in sheet[4]][3:] == [2, 1e15, -1, True]


async def test_xlsx_of_equal_tables_is_equal() -> None:
    assert (await file_of(table(), "xlsx"))[0] == (await file_of(table(), "xlsx"))[0]


async def test_parquet_has_types() -> None:
    frame = pl.read_parquet(io.BytesIO((await file_of(table(), "parquet"))[0]))
    assert frame.schema == {
        "date": pl.Date, "stock_code": pl.String, "name": pl.String, "shares": pl.Int64, "price": pl.Float64,
        "return": pl.Float64, "halted": pl.Boolean,
    }  # fmt: skip
    assert frame["date"].to_list() == [dt.date(2025, 1, 2), None, dt.date(2025, 1, 3)]
    assert frame["shares"].to_list() == [3, None, 2]


async def test_parquet_opens_in_pandas() -> None:
    frame = pd.read_parquet(io.BytesIO((await file_of(table(ROWS[:1]), "parquet"))[0]), dtype_backend="pyarrow")
    assert str(frame.dtypes["date"]) == "date32[day][pyarrow]"
    assert str(frame.dtypes["shares"]) == "int64[pyarrow]"
    assert frame["stock_code"].to_list() == ["004140"]


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
async def test_file_without_rows_has_its_columns(kind: str) -> None:
    body = io.BytesIO((await file_of(table([]), kind))[0])
    names = (pl.read_parquet(body).columns if kind == "parquet"
             else [cell.value for cell in openpyxl.load_workbook(body).active[1]])  # fmt: skip
    assert names == [column.name for column in COLUMNS]


async def test_sheet_with_too_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert child_process.MAX_ROWS == 2**20 - 1
    monkeypatch.setattr(child_process, "MAX_ROWS", 4_000)
    rows = [["x"]] * 1_000
    columns = (Column(name="name", kind="text"),)
    body, _ = await file_of(Table(name="x", columns=columns, blocks=[rows] * 4), "xlsx")
    assert openpyxl.load_workbook(io.BytesIO(body)).active.max_row == 4_001
    with pytest.raises(ApiProblem) as caught:
        await file_of(Table(name="x", columns=columns, blocks=[*[rows] * 4, rows[:1]]), "xlsx")
    assert caught.value.errors[0].path == "format"


async def test_file_comes_with_the_time_of_its_process() -> None:
    _, few = await file_of(table(), "xlsx")
    _, many = await file_of(table(ROWS * 4_000), "xlsx")
    assert 0 < few < many
