"""Collect rows of many files by calendar year on disk, and write them as one sorted Parquet file.

At most one year of prices is in memory at a time, besides the file that is being read.
"""

from __future__ import annotations

import datetime as dt
import pathlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

FLUSH_ROWS = 250_000


@dataclass(frozen=True, kw_only=True)
class Written:
    """Rows of the file, rows that repeat a key, keys whose repeated rows differ, and rows that `finish` left out."""

    rows: int
    repeated: int
    differing: int
    left_out: int


class YearParts:
    """Rows with a column `date`, kept in Parquet parts of one calendar year each in `directory`."""

    def __init__(self, directory: pathlib.Path, key: tuple[str, ...]) -> None:
        self._directory = directory
        self._key = key
        self._pending: list[pl.DataFrame] = []
        self._rows = 0
        self._parts: dict[int, list[pathlib.Path]] = defaultdict(list)
        self._days: set[dt.date] = set()

    def days(self) -> list[dt.date]:
        """Return the days of all rows in order."""
        return sorted(self._days)

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows; rows of a later call win over those of an earlier one, cell by cell."""
        if rows.height:
            self._pending.append(rows)
            self._rows += rows.height
            self._days.update(rows["date"].unique().to_list())
        if self._rows >= FLUSH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._pending:
            return
        rows = pl.concat(self._pending)
        self._pending, self._rows = [], 0
        for year in rows["date"].dt.year().unique().sort().to_list():
            part = rows.filter(pl.col("date").dt.year() == year)
            path = self._directory / f"{year}-{len(self._parts[year])}.parquet"
            part.write_parquet(path, compression="lz4", statistics=False)
            self._parts[year].append(path)

    def write(
        self, target: pathlib.Path, finish: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Written | None:
        """Write all rows sorted by the key, without repeated keys; None when there are none.

        `finish` changes the rows of each year, year by year. The target is replaced when it is whole; it must be in the
        file system of the directory of the parts.
        """
        self._flush()
        if not self._parts:
            return None
        rows = repeated = differing = left_out = 0
        years = []
        for year in sorted(self._parts):
            merged, again, differ = _without_repeats(pl.read_parquet(self._parts[year]), self._key)
            if finish is not None:
                finished = finish(merged)
                left_out += merged.height - finished.height
                merged = finished
            path = self._directory / f"{year}.parquet"
            merged.write_parquet(path, compression="lz4", statistics=False)
            rows, repeated, differing = rows + merged.height, repeated + again, differing + differ
            years.append(path)
        if rows:
            whole = self._directory / "whole.parquet"
            pl.scan_parquet(years).sink_parquet(whole, compression="zstd", maintain_order=True)
            whole.replace(target)
        return Written(rows=rows, repeated=repeated, differing=differing, left_out=left_out)


def _without_repeats(rows: pl.DataFrame, key: tuple[str, ...]) -> tuple[pl.DataFrame, int, int]:
    """Return rows sorted by `key`, one for each key (the last value of each cell), and both counts of Written."""
    again = rows.select(pl.struct(key).is_duplicated()).to_series()
    if not again.any():
        return rows.sort(key), 0, 0
    grouped = rows.filter(again).group_by(key, maintain_order=True)
    merged = grouped.agg(pl.all().drop_nulls().last())
    counts = grouped.agg(pl.all().drop_nulls().n_unique())
    differing = counts.filter(pl.any_horizontal(pl.exclude(*key) > 1)).height
    single = pl.concat([rows.filter(~again), merged.select(rows.columns)])
    return single.sort(key), rows.height - single.height, differing
