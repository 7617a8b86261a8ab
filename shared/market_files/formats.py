"""What a file is by its first bytes, whatever its name says."""

from __future__ import annotations

import csv
import lzma
import pathlib
import struct
import zipfile
import zlib
from typing import Literal

import polars as pl

from shared.market_files.headers import EXCEL_SUFFIXES, opened

Format = Literal["parquet", "excel", "zip", "html", "json", "text"]

READ_ERRORS: tuple[type[BaseException], ...] = (
    OSError, EOFError, ValueError, RecursionError, OverflowError, NotImplementedError, RuntimeError, struct.error,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, csv.Error, pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)  # fmt: skip
"""What reading a damaged file may raise; polars panics on some Parquet files."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def format_of(path: pathlib.Path) -> Format:
    """Return the format of a file; `.xls` files of Korean sites are often HTML, and text may be compressed by gzip.

    Raises one of READ_ERRORS when it cannot be read.
    """
    with opened(path) as stream:
        head = stream.read(512)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(_OLE):
        return "excel"
    if head.startswith(b"PK\x03\x04"):
        if path.name.lower().endswith(EXCEL_SUFFIXES):
            return "excel"
        with zipfile.ZipFile(path) as archive:
            return "excel" if "xl/workbook.xml" in archive.namelist() else "zip"
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return "html"
    if start.startswith((b"{", b"[")) and not path.name.lower().endswith((".csv", ".txt", ".tsv")):
        return "json"
    return "text"
