"""Read a file of another program as a frame of its own columns."""

from __future__ import annotations

import io
import pathlib
from dataclasses import dataclass

import polars as pl

from shared.market_files.cells import FileRefusedError
from shared.market_files.headers import column_name, columns_of, decoded, opened, records_of, separator_of


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of a file under normalised column names, and the units that headers state."""

    frame: pl.DataFrame
    units: dict[str, str]


def read_columns(path: pathlib.Path) -> list[str]:
    """Return the column names of a file; FileRefusedError when it cannot be read."""
    try:
        return columns_of(path)
    except (OSError, EOFError, ValueError, pl.exceptions.PolarsError) as error:
        raise FileRefusedError(f"cannot be read ({_reason(error)})") from error


def read_table(path: pathlib.Path, wanted: frozenset[str]) -> Table:
    """Read the `wanted` columns of a Parquet, text or JSON file; text cells stay text."""
    try:
        return _read(path, wanted)
    except (OSError, EOFError, ValueError, pl.exceptions.PolarsError) as error:
        raise FileRefusedError(f"cannot be read ({_reason(error)})") from error


def _read(path: pathlib.Path, wanted: frozenset[str]) -> Table:
    if path.name.lower().endswith(".parquet"):
        headers = list(pl.read_parquet_schema(path))
        kept = [name for name in headers if column_name(name)[0] in wanted]
        return _named(pl.read_parquet(path, columns=kept))
    with opened(path) as stream:
        data = stream.read()
    if path.name.lower().endswith(".json"):
        rows = records_of(data)
        names = [name for name in (rows[0] if rows else {}) if name in wanted]
        cells = {name: [None if row.get(name) is None else str(row[name]) for row in rows] for name in names}
        return Table(frame=pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String)), units={})
    text = decoded(data)
    first = text[: text.find("\n")] if "\n" in text else text
    separator = separator_of(first)
    data = text.encode()
    del text
    header = [column_name(name)[0] for name in first.split(separator)]
    places = [i for i, name in enumerate(header) if name in wanted]
    return _named(pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False, columns=places))


def _named(frame: pl.DataFrame) -> Table:
    names = {name: column_name(name) for name in frame.columns}
    units = {name: unit for name, unit in names.values() if unit is not None}
    return Table(frame=frame.rename({old: new for old, (new, _) in names.items()}), units=units)


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
