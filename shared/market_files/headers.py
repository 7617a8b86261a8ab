"""Encoding, separator and header line of a file that another program wrote, and how its column names are compared."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import pathlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

TEXT_SUFFIXES = (".csv", ".csv.gz", ".txt", ".tsv")
EXCEL_SUFFIXES = (".xlsx", ".xls", ".xlsm")
SUFFIXES = (*TEXT_SUFFIXES, *EXCEL_SUFFIXES, ".html", ".htm", ".parquet", ".json", ".zip")
"""Endings of the files that can be identified."""

HEAD_BYTES = 65_536
MAX_DOCUMENT_BYTES = 64 * 2**20
"""JSON and HTML are read whole, as objects."""
MAX_DOCUMENT_PARTS = 4_000_000
"""Lists and objects of a JSON document: an empty one takes two bytes of text, and 64 of memory."""
HEAD_LINES = 40
"""A header line is looked for among the first lines: some programs write a title before it."""

_UNITS = {
    "원": "원", "krw": "원", "won": "원", "주": "주", "%": "%", "천원": "천원", "천": "천원", "백만원": "백만원",
    "백만": "백만원", "억원": "억원", "억": "억원", "십억원": "십억원", "십억": "십억원", "조원": "조원", "조": "조원",
    "천주": "천주", "백만주": "백만주", "만주": "만주", "mn": "백만원", "bn": "십억원", "million": "백만원",
    "krw mn": "백만원", "krw bn": "십억원",
}  # fmt: skip
_UNIT = re.compile(r"\s*[(\[]\s*(?:단위\s*:?\s*)?([^()\[\]]{1,12}?)\s*[)\]]$")


@dataclass(frozen=True, kw_only=True)
class Header:
    """Column names of a text, its line (counted from 0), separator and encoding."""

    columns: tuple[str, ...]
    line: int
    separator: str
    encoding: str


def encoding_of(head: bytes) -> str:
    """Return the encoding of the first bytes of a text: UTF-16, UTF-8 or CP949.

    Raises ValueError for bytes that are no text.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4096]
    if sample.count(0) > len(sample) // 8:
        if sample[1::2].count(0) > sample[::2].count(0):
            return "utf-16-le"
        return "utf-16-be"
    furthest = 0
    for encoding in ("utf-8-sig", "cp949"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError as error:
            furthest = max(furthest, error.start)
            continue
        return encoding
    line = head.count(b"\n", 0, furthest) + 1
    raise ValueError(f"line {line:,} is neither UTF-8, UTF-16 nor CP949 text: save the file again as UTF-8")


def decoded(data: bytes) -> str:
    """Return text that is UTF-8 (with or without a byte order mark), UTF-16, or CP949; ValueError when it is none."""
    try:
        return data.decode(encoding_of(data))
    except UnicodeDecodeError as error:
        raise ValueError(f"the text is neither UTF-8, UTF-16 nor CP949 (byte {error.start + 1:,})") from error


def separator_of(header: str) -> str:
    """Return the separator of a header line: comma, tab, semicolon or bar, whichever occurs most outside quotes."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max((",", "\t", ";", "|"), key=bare.count)


def opened(path: pathlib.Path) -> BinaryIO:
    """Open a file for reading bytes; gzip is recognised by its first two bytes."""
    stream = path.open("rb")
    if stream.peek(2)[:2] == b"\x1f\x8b":
        stream.close()
        return cast(BinaryIO, gzip.open(path, "rb"))
    return stream


def read_document(path: pathlib.Path) -> bytes:
    """Return the bytes of a JSON or HTML file; ValueError when it has more than MAX_DOCUMENT_BYTES."""
    with opened(path) as stream:
        data = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"the document is larger than {MAX_DOCUMENT_BYTES:,} bytes: split it")
    return data


def column_name(header: str) -> tuple[str, str | None]:
    """Return the name of a header cell without quotes and unit, and the unit when it states one."""
    text = unicodedata.normalize("NFKC", header).strip("\ufeff \t\r\n\"'").strip()
    found = _UNIT.search(text)
    unit = None if found is None else _UNITS.get(re.sub(r"\s+", " ", found.group(1)).lower())
    return (text[: found.start()], unit) if found is not None and unit is not None else (text, None)


def key_of(header: str) -> str:
    """Return what is compared of a column name: no unit, case, blanks and punctuation."""
    return re.sub(r"[\s_\-./·:]+", "", column_name(header)[0].casefold())


def split_line(line: str, separator: str) -> list[str]:
    """Return the cells of one line."""
    return next(csv.reader([line], delimiter=separator), [])


def first_lines(head: bytes, encoding: str) -> list[str]:
    """Return the first lines of a text from its first bytes."""
    return codecs.getincrementaldecoder(encoding)().decode(head).splitlines()[:HEAD_LINES]


def find_header(head: bytes, is_known: Callable[[Sequence[str]], bool]) -> Header:
    """Return the first of the first lines whose columns `is_known` accepts, else the first line that is not empty.

    Raises ValueError for bytes that are no text.
    """
    encoding = encoding_of(head)
    lines = first_lines(head, encoding)
    if lines and "\0" in lines[0]:
        raise ValueError("the file is binary, and no table")
    first: Header | None = None
    for number, line in enumerate(lines):
        if not line.strip('\ufeff \t,;|"'):
            continue
        separator = separator_of(line)
        columns = tuple(cell.strip("\ufeff \t\r\n\"'") for cell in split_line(line, separator))
        header = Header(columns=columns, line=number, separator=separator, encoding=encoding)
        if is_known(columns):
            return header
        first = first or header
    return first or Header(columns=(), line=0, separator=",", encoding=encoding)


def records_of(data: bytes) -> list[dict[str, Any]]:
    """Return the records of a JSON document: a list of objects, or the longest such list inside of it.

    Raises ValueError when there is none; an answer of the exchange or of DART that states an error is quoted.
    """
    if (count := data.count(b"[") + data.count(b"{")) > MAX_DOCUMENT_PARTS:
        raise ValueError(f"the document has {count:,} lists and objects, more than {MAX_DOCUMENT_PARTS:,}: split it")
    document = json.loads(decoded(data))
    found: list[list[dict[str, Any]]] = []
    _collect(document, found, depth=0)
    if found:
        return max(found, key=len)
    if isinstance(document, dict):
        code = document.get("respCode", document.get("status"))
        text = document.get("respMsg", document.get("message"))
        if code == "013":
            return []
        if code is not None and text is not None:
            raise ValueError(f"the answer is an error: {code} {text}")
    raise ValueError("the document has no list of records")


def _collect(value: Any, found: list[list[dict[str, Any]]], *, depth: int) -> None:
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        found.append(value)
    elif isinstance(value, dict) and depth < 8:
        for part in value.values():
            _collect(part, found, depth=depth + 1)


def record_columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return the fields of all records in order of their first appearance."""
    names: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(row)
    return list(names)
