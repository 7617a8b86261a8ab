"""Tables as XLSX workbooks: codes as text, dates as dates, a frozen header; every text is written as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import IO, Any

import orjson
import xlsxwriter

from services.api.tables.table import Kind
from services.api.tables.xlsx_limits import MAX_TEXT, MAX_TITLE

_FORMATS: dict[Kind, str] = {
    "date": "yyyy-mm-dd", "code": "@", "integer": "#,##0", "won": "#,##0.00", "fraction": "0.00%",
}  # fmt: skip
_WIDTHS: dict[Kind, int] = {"date": 12, "code": 12, "won": 18}
_FIRST_DATE = "1900-03-01"
"""Before it Excel counts a day that did not exist."""
_CREATED = dt.datetime(2000, 1, 1)
"""Equal tables are equal files."""


def write_xlsx(title: str, columns: Sequence[tuple[str, Kind]], rows: Iterable[Sequence[Any]], out: IO[bytes]) -> None:
    """Write a workbook with one sheet, row by row in constant memory."""
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": title, "created": _CREATED})
    sheet = book.add_worksheet(title[:MAX_TITLE])
    bold = book.add_format({"bold": True, "bottom": 1})
    formats = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
    sheet.freeze_panes(1, 0)
    for index, (name, kind) in enumerate(columns):
        sheet.set_column(index, index, max(_WIDTHS.get(kind, 10), len(name) + 2), formats.get(kind))
        sheet.write_string(0, index, name, bold)
    kinds = [kind for _, kind in columns]
    last = 0
    for last, row in enumerate(rows, 1):
        for index, (kind, value) in enumerate(zip(kinds, row, strict=True)):
            if value is not None:
                _write_cell(sheet, (last, index), kind, value, formats.get(kind))
    if last:
        sheet.autofilter(0, 0, last, len(columns) - 1)
        for index, kind in enumerate(kinds):
            if kind == "code":
                sheet.ignore_errors({"number_stored_as_text": f"{xlsxwriter.utility.xl_col_to_name(index)}2:"
                                     f"{xlsxwriter.utility.xl_col_to_name(index)}{last + 1}"})  # fmt: skip
    book.close()


def _write_cell(sheet: Any, place: tuple[int, int], kind: Kind, value: Any, form: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(*place, value)
    elif isinstance(value, int | float):
        sheet.write_number(*place, value, form)
    elif kind == "date" and isinstance(value, str) and value >= _FIRST_DATE:
        sheet.write_datetime(*place, dt.datetime.fromisoformat(value), form)
    else:
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        sheet.write_string(*place, text[:MAX_TEXT], form)
