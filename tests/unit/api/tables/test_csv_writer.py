"""CSV that spreadsheets and readers of data frames open without settings."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.tables.csv_writer import BOM, csv_pieces, number_text, safe_text
from services.api.tables.table import Column, Table

COLUMNS = (
    Column(name="date", kind="date"), Column(name="stock_code", kind="code"), Column(name="name", kind="text"),
    Column(name="shares", kind="integer"), Column(name="price", kind="won"),
)  # fmt: skip
ROWS = [["2025-01-02", "004140", "동방", 3, 1234.5], ["2025-01-03", "0001A0", '"=, x', None, None]]


def text_of(*, excel: bool = False) -> str:
    table = Table(name="trades", columns=COLUMNS, blocks=iter([ROWS[:1], ROWS[1:]]))
    body = b"".join(csv_pieces(table, excel=excel))
    assert body.startswith(BOM)
    return body.decode("utf-8-sig")


def test_csv_has_codes_as_text_and_empty_nulls() -> None:
    assert text_of().splitlines() == [
        "date,stock_code,name,shares,price",
        "2025-01-02,004140,동방,3,1234.5",
        '2025-01-03,0001A0,"""=, x",,',
    ]


def test_csv_for_excel_has_codes_as_formulas() -> None:
    lines = text_of(excel=True).splitlines()
    assert lines[1] == '2025-01-02,"=""004140""",동방,3,1234.5'
    assert lines[2].startswith('2025-01-03,"=""0001A0""",')


def test_csv_for_excel_runs_no_code_of_other_signs() -> None:
    columns = (Column(name="stock_code", kind="code"),)
    blocks = [[['=cmd|"x"'], ['1"&2']]]
    text = b"".join(csv_pieces(Table(name="x", columns=columns, blocks=blocks), excel=True)).decode("utf-8-sig")
    assert text.splitlines() == ["stock_code", '"\'=cmd|""x"""', '"1""&2"']


def test_csv_without_rows_has_a_header() -> None:
    assert b"".join(csv_pieces(Table(name="x", columns=COLUMNS, blocks=()))).endswith(b"shares,price\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"), (1234567.891234, "1234567.891"), (123456789012.0, "123456789000"), (-0.0, "0"),
        (4.1e14, "410000000000000"), (1e-7, "0.0000001"), (12345678901, "12345678900"), (7, "7"), (1e300, "1e+300"),
        (-0.05, "-0.05"), ("absent", "absent"), (True, "true"),
    ],
)  # fmt: skip
def test_number_has_ten_significant_digits(value: Any, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1+1", "－1"])
def test_text_of_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_text(text) == "'" + text


def test_objects_are_json() -> None:
    assert safe_text({"a": [1]}) == '{"a":[1]}'
