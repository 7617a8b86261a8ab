"""Rows on standard input to Parquet on standard output: `python -m services.api.backtests.parquet`.

The first line is a JSON array of the columns; each other line is an array of rows.
"""

from __future__ import annotations

import io
import sys
from typing import Any

import orjson
import polars as pl

TYPES: dict[str, Any] = {
    "date": pl.Date, "entry_date": pl.Date, "exit_date": pl.Date, "stock_code": pl.String, "name": pl.String,
    "side": pl.String, "reason": pl.String, "positions": pl.Int32, "shares": pl.Float64,
}  # fmt: skip


def frame_of(columns: list[str], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the rows as a frame: dates as dates, text as text, everything else as float64."""
    series = []
    for name in columns:
        kind = TYPES.get(name, pl.Float64)
        values = [row.get(name) for row in rows]
        if kind == pl.Date:
            series.append(pl.Series(name, values, pl.String).str.to_date("%Y-%m-%d"))
        elif kind == pl.Float64 and any(isinstance(value, str | bool | list | dict) for value in values):
            texts = [None if v is None else v if isinstance(v, str) else orjson.dumps(v).decode() for v in values]
            series.append(pl.Series(name, texts, pl.String))
        else:
            series.append(pl.Series(name, values, kind))
    return pl.DataFrame(series)


def main() -> int:
    """Read rows, convert them and write Parquet."""
    columns = orjson.loads(sys.stdin.buffer.readline())
    rows = [row for line in sys.stdin.buffer for row in orjson.loads(line)]
    out = io.BytesIO()
    frame_of(columns, rows).write_parquet(out)
    sys.stdout.buffer.write(out.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(main())
