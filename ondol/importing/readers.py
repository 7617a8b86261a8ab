"""Open a file of another program: its columns, and its rows as a frame of its own columns."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

import polars as pl

from ondol.importing.excel import excel_sheets
from ondol.importing.limits import MAX_TEXT_BYTES
from ondol.importing.text import refuse_repeated, text_frame, text_rows, utf8_bytes, without_headers
from shared.market_files.cells import FileRefusedError, Rows, reason_of
from shared.market_files.formats import READ_ERRORS, format_of
from shared.market_files.headers import (
    HEAD_BYTES,
    HEAD_LINES,
    column_name,
    decoded,
    find_header,
    first_lines,
    key_of,
    opened,
    read_document,
    record_columns,
    records_of,
    split_line,
)
from shared.market_files.html_tables import html_rows
from shared.market_files.parquet import row_groups
from shared.market_files.signatures import is_load_format, recognise
from shared.market_files.wide import is_wide

Wanted = Callable[[str], bool]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of a file under its own column names; `units` has the unit that a header states by the key of its name."""

    frame: pl.DataFrame
    units: dict[str, str]
    dropped: dict[str, Rows] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Document:
    """An opened file: the columns of its header, and its rows.

    `read` returns the columns whose key is wanted, `rows` all cells as text. `is_empty`: an answer without records.
    `is_wide`: a sheet with one column for each stock and item. `sheet`: its name among those of a workbook.
    """

    columns: tuple[str, ...]
    read: Callable[[Wanted], Table]
    rows: Callable[[], Iterator[Sequence[str]]]
    is_empty: bool = False
    is_wide: bool = False
    sheet: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether the columns are those of a known file."""
        return self.is_wide or _known(self.columns)


def open_documents(path: pathlib.Path) -> Iterator[Document]:
    """Open a file of any known format, or each sheet of a workbook; a sheet is read before the next one is taken.

    FileRefusedError when it cannot be read, also from `read` and `rows`.
    """
    if _guarded(lambda: format_of(path)) == "excel":
        yield from _excel(path)
    else:
        yield _guarded(lambda: _open(path))


def _guarded(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except READ_ERRORS as error:
        raise FileRefusedError(f"cannot be read ({reason_of(error)})") from error


def _open(path: pathlib.Path) -> Document:
    form = format_of(path)
    if form == "parquet":
        return _parquet(path)
    if form == "json":
        return _json(path)
    if form == "html":
        return _sheet(iter(html_rows(decoded(read_document(path)))))
    return _text(path)


def _bytes(path: pathlib.Path, limit: int) -> bytes:
    with opened(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise FileRefusedError(f"is larger than {limit:,} bytes: split it")
    return data


def _known(columns: Sequence[str]) -> bool:
    return recognise(columns) is not None or is_load_format(columns)


def _units(names: Sequence[str]) -> dict[str, str]:
    return {key_of(name): unit for name in names if (unit := column_name(name)[1]) is not None}


def _parquet(path: pathlib.Path) -> Document:
    names = tuple(pl.read_parquet_schema(path))

    def read(wanted: Wanted) -> Table:
        kept = [name for name in names if wanted(key_of(name))]
        refuse_repeated(kept)
        size = sum(group.decoded_bytes for group in _guarded(lambda: row_groups(path, set(kept).__contains__)))
        if size > MAX_TEXT_BYTES:
            raise FileRefusedError(f"unpacks to {size:,} bytes, more than {MAX_TEXT_BYTES:,}: split it")
        return Table(frame=_guarded(lambda: pl.read_parquet(path, columns=kept)), units=_units(kept))

    return Document(columns=names, read=read, rows=lambda: iter(()))


def _json(path: pathlib.Path) -> Document:
    records = records_of(read_document(path))
    names = tuple(record_columns(records))

    def read(wanted: Wanted) -> Table:
        kept = [name for name in names if wanted(key_of(name))]
        refuse_repeated(kept)
        cells = {name: [None if row.get(name) is None else str(row[name]) for row in records] for name in kept}
        return Table(frame=pl.DataFrame(cells, schema=dict.fromkeys(kept, pl.String)), units=_units(kept))

    return Document(columns=names, read=read, rows=lambda: iter(()), is_empty=not records)


def _text(path: pathlib.Path) -> Document:
    with opened(path) as stream:
        head = stream.read(HEAD_BYTES)
    if not head.strip():
        raise FileRefusedError("is empty")
    header = find_header(head, _known)

    def text() -> bytes:
        return _guarded(lambda: utf8_bytes(_bytes(path, MAX_TEXT_BYTES), header.encoding))

    def read(wanted: Wanted) -> Table:
        frame, dropped = _guarded(lambda: text_frame(text(), header, wanted))
        return Table(frame=frame, units=_units(frame.columns), dropped=dropped)

    top = [split_line(line, header.separator) for line in first_lines(head, header.encoding)]
    return Document(
        columns=header.columns, read=read, rows=lambda: text_rows(text(), header.separator), is_wide=is_wide(top)
    )


def _excel(path: pathlib.Path) -> Iterator[Document]:
    """Yield the sheets; those without any cell are passed over when there are others."""
    empty: Document | None = None
    count = 0
    for name, rows in excel_sheets(path):
        document = replace(_guarded(partial(_sheet, rows)), sheet=name)
        if name is not None and not any(document.columns):
            empty = empty or document
            continue
        count += 1
        yield document
    if count == 0:
        if empty is None:
            raise FileRefusedError("has no sheet")
        yield empty


def _sheet(rows: Iterator[list[str]]) -> Document:
    """Return the document of rows of text cells, whose header is the first row with known columns; read it once."""
    head = list(itertools.islice(rows, HEAD_LINES))
    filled = [number for number, row in enumerate(head) if any(row)]
    place = next((n for n in filled if _known(head[n])), filled[0] if filled else 0)
    columns = tuple(cell.strip() for cell in head[place]) if head else ()

    def read(wanted: Wanted) -> Table:
        kept = [n for n, name in enumerate(columns) if wanted(key_of(name))]
        names = [columns[n] for n in kept]
        refuse_repeated(names)
        cells: list[list[str | None]] = [[] for _ in kept]
        for row in itertools.chain(head[place + 1 :], rows):
            for n, column in zip(kept, cells, strict=True):
                column.append(row[n] if n < len(row) and row[n] else None)
        found = pl.DataFrame(dict(zip(names, cells, strict=True)), schema=dict.fromkeys(names, pl.String))
        frame, dropped = without_headers(found)
        return Table(frame=frame, units=_units(names), dropped=dropped)

    return Document(columns=columns, read=read, rows=lambda: itertools.chain(head, rows), is_wide=is_wide(head))
