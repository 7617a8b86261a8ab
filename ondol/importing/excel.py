"""Rows of Excel sheets as text, with the optional package python-calamine."""

from __future__ import annotations

import datetime as dt
import pathlib
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from ondol.importing.limits import MAX_EXCEL_BYTES, check_archive
from shared.market_files.cells import FileRefusedError
from shared.market_files.formats import READ_ERRORS

MAX_CELLS = 30_000_000
_CELL = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{1,3})(\d{1,10})["']""")
_ROW = re.compile(rb"""[<:]row\s[^<>]{0,200}?\br\s*=\s*["'](\d{1,10})["']""")
_STEP = 2**22


def excel_sheets(path: pathlib.Path) -> Iterator[tuple[str | None, Iterator[list[str]]]]:
    """Yield the name of each sheet (None in a workbook of one sheet) and its rows as text, one sheet at a time.

    Dates are written as 2021-01-22; a formula is its last value, and is not computed.

    Raises FileRefusedError when the package is missing, or the workbook is damaged, locked or too large.
    """
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise FileRefusedError(
            "is an Excel file: install the extra with pip install 'ondol[excel]', or save the sheet as CSV"
        ) from error
    _check_size(path)
    damaged: tuple[type[BaseException], ...] = (calamine.CalamineError, *READ_ERRORS)
    try:
        book = calamine.load_workbook(str(path))
    except calamine.PasswordError as error:
        raise FileRefusedError("is protected by a password: save it without one") from error
    except damaged as error:
        raise FileRefusedError(f"cannot be read as Excel ({error})") from error
    for name in book.sheet_names:
        try:
            sheet = book.get_sheet_by_name(name)
            rows = ([_text(cell) for cell in row] for row in sheet.iter_rows())
            yield (name if len(book.sheet_names) > 1 else None), rows
        except damaged as error:
            raise FileRefusedError(f"the sheet {name} cannot be read ({error})") from error


def _check_size(path: pathlib.Path) -> None:
    """Refuse workbooks that unpack to too much, or have cells so far apart that a sheet would fill memory."""
    if not zipfile.is_zipfile(path):
        return
    check_archive(path, MAX_EXCEL_BYTES)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if {"xl/workbook.bin", "content.xml"} & set(names):
            raise FileRefusedError("is no workbook of the format .xlsx: save it as .xlsx or as CSV")
        for member in names:  # a workbook names its sheets as it likes
            height, width = _extent(archive, member)
            if width * height > MAX_CELLS:
                raise FileRefusedError(
                    f"has a sheet of {height:,} rows and {width:,} columns, more than {MAX_CELLS:,} cells: "
                    "remove the columns that are not needed, or save it as several files"
                )


def _extent(archive: zipfile.ZipFile, member: str) -> tuple[int, int]:
    """Return rows and columns of a sheet, at least: stated by its cells and rows, or counted where they state none."""
    height = width = rows = cells = 0
    rest = b""
    with archive.open(member) as sheet:
        while block := sheet.read(_STEP):
            for column, row in set(_CELL.findall(rest + block)):
                width, height = max(width, _column(column)), max(height, int(row))
            for row in _ROW.findall(rest + block):
                height = max(height, int(row))
            first, *others = re.split(rb"[<:]row\b", block)
            rows += len(others)
            for number, part in enumerate((first, *others)):
                cells = _cells_in(part) + (cells if number == 0 else 0)
                width = max(width, cells)
            rest = block[-256:]
    return max(height, rows, 1), max(width, 1)


def _cells_in(row: bytes) -> int:
    return row.count(b"<c ") + row.count(b"<c>") + row.count(b":c ") + row.count(b":c>")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(" ")
    return cell.isoformat() if isinstance(cell, dt.date) else str(cell)
