"""Tables as Parquet with the types of their values: dates, text, whole numbers as int64, other numbers as float64."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import IO, Any

import orjson
import polars as pl

from services.api.tables.table import Kind

BATCH_ROWS = 50_000


def write_parquet(columns: Sequence[tuple[str, Kind]], rows: Iterable[Sequence[Any]], out: IO[bytes]) -> None:
    """Write a Parquet file; rows are converted in batches, so that they are never all Python objects."""
    remaining = iter(rows)
    frames = [_frame(columns, [])]
    while batch := list(islice(remaining, BATCH_ROWS)):
        frames.append(_frame(columns, batch))
    pl.concat(frames, how="vertical_relaxed").write_parquet(out)


def _frame(columns: Sequence[tuple[str, Kind]], rows: list[Sequence[Any]]) -> pl.DataFrame:
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pl.DataFrame([_series(name, kind, column) for (name, kind), column in zip(columns, values, strict=True)])


def _series(name: str, kind: Kind, values: Sequence[Any]) -> pl.Series:
    if kind == "date":
        return pl.Series(name, values, pl.String).str.to_date("%Y-%m-%d")
    if kind in ("text", "code"):
        texts = [v if v is None or isinstance(v, str) else orjson.dumps(v).decode() for v in values]
        return pl.Series(name, texts, pl.String)
    if kind == "boolean":
        return pl.Series(name, values, pl.Boolean)
    if kind == "integer" and all(value is None or value == int(value) for value in values):
        return pl.Series(name, [None if value is None else int(value) for value in values], pl.Int64)
    return pl.Series(name, values, pl.Float64)
