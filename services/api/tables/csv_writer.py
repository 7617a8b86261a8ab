"""Tables as CSV that spreadsheets open as they are: BOM, ten significant digits, text that cannot be a formula.

The columns of the downloads of a backtest are declared in `services.api.schemas.result_responses`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import orjson

from services.api.tables.table import Kind, Table

BOM = b"\xef\xbb\xbf"
DIGITS = 10
_FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")
_CODE = re.compile(r"[0-9A-Za-z]+", re.ASCII)


def csv_pieces(table: Table, *, excel: bool = False) -> Iterator[bytes]:
    """Yield a table as CSV in UTF-8: the BOM with the header, then a piece a block. null is an empty cell.

    `excel`: write codes as `="004140"`, which Excel reads as text when it opens the file with a double click.
    """
    formats = [_format_of(column.kind, excel) for column in table.columns]
    yield BOM + _lines([[safe_text(column.name) for column in table.columns]])
    for rows in table.blocks:
        yield _lines(
            [["" if value is None else write(value) for write, value in zip(formats, row, strict=True)] for row in rows]
        )


def _lines(cells: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _format_of(kind: Kind, excel: bool) -> Callable[[Any], str]:
    if kind in ("integer", "number", "won", "fraction"):
        return number_text
    return _code_formula if excel and kind == "code" else safe_text


def number_text(value: Any) -> str:
    """Return a number with at most ten significant digits, without an exponent where it has a plain form."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return safe_text(value)
    text = f"{value:.{DIGITS}g}"
    if "e" in text and 1e-12 <= abs(value) < 1e21:
        return format(Decimal(text), "f")
    return "0" if text == "-0" else text


def safe_text(value: Any) -> str:
    """Return text; what a spreadsheet would run as a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return orjson.dumps(value).decode()
    return "'" + value if _FORMULA.match(value) else value


def _code_formula(value: Any) -> str:
    text = str(value)
    return f'="{text}"' if _CODE.fullmatch(text) else safe_text(text)
