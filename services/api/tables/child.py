"""Rows on standard input to a file on standard output: `python -m services.api.tables.child`.

The file comes behind eight bytes: the nanoseconds that the process has computed, big-endian.
The first line is the JSON of a FileHeader, each further line an array of rows. A process of its own, because the
libraries are large and hold the interpreter while they write.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import orjson

from services.api.tables.table import Kind

TIME_BYTES = 8


class FileHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What is written: the format, the title, and name and kind of each column."""

    format: Literal["xlsx", "parquet"]
    title: str
    columns: list[tuple[str, Kind]]


_HEADER = msgspec.json.Decoder(FileHeader)


def main() -> int:
    """Read rows and write the file."""
    source, out = sys.stdin.buffer, io.BytesIO()
    header = _HEADER.decode(source.readline())
    rows: Iterator[list[Any]] = (row for line in source for row in orjson.loads(line))
    if header.format == "xlsx":
        from services.api.tables.xlsx_writer import write_xlsx

        write_xlsx(header.title, header.columns, rows, out)
    else:
        from services.api.tables.parquet_writer import write_parquet

        write_parquet(header.columns, rows, out)
    sys.stdout.buffer.write(time.process_time_ns().to_bytes(TIME_BYTES))
    sys.stdout.buffer.write(out.getbuffer())
    return 0


if __name__ == "__main__":
    sys.exit(main())
