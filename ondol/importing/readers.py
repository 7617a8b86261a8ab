"""Read a file of another program as a frame of its own columns, and convert cells."""

from __future__ import annotations

import datetime as dt
import io
import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from shared.errors import OndolError
from shared.market_files.headers import column_name, columns_of, decoded, opened, records_of, separator_of
from shared.market_files.markets import market_of

EMPTY = ("", "-", "nan", "none", "null", "n/a", "<na>", "nat")
"""Cells without a value, in lower case."""


class FileRefusedError(OndolError):
    """A file that is not imported; the message says why and what to do."""


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


def numbers(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return the first value of each row among `names` as Float64 (None: the frame has none of them)."""
    result: pl.Series | None = None
    for name in names:
        if name in frame.columns:
            values = _numbers(frame[name])
            result = values if result is None else result.zip_with(result.is_not_null(), values)
    return result


def _numbers(column: pl.Series) -> pl.Series:
    if column.dtype != pl.String:
        return column.cast(pl.Float64).fill_nan(None)
    typed = column.cast(pl.Float64, strict=False).fill_nan(None)
    if typed.null_count() == column.null_count():
        return typed
    plain = column.str.replace_all(r"""[,\s"'%+]""", "")
    typed = plain.cast(pl.Float64, strict=False).fill_nan(None)
    _refuse(column, typed.is_null() & ~plain.fill_null("").str.to_lowercase().is_in(EMPTY), "a number")
    return typed


def texts(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return the first text of each row among `names`, without quotes and blanks around it."""
    result: pl.Series | None = None
    for name in names:
        if name in frame.columns:
            cells = frame[name].cast(pl.String).str.strip_chars(" \t\r\n\"'")
            values = cells.set(cells.str.to_lowercase().is_in(EMPTY), None)
            result = values if result is None else result.zip_with(result.is_not_null(), values)
    return result


def codes(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return stock codes of six characters: without brackets and a leading A, zeros restored, taken out of an ISIN."""
    cells = texts(frame, names)
    if cells is None:
        return None
    plain = cells.str.replace_all(r"[\[\]'=\"\s]", "").str.replace(r"^A(.{6})$", "${1}").str.replace(r"\.0$", "")
    return plain.str.replace(r"^KR7(.{6}).{3}$", "${1}").str.zfill(6).cast(pl.String)


def dates(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return days written as 2021-01-22, 20210122, 2021/01/22 or 2021.01.22, or typed as dates."""
    name = next((name for name in names if name in frame.columns), None)
    if name is None:
        return None
    column = frame[name]
    if column.dtype.is_temporal():
        return column.cast(pl.Date)
    plain = column.cast(pl.String).str.strip_chars(" \"'").str.slice(0, 10).str.replace_all(r"[-/.\s]", "")
    typed = plain.str.to_date("%Y%m%d", strict=False)
    _refuse(column, typed.is_null() & ~plain.fill_null("").str.to_lowercase().is_in(EMPTY), "a date like 2021-01-22")
    return typed


def markets(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series | None:
    """Return the markets of rows under their usual names."""
    cells = texts(frame, names)
    if cells is None:
        return None
    spellings = [value for value in cells.unique().to_list() if value is not None]
    return cells.replace({value: market_of(value) for value in spellings})


def _refuse(column: pl.Series, bad: pl.Series, expected: str) -> None:
    row = bad.arg_max()
    if row is not None and bad.any():
        raise FileRefusedError(f"row {row + 1}: {column.name} is {str(column[row])!r}, expected {expected}")


def date_in(name: str) -> dt.date | None:
    """Return the last date in a file name (20210122, 2021-01-22, 2021_01_22), or None."""
    found = None
    for year, month, day in re.findall(r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)", name):
        try:
            found = dt.date(int(year), int(month), int(day))
        except ValueError:
            continue  # digits that are no date, such as a number of the download
    return found


def code_in(name: str) -> str | None:
    """Return the only stock code of six characters in a file name, or None."""
    found = set(re.findall(r"(?<![0-9A-Z])A?(\d[0-9A-Z]{5})(?![0-9A-Z])", name))
    return found.pop() if len(found) == 1 else None
