"""Cells of files of other programs as numbers, texts, codes, days and markets."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from shared.errors import OndolError
from shared.market_files.headers import key_of
from shared.market_files.markets import market_of

EMPTY = ("", "-", "nan", "none", "null", "n/a", "#n/a", "<na>", "nat")
"""Cells without a value, in lower case."""

EXAMPLES = 20
"""Rows that are listed of each kind of broken or left out rows."""

_GREATEST = 2.0**63
_CODE = r"^\d[0-9A-Z]{5}$"
GROUPS = r"^[^\d,]*\d{1,3}(?:,\d{3})+(?:\.\d*)?[^\d,]*$"
_CONTROL = r"[\x00-\x1f\x7f]+"
MAX_TEXT = 200
"""Characters of a name; the load format has no longer ones."""
_MARKET = re.compile(r"^[A-Z][A-Z0-9_]{0,31}$")


class FileRefusedError(OndolError):
    """A file that is not imported; the message says why and what to do."""


def reason_of(error: BaseException) -> str:
    """Return the first line of an error, or its type when it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


@dataclass(kw_only=True)
class Rows:
    """A count of rows, and the first of them in words (`row 3: 시가 is 'x'`)."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: Rows) -> None:
        """Add the rows of another file or column."""
        self.count += other.count
        self.examples += other.examples[: EXAMPLES - len(self.examples)]


class Cells:
    """The columns of `frame` in types. A cell that cannot be read is null, and its row is noted in `broken`.

    `numbers_of_rows` are the numbers of the rows in their file, counted from 0 (default: all rows of the file).
    """

    def __init__(self, frame: pl.DataFrame, numbers_of_rows: pl.Series | None = None) -> None:
        self.frame = frame
        self.rows = pl.int_range(frame.height, eager=True) if numbers_of_rows is None else numbers_of_rows
        self._columns = {key_of(name): name for name in reversed(frame.columns)}
        self.broken: dict[str, Rows] = {}
        self.bad: pl.Series | None = None
        """True on rows with a cell that cannot be read; None without any."""

    def _named(self, names: Sequence[str]) -> list[pl.Series]:
        places = dict.fromkeys(column for name in names if (column := self._columns.get(key_of(name))) is not None)
        return [self.frame[column] for column in places]

    def has(self, names: Sequence[str]) -> bool:
        """Whether the frame has one of the columns."""
        return bool(self._named(names))

    def numbers(self, names: Sequence[str]) -> pl.Series | None:
        """Return the first value of each row among `names` as Float64 (None: the frame has none of them)."""
        result: pl.Series | None = None
        for column in self._named(names):
            values = self._numbers(column)
            result = values if result is None else result.zip_with(result.is_not_null(), values)
        return result

    def _numbers(self, column: pl.Series) -> pl.Series:
        if isinstance(column.dtype, (pl.Categorical, pl.Enum)):
            column = column.cast(pl.String)
        if column.dtype != pl.String and not (column.dtype.is_numeric() or column.dtype == pl.Null):
            raise FileRefusedError(f"the column {column.name} holds {column.dtype}, expected numbers")
        typed = column.cast(pl.Float64, strict=False)
        if column.dtype == pl.String and typed.null_count() != column.null_count():
            plain = column.str.replace_all(r"""[,\s"'%+￦₩원]""", "").str.replace(r"^\((.+)\)$", "-${1}")
            plain = plain.str.replace(r"^(?:[▼▽−]|하락|하한)", "-").str.replace(r"^(?:[▲△]|상승|상한|보합)", "")
            typed = plain.cast(pl.Float64, strict=False)
            if typed.null_count() > column.null_count():
                typed = _abbreviated(plain, typed)
            bad = typed.is_null() & ~plain.fill_null("").str.to_lowercase().is_in(EMPTY)
            groups = ~column.str.contains(",", literal=True) | column.str.contains(GROUPS)
            self.note(f"{column.name} is not a number", bad | ~groups.fill_null(value=True), column)
        least, greatest = typed.min(), typed.max()  # both skip NaN
        if least is not None and not (least >= -_GREATEST and greatest <= _GREATEST):  # type: ignore[operator]
            large = (typed.abs() > _GREATEST).fill_null(value=False) & typed.is_not_nan().fill_null(value=False)
            self.note(f"{column.name} is not a number", large, column)
        return typed.fill_nan(None)

    def texts(self, names: Sequence[str]) -> pl.Series | None:
        """Return the first text of each row among `names`, without quotes and blanks around it."""
        result: pl.Series | None = None
        for column in self._named(names):
            cells = column.cast(pl.String).str.strip_chars(" \t\r\n\u00a0\ufeff\"'")
            if cells.str.contains(_CONTROL).any():
                cells = cells.str.replace_all(_CONTROL, " ")
            if (longest := cells.str.len_chars().max()) is not None and longest > MAX_TEXT:  # type: ignore[operator]
                long = (cells.str.len_chars() > MAX_TEXT).fill_null(value=False)
                self.note(f"{column.name} has more than {MAX_TEXT} characters", long, cells)
            values = cells.set(cells.str.to_lowercase().is_in(EMPTY), None)
            result = values if result is None else result.zip_with(result.is_not_null(), values)
        return result

    def codes(self, names: Sequence[str]) -> pl.Series | None:
        """Return stock codes of six characters; what is none (a total, a fund of eight digits) is null.

        Brackets, a leading A, a suffix such as .KS and a prefix such as KRX: are removed, lost zeros of numbers are put
        back, and an ISIN becomes the code inside it.
        """
        cells = self.texts(names)
        if cells is None:
            return None
        found = _with_zeros(cells)
        if not (found.str.contains(_CODE)).fill_null(value=True).all():
            plain = cells.str.replace_all(r"[\[\]'=\"\s]", "").str.to_uppercase().str.replace(r"\.0$", "")
            plain = plain.str.replace(r"^(?:KRX|KOSPI|KOSDAQ|KS|KQ)[:.]", "").str.replace(r"\.(?:KS|KQ|KN|KR|KRX)$", "")
            plain = plain.str.replace(r"^A(.{6})$", "${1}").str.replace(r"^KR7(.{6}).{3}$", "${1}")
            found = _with_zeros(plain)
            found = found.set(~found.str.contains(_CODE), None)
        return found

    def dates(self, names: Sequence[str]) -> pl.Series | None:
        """Return days written as 2021-01-22, 20210122, 2021/01/22, 2021.01.22 or 2021년 1월 22일, or typed."""
        column = next(iter(self._named(names)), None)
        if column is None:
            return None
        if column.dtype.is_temporal():
            if column.dtype == pl.Time or isinstance(column.dtype, pl.Duration):
                raise FileRefusedError(f"the column {column.name} holds {column.dtype}, expected dates")
            return column.cast(pl.Date)
        text = column.cast(pl.String)
        for layout in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d"):
            typed = text.str.to_date(layout, strict=False)
            if typed.null_count() == text.null_count() and _is_likely(typed):
                return typed
            if typed.null_count() < text.len():
                break  # the layout of some cells: the others are empty, or written otherwise
        return self._odd_dates(column, text)

    def _odd_dates(self, column: pl.Series, text: pl.Series) -> pl.Series:
        text = text.str.strip_chars(" \"'").str.replace(r"\.0$", "")
        if (serials := _excel_days(text)) is not None:
            return serials
        plain = text.str.replace(r"^(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(\D.*)?$", "${1}-0${2}-0${3}")
        plain = plain.str.replace(r"-0?(\d\d)-0?(\d\d)$", "${1}${2}").str.slice(0, 8)
        typed = plain.str.to_date("%Y%m%d", strict=False)
        bad = typed.is_null() & ~plain.fill_null("").str.to_lowercase().is_in(EMPTY)
        strange = ~typed.dt.year().is_between(1900, 2199)
        self.note(f"{column.name} is not a date like 2021-01-22", bad | strange.fill_null(value=False), column)
        return typed

    def markets(self, names: Sequence[str]) -> pl.Series | None:
        """Return the markets of rows under their usual names."""
        cells = self.texts(names)
        if cells is None:
            return None
        spellings = [value for value in cells.unique().to_list() if value is not None]
        found = cells.replace({value: market_of(value) for value in spellings})
        if any(not _MARKET.fullmatch(market_of(value)) for value in spellings):
            unknown = (~found.str.contains(_MARKET.pattern)).fill_null(value=False)
            self.note("the market is no known one", unknown, cells)
        return found

    def note(self, kind: str, bad: pl.Series, shown: pl.Series | None = None) -> None:
        """Note rows that break a rule; `shown` holds what is wrong with each."""
        if not bad.any():
            return
        rows = bad.arg_true()[:EXAMPLES].to_list()
        numbers = [self.rows[row] for row in rows]
        examples = [
            f"row {number + 1}" + ("" if shown is None else f": {str(shown[row])[:60]!r}")
            for row, number in zip(rows, numbers, strict=True)
        ]
        self.broken.setdefault(kind, Rows()).add(Rows(count=int(bad.sum()), examples=examples))
        self.bad = bad if self.bad is None else self.bad | bad

    def refuse_broken(self) -> None:
        """Raise FileRefusedError that lists the first broken rows of each kind."""
        if self.broken:
            raise FileRefusedError(broken_text(self.broken))


def _with_zeros(codes: pl.Series) -> pl.Series:
    """Put back the zeros that codes of digits have lost in front; a shorter text with letters is no code."""
    return codes.zip_with(~codes.str.contains(r"^\d{1,5}$"), codes.str.pad_start(6, "0"))


def _excel_days(text: pl.Series) -> pl.Series | None:
    """Return the days of a column that holds day numbers of Excel only (44197 is 2021-01-01), else None."""
    present = text.drop_nulls()
    if present.is_empty() or not present.str.contains(r"^[2-6]\d{4}$").all():
        return None
    return (text.cast(pl.Int32) - 25569).cast(pl.Date)


def left_out(rows: pl.DataFrame, reason: str, bad: pl.Expr, dropped: dict[str, Rows]) -> pl.DataFrame:
    """Return the rows without the bad ones, which are noted under `reason` by their column `row` (counted from 0)."""
    mask = rows.select(bad.fill_null(value=False)).to_series()
    if not mask.any():
        return rows
    numbers = rows["row"].filter(mask)
    examples = [f"row {number + 1}" for number in numbers.head(EXAMPLES)]
    dropped.setdefault(reason, Rows()).add(Rows(count=numbers.len(), examples=examples))
    return rows.filter(~mask)


def _abbreviated(text: pl.Series, typed: pl.Series) -> pl.Series:
    """Fill in numbers written as 12.3K, 4.5M or 1.2B."""
    factors = {"K": 1e3, "M": 1e6, "B": 1e9}
    parts = text.str.to_uppercase().str.extract_groups(r"^(-?[\d.]+)([KMB])$").struct.unnest()
    number = parts["1"].cast(pl.Float64, strict=False)
    return typed.fill_null(number * parts["2"].replace_strict(factors, default=None, return_dtype=pl.Float64))


def _is_likely(days: pl.Series) -> bool:
    first, last = days.min(), days.max()
    return first is None or (first.year >= 1900 and last.year <= 2199)  # type: ignore[union-attr]


def broken_text(broken: dict[str, Rows]) -> str:
    """Return the kinds of broken rows with their counts and first rows."""
    return "; ".join(
        f"{rows.count:,} row{'s' * (rows.count > 1)}: {kind} ({', '.join(rows.examples)}"
        + (", …)" if rows.count > len(rows.examples) else ")")
        for kind, rows in broken.items()
    )


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
