"""The files of a market directory: their names, columns and headers (their rows: `typed_rows`)."""

from __future__ import annotations

import gzip
import itertools
import pathlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal

import numpy as np
import polars as pl

from shared.errors import LoadError
from shared.market_files.foreign import describe_foreign_files, is_known_source
from shared.market_files.formats import READ_ERRORS
from shared.model.market_data import ACCOUNTS

Kind = Literal["date", "text", "number", "whole"]


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

MAX_COLUMNS = 10_000

_SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, kw_only=True)
class MarketFile:
    """A file of the directory: its known columns in the order of the format, and the names of the others (ignored)."""

    kind: str
    path: pathlib.Path
    name: str
    """Its path below the directory, for messages."""
    columns: tuple[Column, ...]
    ignored: tuple[str, ...] = field(default=())

    @property
    def is_text(self) -> bool:
        """CSV, compressed or not."""
        return self.path.name.endswith((".csv", ".csv.gz"))

    def where(self, row: int) -> str:
        """Return the place of a row (counted from 0, in messages from 1; the header of a CSV file is line 1)."""
        return f"{self.name}, row {row + 1}" + (f" (line {row + 2})" if self.is_text else "")


@dataclass(frozen=True, kw_only=True)
class MarketFiles:
    """The files of one kind, which are read together: their rows are numbered through, from 0."""

    kind: str
    files: tuple[MarketFile, ...]
    starts: list[int] = field(default_factory=list)
    """Number of the first row of each file that was read so far."""

    @property
    def name(self) -> str:
        """What messages about all of them name."""
        others = len(self.files) - 1
        return self.files[0].name + (f" and {others} other{'s' * (others > 1)}" if others else "")

    @property
    def columns(self) -> tuple[Column, ...]:
        """The known columns of any of them, in the order of the format."""
        return tuple(c for c in FILES[self.kind] if any(c in file.columns for file in self.files))

    def files_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of the file of each row."""
        numbers: np.ndarray = np.searchsorted(self.starts, rows, side="right") - 1
        return numbers

    def where(self, row: int) -> str:
        """Return the place of a row: file, row and line."""
        number = int(self.files_of(np.array([row]))[0])
        return self.files[number].where(row - self.starts[number])

    def error(self, row: int, reason: str) -> LoadError:
        """Return the LoadError that names file and line of a row with the reason."""
        return LoadError(f"{self.where(row)}: {reason}. Nothing was changed.")


def find_files(directory: pathlib.Path) -> dict[str, MarketFiles]:
    """Return the files of a market directory by kind; LoadError when there is none or a required column is missing, or
    when the name of one is no regular file.

    Those of the kind `prices` are `prices.csv`, `prices-2023.csv`, `prices_a.csv` and all in the folder `prices`, the
    same for other kinds and formats.
    """
    if not directory.is_dir():
        raise LoadError(f"There is no folder {directory}.")
    found: dict[str, MarketFiles] = {}
    for kind, columns in FILES.items():
        paths = [path for path in sorted(directory.glob(f"{kind}*")) if _is_of_kind(path, kind)]
        paths += _files_in(directory / kind)
        if paths:
            _require_regular_files(paths, directory)
            found[kind] = MarketFiles(
                kind=kind, files=tuple(_described(kind, path, columns, directory) for path in paths)
            )  # fmt: skip
    if not found:
        names = ", ".join(FILES)
        if foreign := describe_foreign_files(_some_files(directory)):
            raise LoadError(f"{directory} has {foreign}; convert them first: {_import_command(directory)}.")
        present = ", ".join(path.name for path in itertools.islice(sorted(directory.glob("*")), 5)) or "nothing"
        raise LoadError(
            f"{directory} has no market files; expected {names} as .parquet, .csv or .csv.gz; it has {present}."
        )
    return found


def _is_of_kind(path: pathlib.Path, kind: str) -> bool:
    rest = path.name[len(kind) :]
    return rest.endswith(_SUFFIXES) and (rest in _SUFFIXES or rest[0] in "-_.")


def _files_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the files of the load formats in the folder of a kind; LoadError when its name is there and cannot be
    read as a folder."""
    if folder.is_file() or not (folder.exists() or folder.is_symlink()):
        return []  # a file without a suffix is none of the load format
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIXES))
    except OSError as error:
        raise LoadError(
            f"{folder.name} cannot be read as a folder ({error.strerror}); put the folder itself there, or remove the "
            "name. Nothing was changed."
        ) from error


def _require_regular_files(paths: Sequence[pathlib.Path], directory: pathlib.Path) -> None:
    """Raise LoadError for a name of a market file that is none: passed over, its rows would seem to be deleted."""
    for path in paths:
        if not path.is_file():
            kind = "a link without a target" if path.is_symlink() and not path.exists() else "not a regular file"
            raise LoadError(
                f"{path.relative_to(directory)} is {kind}; put the file itself there, or remove the name. "
                "Nothing was changed."
            )


def _some_files(directory: pathlib.Path) -> list[pathlib.Path]:
    """Return the first 200 files of the directory and of its subdirectories, in order of their names."""
    paths = (path for pattern in ("*", "*/*") for path in sorted(directory.glob(pattern)))
    return list(itertools.islice(paths, 200))


def _import_command(path: pathlib.Path) -> str:
    return f"ondol import {path} --out MARKET, then ondol load MARKET"


def _described(kind: str, path: pathlib.Path, columns: tuple[Column, ...], directory: pathlib.Path) -> MarketFile:
    file = MarketFile(kind=kind, path=path, name=str(path.relative_to(directory)), columns=columns)
    names, text = _header(file)
    if len(names) > MAX_COLUMNS:
        raise LoadError(
            f"{file.name} has {len(names):,} columns, more than {MAX_COLUMNS:,}; leave out those that are not needed. "
            "Nothing was changed."
        )
    missing = [column.name for column in columns if column.required and column.name not in names]
    if missing:
        _refuse_foreign(file)
        raise LoadError(
            f"{file.name}: missing required column {', '.join(missing)}; found {_listed(names)}{_layout(names, text)}. "
            "Nothing was changed."
        )
    known = {column.name for column in columns}
    return replace(
        file,
        columns=tuple(c for c in columns if c.name in names),
        ignored=tuple(n for n in names if n not in known),
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name if len(name) <= 60 else name[:60] + "…" for name in names[:30])
    return shown + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def _layout(names: Sequence[str], text: str | None) -> str:
    """Return how a header was read, and what else separates its names when commas do not; text: None for Parquet."""
    if text is None:
        return " (Parquet)"
    others = {"\t": "tabs", ";": "semicolons", "|": "vertical bars"}
    used = next((word for mark, word in others.items() if text.count(mark) >= max(1, len(names) - 1)), None)
    if used is None or len(names) > 2:
        return " (read as UTF-8, separated by commas)"
    return f" (read as UTF-8; the names are separated by {used}: save the file separated by commas)"


def _header(file: MarketFile) -> tuple[list[str], str | None]:
    """Return the names of the columns, and the header line of a CSV file."""
    line = b""
    try:
        if not file.is_text:
            return list(pl.read_parquet_schema(file.path)), None
        with opened(file.path) as stream:
            line = first_line(stream)
        if not line.strip():
            raise LoadError(f"{file.name} is empty; expected a header line. Nothing was changed.")
        return pl.read_csv(line, infer_schema=False).columns, line.decode()
    except READ_ERRORS as error:
        _refuse_foreign(file)
        raise LoadError(f"{file.name} cannot be read ({reason_of(error, line)}). Nothing was changed.") from error


def _refuse_foreign(file: MarketFile) -> None:
    if foreign := is_known_source(file.path):
        raise LoadError(
            f"{file.name} is {foreign}; convert it first: {_import_command(file.path)}. Nothing was changed."
        )


def opened(path: pathlib.Path) -> BinaryIO:
    """Return a file, decompressed if it is, open for reading."""
    return gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def first_line(stream: BinaryIO) -> bytes:
    """Return the first line without a byte order mark."""
    return stream.readline(1_000_000).removeprefix(b"\xef\xbb\xbf")


def reason_of(error: BaseException, text: bytes = b"") -> str:
    """Return why bytes cannot be read: their encoding where it is not UTF-8, else the first line of the error."""
    for encoding, meaning in (("utf-8", None), ("cp949", "CP949, the encoding of Korean Windows")):
        try:
            text.decode(encoding)
        except UnicodeDecodeError:
            continue
        if meaning is not None:
            return f"it is not UTF-8 but reads as {meaning}; save it as UTF-8"
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return "it is neither UTF-8 nor CP949 text; save it as UTF-8"
