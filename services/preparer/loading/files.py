"""The files of a market directory: their columns, and their rows in typed batches of bounded size."""

from __future__ import annotations

import gzip
import io
import itertools
import math
import pathlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import polars as pl

from shared.errors import LoadError
from shared.market_files.foreign import describe_foreign_files, is_known_source
from shared.model.market_data import ACCOUNTS

Kind = Literal["date", "text", "number", "whole"]
BATCH_ROWS = 131_072
_BLOCK_BYTES = 16 * 1024 * 1024
_GREATEST = 2.0**63


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a file. A `required` one must be present; one that is not `nullable` has a value in each row."""

    name: str
    kind: Kind
    required: bool = True
    nullable: bool = False


def _columns(kind: Kind, *names: str, required: bool = True, nullable: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, required=required, nullable=nullable) for name in names)


def _optional(kind: Kind, *names: str) -> tuple[Column, ...]:
    return _columns(kind, *names, required=False, nullable=True)


FILES: dict[str, tuple[Column, ...]] = {
    "companies": (
        *_columns("text", "stock_code", "name", "market"),
        *_optional("text", "name_en", "sector"),
        *_optional("date", "listed_on", "delisted_on"),
        *_optional("text", "kind", "issuer"),
    ),
    "listings": (
        *_columns("text", "stock_code"),
        *_columns("date", "from_date"),
        *_columns("text", "market"),
        *_optional("text", "name", "sector"),
    ),
    "prices": (
        *_columns("date", "date"),
        *_columns("text", "stock_code"),
        *_columns("number", "open", "high", "low", "close", nullable=True),
        *_columns("number", "volume"),
        *_optional("number", "trading_value", "market_cap", "listed_shares", "change", "change_rate", "split"),
    ),
    "financials": (
        *_columns("text", "stock_code"),
        *_columns("whole", "fiscal_year", "fiscal_quarter"),
        *_columns("date", "period_end", "disclosed_on"),
        *_optional("number", *ACCOUNTS),
    ),
    "dividends": (
        *_columns("text", "stock_code"),
        *_columns("date", "ex_date"),
        *_columns("number", "dps"),
        *_optional("date", "disclosed_on"),
        *_optional("text", "kind"),
    ),
    "indices": (
        *_columns("date", "date"),
        *_columns("text", "index"),
        *_columns("number", "close"),
        *_optional("number", "open", "high", "low"),
    ),
}
"""The load format: file -> columns."""

_SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, kw_only=True)
class MarketFile:
    """A file of the directory: its known columns in the order of the format, and the names of the others (ignored)."""

    kind: str
    path: pathlib.Path
    columns: tuple[Column, ...]
    ignored: tuple[str, ...] = field(default=())

    @property
    def is_text(self) -> bool:
        """CSV, compressed or not."""
        return self.path.name.endswith((".csv", ".csv.gz"))

    def error(self, row: int, reason: str) -> LoadError:
        """Return the error of a row (counted from 0, in the message from 1; the header of a CSV file is line 1)."""
        line = f" (line {row + 2})" if self.is_text else ""
        return LoadError(f"{self.path.name}, row {row + 1}{line}: {reason}. Nothing was changed.")


def find_files(directory: pathlib.Path) -> dict[str, MarketFile]:
    """The files of a market directory; LoadError when there is none, one twice, or a required column is missing."""
    if not directory.is_dir():
        raise LoadError(f"There is no folder {directory}.")
    found: dict[str, MarketFile] = {}
    for kind, columns in FILES.items():
        paths = [directory / (kind + suffix) for suffix in _SUFFIXES if (directory / (kind + suffix)).is_file()]
        if len(paths) > 1:
            raise LoadError(f"{directory} has both {paths[0].name} and {paths[1].name}; keep one of them.")
        if paths:
            found[kind] = _described(kind, paths[0], columns)
    if not found:
        names = ", ".join(FILES)
        if foreign := describe_foreign_files(_some_files(directory)):
            raise LoadError(f"{directory} has {foreign}; convert them first: {_import_command(directory)}.")
        raise LoadError(f"{directory} has no market files; expected {names} as .parquet, .csv or .csv.gz.")
    return found


def _some_files(directory: pathlib.Path) -> list[pathlib.Path]:
    """Return the first 200 files of the directory and of its subdirectories, in order of their names."""
    paths = (path for pattern in ("*", "*/*") for path in sorted(directory.glob(pattern)))
    return list(itertools.islice(paths, 200))


def _import_command(path: pathlib.Path) -> str:
    return f"ondol import {path} --out MARKET, then ondol load MARKET"


def _described(kind: str, path: pathlib.Path, columns: tuple[Column, ...]) -> MarketFile:
    file = MarketFile(kind=kind, path=path, columns=columns)
    names = _header(file)
    missing = [column.name for column in columns if column.required and column.name not in names]
    if missing:
        _refuse_foreign(path)
        raise LoadError(f"{path.name}: missing required column {', '.join(missing)}. Nothing was changed.")
    known = {column.name for column in columns}
    return MarketFile(
        kind=kind,
        path=path,
        columns=tuple(c for c in columns if c.name in names),
        ignored=tuple(n for n in names if n not in known),
    )


def _header(file: MarketFile) -> list[str]:
    try:
        if not file.is_text:
            return list(pl.read_parquet_schema(file.path))
        with _opened(file.path) as stream:
            line = _first_line(stream)
        if not line.strip():
            raise LoadError(f"{file.path.name} is empty; expected a header line. Nothing was changed.")
        return pl.read_csv(line, infer_schema=False).columns
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        _refuse_foreign(file.path)
        raise LoadError(f"{file.path.name} cannot be read ({_reason(error)}). Nothing was changed.") from error


def _refuse_foreign(path: pathlib.Path) -> None:
    if foreign := is_known_source(path):
        raise LoadError(f"{path.name} is {foreign}; convert it first: {_import_command(path)}. Nothing was changed.")


def batches(file: MarketFile) -> Iterator[tuple[int, pl.DataFrame]]:
    """(number of rows before, typed rows) in file order; LoadError at the first cell that is missing or unparsable."""
    before = 0
    try:
        for raw in _text_batches(file) if file.is_text else _parquet_batches(file):
            yield before, _typed(file, raw, before)
            before += raw.height
    except (pl.exceptions.PolarsError, OSError, EOFError, UnicodeDecodeError) as error:
        raise LoadError(
            f"{file.path.name}, after row {before}: cannot be read ({_reason(error)}). Nothing was changed."
        ) from error


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _parquet_batches(file: MarketFile) -> Iterator[pl.DataFrame]:
    frame = pl.scan_parquet(file.path).select([column.name for column in file.columns])
    yield from frame.collect_batches(chunk_size=BATCH_ROWS, maintain_order=True)


def _opened(path: pathlib.Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _first_line(stream: BinaryIO) -> bytes:
    return stream.readline(1_000_000).removeprefix(b"\xef\xbb\xbf")


def _text_batches(file: MarketFile) -> Iterator[pl.DataFrame]:
    """Blocks that end at the end of a row, each read behind the header; cells stay text."""
    with _opened(file.path) as stream:
        header = _first_line(stream)
        rest = b""
        while block := stream.read(_BLOCK_BYTES):
            block = rest + block
            cut = _end_of_rows(block)
            rest = block[cut:]
            if cut:
                yield _parsed(file, header, block[:cut])
        if rest.strip():
            yield _parsed(file, header, rest)


def _end_of_rows(block: bytes) -> int:
    """Position behind the last line break that stands outside quotes, 0 when there is none."""
    cut = block.rfind(b"\n") + 1
    while cut and block.count(b'"', 0, cut) % 2:
        cut = block.rfind(b"\n", 0, cut - 1) + 1
    return cut


def _parsed(file: MarketFile, header: bytes, rows: bytes) -> pl.DataFrame:
    names = [column.name for column in file.columns]
    source = io.BytesIO(header.rstrip(b"\r\n") + b"\n" + rows)
    return pl.read_csv(source, infer_schema=False, columns=names, encoding="utf8").select(names)


def _typed(file: MarketFile, raw: pl.DataFrame, before: int) -> pl.DataFrame:
    typed = raw.select(
        _converted(file, column, raw.schema[column.name], as_is=True).alias(column.name) for column in file.columns
    )
    again = [c for c in file.columns if typed[c.name].null_count() != raw[c.name].null_count()]
    if again:  # blanks around cells, or cells that cannot be read: only the slow conversion distinguishes them
        typed = typed.with_columns(
            raw.select(_converted(file, c, raw.schema[c.name], as_is=False).alias(c.name) for c in again)
        )
    _refuse_bad_cells(file, raw, typed, before)
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
    raise LoadError(
        f"{file.path.name}: the column {column.name} holds {dtype}, expected {expected}. Nothing was changed."
    )


def _refuse_bad_cells(file: MarketFile, raw: pl.DataFrame, typed: pl.DataFrame, before: int) -> None:
    worst: tuple[int, str] | None = None
    for column in file.columns:
        row = _first(_bad(column, raw[column.name], typed[column.name]))
        if row is not None and (worst is None or row < worst[0]):
            worst = row, _complaint(column, raw[column.name][row], typed[column.name][row])
    if worst is not None:
        raise file.error(before + worst[0], worst[1])


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


_CONTROL = r"[\x00-\x1f\x7f]"


def _first(bad: pl.Series | None) -> int | None:
    if bad is None or not bad.any():
        return None
    return bad.arg_max()


def _complaint(column: Column, raw: object, typed: object) -> str:
    shown = repr(raw)[:80]
    if raw is None or (isinstance(raw, str) and not raw.strip()) or (isinstance(raw, float) and math.isnan(raw)):
        return f"{column.name} is empty"
    if column.kind == "date":
        return f"{column.name} is {shown}, expected a date such as 2024-01-02"
    if column.kind == "text":
        return f"{column.name} is {shown}, expected up to 200 characters without control characters"
    if typed is not None and isinstance(typed, float) and abs(typed) > _GREATEST:
        return f"{column.name} is {shown}, which is too large (the greatest whole number is 2^63)"
    return f"{column.name} is {shown}, expected a {'whole number' if column.kind == 'whole' else 'number'}"


def first_match(file: MarketFile, values: Sequence[str | None], pattern: re.Pattern[str], reason: str) -> None:
    """LoadError at the first value that does not match `pattern`; `reason` has a `{}` for the value."""
    for row, value in enumerate(values):
        if value is not None and not pattern.fullmatch(value):
            raise file.error(row, reason.format(repr(value)))
