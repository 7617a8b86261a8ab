"""Text tables as frames: any encoding becomes UTF-8, and rows that do not fit the header are named."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator

import polars as pl

from shared.market_files.cells import EXAMPLES, FileRefusedError, Rows
from shared.market_files.csv_rows import MAX_ROW_BYTES, end_of_rows
from shared.market_files.headers import Header, key_of

_STEP = 8 * 2**20
_BLOCK = 32 * 2**20


def utf8_bytes(data: bytes, encoding: str) -> bytes:
    """Return a text as UTF-8 with `\\n` line ends and without a byte order mark.

    A text that looked like UTF-8 at its beginning may be CP949. FileRefusedError when it is neither, or has NUL bytes.
    """
    if encoding == "utf-8-sig":
        if _is_utf8(data):
            text = data.removeprefix(codecs.BOM_UTF8)
            return _lines(text)
        encoding = "cp949"
    decoder = codecs.getincrementaldecoder(encoding)()
    parts = []
    for start in range(0, len(data), _STEP):
        block = data[start : start + _STEP]
        try:
            parts.append(decoder.decode(block, start + _STEP >= len(data)).encode())
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, start + error.start) + 1
            raise FileRefusedError(
                f"line {line:,} is not {encoding.upper()} text: save the file again as UTF-8"
            ) from error
    return _lines(b"".join(parts).removeprefix(codecs.BOM_UTF8))


def _is_utf8(data: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _STEP):
            decoder.decode(data[start : start + _STEP], start + _STEP >= len(data))
    except UnicodeDecodeError:
        return False
    return True


def _lines(text: bytes) -> bytes:
    if b"\0" in text:
        line = text.count(b"\n", 0, text.index(0)) + 1
        raise FileRefusedError(f"line {line:,} has a NUL byte: the file is damaged")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def text_rows(text: bytes, separator: str) -> Iterator[list[str]]:
    """Yield the cells of each line."""
    yield from csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=separator)


def text_frame(text: bytes, header: Header, wanted: Callable[[str], bool]) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Return the wanted columns as text under the names of the header, and rows that are left out by reason.

    A header line that stands again among the rows is left out, and so are empty lines. FileRefusedError for wanted
    columns that stand twice, and for rows with more cells than the header.
    """
    start = 0
    for _ in range(header.line + 1):
        start = text.find(b"\n", start) + 1
        if not start:
            start = len(text)
            break
    kept = [place for place, name in enumerate(header.columns) if wanted(key_of(name))]
    names = [header.columns[place] for place in kept]
    refuse_repeated(names)
    try:
        frames = [_block(block, header, kept) for block in _blocks(text, start)]
    except pl.exceptions.PolarsError as error:
        quote = FileRefusedError("cannot be read as a table: a quotation mark is not closed, or stands inside a cell")
        raise _unfit(text, header) or quote from error
    return without_headers(pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(names, pl.String)))


def _blocks(text: bytes, start: int) -> Iterator[bytes]:
    """Yield the text from `start` in blocks that end at the end of a row, outside quotes."""
    while start < len(text):
        stop = start + _BLOCK
        cut = len(text) if stop >= len(text) else end_of_rows(text, start, stop)
        if stop < len(text) and stop - cut > MAX_ROW_BYTES:
            line = text.count(b"\n", 0, cut) + 1
            raise FileRefusedError(
                f"line {line:,} begins a row that is longer than {MAX_ROW_BYTES:,} bytes: a quotation mark is not "
                "closed, or stands inside a cell, or the line breaks are missing"
            )
        yield text[start:cut]
        start = cut


def _block(block: bytes, header: Header, kept: list[int]) -> pl.DataFrame:
    # a projection would cut rows with too many cells without an error, so every column is read
    places = [f"c{place}" for place in range(len(header.columns))]
    source = header.separator.join(places).encode() + b"\n" + block
    frame = pl.read_csv(io.BytesIO(source), separator=header.separator, infer_schema=False)
    return frame.select(pl.col(f"c{place}").alias(header.columns[place]) for place in kept)


def refuse_repeated(names: list[str]) -> None:
    """Raise FileRefusedError when two columns have the same key."""
    seen: dict[str, str] = {}
    for name in names:
        if (key := key_of(name)) in seen:
            raise FileRefusedError(f"has two columns {seen[key]} and {name}: remove one of them")
        seen[key] = name


def without_headers(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Rows]]:
    """Leave out empty rows and rows that repeat the header (files that were put behind each other)."""
    if not frame.width:
        return frame, {}
    dropped = {}
    again = pl.all_horizontal(pl.col(name).str.strip_chars("\ufeff \"'") == name for name in frame.columns)
    mask = frame.select(again.fill_null(value=False)).to_series()
    if mask.any():
        rows = mask.arg_true()
        dropped["repeated header line"] = Rows(
            count=rows.len(), examples=[f"row {row + 1}" for row in rows.head(EXAMPLES)]
        )
        frame = frame.filter(~mask)
    empty = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
    return (frame.filter(~empty) if empty.any() else frame), dropped


def _unfit(text: bytes, header: Header) -> FileRefusedError | None:
    """Return the error that names the first rows with more cells than the header; None when there are none."""
    count = 0
    examples: list[str] = []
    try:
        for number, row in enumerate(text_rows(text, header.separator)):
            if number > header.line and len(row) > len(header.columns):
                count += 1
                if len(examples) < EXAMPLES:
                    examples.append(f"line {number + 1} has {len(row)}")
    except csv.Error:
        return None
    if not count:
        return None
    more = ", …" if count > len(examples) else ""
    return FileRefusedError(
        f"{count:,} rows have more cells than the header's {len(header.columns)} ({', '.join(examples)}{more}): "
        "numbers with thousands separators need quotes in a comma-separated file"
    )
