"""Encoding, separator and column names of a file that another program wrote."""

from __future__ import annotations

import gzip
import json
import pathlib
import re
from typing import Any, BinaryIO, cast

import polars as pl

TEXT_SUFFIXES = (".csv", ".csv.gz", ".txt", ".tsv")
SUFFIXES = (*TEXT_SUFFIXES, ".parquet", ".json")
"""Endings of the files that can be identified."""

_UNIT = re.compile(r"\s*\((원|주|%|천원|백만원|억원|십억원|천주|백만주)\)$")


def decoded(data: bytes) -> str:
    """Return text that is UTF-8 (with or without a byte order mark), UTF-16 with its mark, or CP949.

    Raises UnicodeDecodeError when it is none of them.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp949")


def separator_of(header: str) -> str:
    """Return the separator of a header line: comma, tab, semicolon or bar, whichever occurs most."""
    return max((",", "\t", ";", "|"), key=header.count)


def opened(path: pathlib.Path) -> BinaryIO:
    """Open a file for reading bytes; gzip is recognised by its first two bytes."""
    stream = path.open("rb")
    if stream.peek(2)[:2] == b"\x1f\x8b":
        stream.close()
        return cast(BinaryIO, gzip.open(path, "rb"))
    return stream


def column_name(header: str) -> tuple[str, str | None]:
    """Return the name of a header cell without quotes and unit, and the unit when it states one."""
    text = header.strip().strip("\"'").strip()
    unit = _UNIT.search(text)
    return (text[: unit.start()], unit.group(1)) if unit else (text, None)


def records_of(data: bytes) -> list[dict[str, Any]]:
    """Return the records of a JSON document: a list, or the first field of an object that holds a list of objects.

    Raises ValueError when there is none; an answer of the exchange that states an error is quoted.
    """
    document = json.loads(decoded(data))
    candidates = [document] if isinstance(document, list) else []
    if isinstance(document, dict):
        candidates = [value for value in document.values() if isinstance(value, list)]
        if not candidates and "respMsg" in document:
            raise ValueError(f"the answer is an error: {document.get('respCode')} {document['respMsg']}")
    for rows in candidates:
        if all(isinstance(row, dict) for row in rows):
            return rows
    raise ValueError("the document has no list of records")


def columns_of(path: pathlib.Path) -> list[str]:
    """Return the column names of a Parquet, text or JSON file, without units.

    Raises OSError, EOFError, ValueError or PolarsError when the file cannot be read.
    """
    if path.name.lower().endswith(".parquet"):
        return [column_name(name)[0] for name in pl.read_parquet_schema(path)]
    with opened(path) as stream:
        if path.name.lower().endswith(".json"):
            rows = records_of(stream.read())
            return list(rows[0]) if rows else []
        line = stream.readline(1_000_000)
        if line.startswith((b"\xff\xfe", b"\xfe\xff")):
            line += stream.read(1_000_000)
            line = line[: len(line) // 2 * 2]
    header = (decoded(line).splitlines() or [""])[0]
    return [column_name(name)[0] for name in header.split(separator_of(header))]
