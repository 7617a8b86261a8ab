"""The rows of market files in typed batches of bounded size; cells that are missing or cannot be read are listed."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.files import Column, MarketFile, MarketFiles, first_line, opened, reason_of
from shared.errors import LoadError
from shared.market_files.csv_rows import MAX_ROW_BYTES, end_of_rows
from shared.market_files.formats import READ_ERRORS
from shared.market_files.parquet import MAX_GROUP_BYTES, row_groups

BATCH_ROWS = 131_072
MAX_ROWS = 1_000_000
"""Rows of a kind that is read whole: about twice the dividends, statements or index values of fifty years."""
_BLOCK_BYTES = 2 * 1024 * 1024
_MAX_CELL_BYTES = 4096
"""Longer cells of Parquet files are refused before they are copied: a dictionary holds a text of any size once."""
_GREATEST = 2.0**63
_CONTROL = r"[\x00-\x1f\x7f]"


def batches(files: MarketFiles, broken: BrokenRows) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield (number of rows before, typed rows), file after file; a batch with a broken cell is listed instead.

    A batch has the columns of its file. LoadError when a file cannot be read at all.
    """
    before = 0
    files.starts.clear()
    for file in files.files:
        files.starts.append(before)
        for raw in _raw_batches(file):
            typed = _typed(file, raw)
            if not _list_bad_cells(file, raw, typed, before, broken):
                yield before, typed
            before += raw.height


def read_all(files: MarketFiles, broken: BrokenRows) -> pl.DataFrame:
    """Return all typed rows of files that are small next to the prices; LoadError with all broken cells.

    Columns that a file lacks are null.
    """
    frames = []
    for before, frame in batches(files, broken):
        if before + frame.height > MAX_ROWS:
            raise LoadError(
                f"{files.name}: more than {MAX_ROWS:,} rows of {files.kind}; leave out the rows that are loaded "
                "already, or load them in several steps. Nothing was changed."
            )
        frames.append(frame)
    broken.refuse()
    names = [column.name for column in files.columns]
    return pl.concat(frames, how="diagonal").select(names) if frames else pl.DataFrame(schema=names)


def _raw_batches(file: MarketFile) -> Iterator[pl.DataFrame]:
    rows = 0
    try:
        for raw in _text_batches(file) if file.is_text else _parquet_batches(file):
            yield raw
            rows += raw.height
    except READ_ERRORS as error:
        raise LoadError(
            f"{file.name}, after row {rows}: cannot be read ({reason_of(error)}). Nothing was changed."
        ) from error


def _parquet_batches(file: MarketFile) -> Iterator[pl.DataFrame]:
    """Row group after row group, so that the memory is that of one."""
    names = [column.name for column in file.columns]
    schema = pl.read_parquet_schema(file.path)
    for column in file.columns:  # nested values are refused before they are decoded
        _converted(file, column, schema[column.name], as_is=True)
    rows, begin = pl.scan_parquet(file.path).select(names), 0
    for group in row_groups(file.path, names.__contains__):
        if group.decoded_bytes > MAX_GROUP_BYTES:
            raise LoadError(
                f"{file.name}, after row {begin}: a row group of {group.rows:,} rows needs "
                f"{group.decoded_bytes / 2**20:,.0f} MiB, more than {MAX_GROUP_BYTES / 2**20:,.0f}; write the "
                "file with row groups of 100,000 rows. Nothing was changed."
            )
        decoded = rows.slice(begin, group.rows).collect()
        for start in range(0, decoded.height, BATCH_ROWS):
            batch = decoded.slice(start, BATCH_ROWS)
            _refuse_long_cells(file, batch, begin + start)
            yield batch
        begin += group.rows


def _refuse_long_cells(file: MarketFile, batch: pl.DataFrame, before: int) -> None:
    for name, dtype in batch.schema.items():
        if dtype == pl.String:
            sizes = batch[name].str.len_bytes()
            at = sizes.arg_max()
            if at is not None and (size := sizes[at]) > _MAX_CELL_BYTES:
                raise LoadError(
                    f"{file.where(before + at)}: {name} has {size:,} bytes, more than {_MAX_CELL_BYTES:,}; expected up "
                    "to 200 characters. Nothing was changed."
                )


def _text_batches(file: MarketFile) -> Iterator[pl.DataFrame]:
    """Blocks that end at the end of a row, each read behind the header; cells stay text."""
    rows = 0
    with opened(file.path) as stream:
        header = first_line(stream)
        rest = b""
        while block := stream.read(_BLOCK_BYTES):
            block = rest + block
            cut = end_of_rows(block)
            rest = block[cut:]
            if cut:
                parsed = _parsed(file, header, block[:cut])
                rows += parsed.height
                yield parsed
            if len(rest) > MAX_ROW_BYTES:
                raise LoadError(
                    f"{file.where(rows)}: the row is longer than {MAX_ROW_BYTES:,} bytes: a quotation mark is not "
                    "closed or stands inside a cell, or the line breaks are missing. Nothing was changed."
                )
        if rest.strip():
            yield _parsed(file, header, rest)


def _parsed(file: MarketFile, header: bytes, rows: bytes) -> pl.DataFrame:
    names = [column.name for column in file.columns]
    source = io.BytesIO(header.rstrip(b"\r\n") + b"\n" + rows)
    try:
        return pl.read_csv(source, infer_schema=False, columns=names, encoding="utf8").select(names)
    except pl.exceptions.PolarsError as error:
        raise LoadError(f"{file.name} cannot be read ({reason_of(error, rows)}). Nothing was changed.") from error


def _typed(file: MarketFile, raw: pl.DataFrame) -> pl.DataFrame:
    typed = raw.select(
        _converted(file, column, raw.schema[column.name], as_is=True).alias(column.name) for column in file.columns
    )
    again = [c for c in file.columns if typed[c.name].null_count() != raw[c.name].null_count()]
    if again:  # blanks around cells, or cells that cannot be read: only the slow conversion distinguishes them
        typed = typed.with_columns(
            raw.select(_converted(file, c, raw.schema[c.name], as_is=False).alias(c.name) for c in again)
        )
    return typed


def _converted(file: MarketFile, column: Column, dtype: pl.DataType, *, as_is: bool) -> pl.Expr:
    """The column in its type: date -> Date, text -> String, number and whole -> Float64; what cannot be is null.

    `as_is` takes text without looking for blanks around it.
    """
    cell = pl.col(column.name)
    if dtype == pl.Null:
        return cell.cast({"date": pl.Date, "text": pl.String}.get(column.kind, pl.Float64))
    if dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum)):
        text = cell.cast(pl.String)
        if not as_is or column.kind == "text":
            text = text.str.strip_chars()
            text = pl.when(text != "").then(text)
        if column.kind == "text":
            return text
        if column.kind == "date":
            return text.str.to_date("%Y-%m-%d", strict=False, exact=True)
        return text.cast(pl.Float64, strict=False).fill_nan(None)
    if column.kind == "date" and dtype.is_temporal() and dtype != pl.Time and not isinstance(dtype, pl.Duration):
        return cell.cast(pl.Date)
    if column.kind in {"number", "whole"} and dtype.is_numeric():
        return cell.cast(pl.Float64).fill_nan(None)
    expected = {"date": "dates", "text": "text", "number": "numbers", "whole": "whole numbers"}[column.kind]
    remedy = "; as numbers, codes lose their zeros (005930 becomes 5930)" if column.name == "stock_code" else ""
    raise LoadError(
        f"{file.name}: the column {column.name} holds {dtype}, expected {expected}{remedy}. Nothing was changed."
    )


def _list_bad_cells(file: MarketFile, raw: pl.DataFrame, typed: pl.DataFrame, before: int, broken: BrokenRows) -> bool:
    """List the rows with a broken cell, each with its first one; return whether there is one."""
    seen = np.zeros(raw.height, bool)
    for column in file.columns:
        bad = _bad(column, raw[column.name], typed[column.name])
        if bad is None or not bad.any():
            continue
        rows = np.flatnonzero(bad.to_numpy() & ~seen)
        seen[rows] = True
        cells, values = raw[column.name], typed[column.name]

        def reason(at: int, column: Column = column, cells: pl.Series = cells, values: pl.Series = values) -> str:
            return _error_text(column, cells[at], values[at])

        broken.add(f"a cell of {column.name} is missing or cannot be read", rows, reason, before)
    return bool(seen.any())


def _bad(column: Column, raw: pl.Series, typed: pl.Series) -> pl.Series | None:
    bad: pl.Series | None = None
    if not column.nullable:
        bad = typed.is_null() if typed.null_count() else None
    elif raw.dtype == pl.String and column.kind != "text" and typed.null_count():
        empty = raw.is_null() | (raw.str.strip_chars().str.to_lowercase().is_in(["", "nan"]))
        bad = typed.is_null() & ~empty
    if column.kind in {"number", "whole"}:
        large = ~typed.is_finite() | (typed.abs() > _GREATEST)
        if column.kind == "whole":
            large |= typed != typed.round()
        bad = large.fill_null(value=False) if bad is None else bad | large.fill_null(value=False)
    elif column.kind == "date":
        unlikely = (typed.dt.year() < 1900) | (typed.dt.year() > 2199)
        bad = unlikely.fill_null(value=False) if bad is None else bad | unlikely.fill_null(value=False)
    else:
        strange = typed.str.contains(_CONTROL) | (typed.str.len_chars() > 200)
        bad = strange.fill_null(value=False) if bad is None else bad | strange.fill_null(value=False)
    return bad


def _error_text(column: Column, raw: object, typed: object) -> str:
    shown = repr(raw)[:80]
    if raw is None or (isinstance(raw, str) and not raw.strip()) or (isinstance(raw, float) and math.isnan(raw)):
        return f"{column.name} is empty"
    if column.kind == "date":
        return f"{column.name} is {shown}, expected a date such as 2024-01-02"
    if column.kind == "text":
        return f"{column.name} is {shown}, expected up to 200 characters without control characters"
    if typed is not None and isinstance(typed, float) and abs(typed) > _GREATEST:
        return f"{column.name} is {shown}, which is too large (the greatest whole number is 2^63)"
    plain = " without thousands separators" if isinstance(raw, str) and "," in raw else ""
    return f"{column.name} is {shown}, expected a {'whole number' if column.kind == 'whole' else 'number'}{plain}"
