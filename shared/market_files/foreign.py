"""Names of the files of other programs in a folder, for the message of a load that finds no market files."""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import polars as pl

from shared.market_files.formats import READ_ERRORS, format_of
from shared.market_files.headers import (
    HEAD_BYTES,
    SUFFIXES,
    decoded,
    find_header,
    opened,
    read_document,
    record_columns,
    records_of,
)
from shared.market_files.html_tables import html_rows
from shared.market_files.signatures import Signature, identify, recognise


def describe_foreign_files(
    paths: Sequence[pathlib.Path], identified: Callable[[Iterable[str]], Signature | None] = recognise
) -> str | None:
    """Return what the files of other programs among `paths` are (`3 files of marcap`), or None without any."""
    counts: Counter[str] = Counter()
    for path in paths:
        if path.name.lower().endswith(SUFFIXES) and path.is_file():
            try:
                name = _name(path, identified)
            except READ_ERRORS:
                continue  # a file that cannot be read is not one of another program; the caller names what it expects
            if name is not None:
                counts[name] += 1
    return ", ".join(f"{n} file{'s' * (n > 1)} of {name}" for name, n in counts.items()) or None


def is_known_source(path: pathlib.Path) -> str | None:
    """Return what a file is when its columns are exactly those of a known source, or None."""
    return describe_foreign_files([path], identify)


def _name(path: pathlib.Path, identified: Callable[[Iterable[str]], Signature | None]) -> str | None:
    form = format_of(path)
    if form in ("excel", "zip"):
        return "Excel" if form == "excel" else "compressed files (zip)"
    if form == "parquet":
        found = identified(pl.read_parquet_schema(path))
    elif form == "json":
        found = identified(record_columns(records_of(read_document(path))[:100]))
    elif form == "html":
        rows = html_rows(decoded(read_document(path)))
        found = next((s for row in rows[:40] if (s := identified(row)) is not None), None)
    else:
        with opened(path) as stream:
            head = stream.read(HEAD_BYTES)
        found = identified(find_header(head, lambda columns: identified(columns) is not None).columns)
    return None if found is None else found.name
