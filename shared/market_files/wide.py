"""Wide sheets (DataGuide): rows of labels, then one row for each day with a column per stock and item."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from shared.market_files.cells import EMPTY, EXAMPLES, GROUPS, FileRefusedError, Rows, broken_text
from shared.market_files.column_names import COLUMN_NAMES
from shared.market_files.headers import column_name, key_of

_LABELS = {
    "symbol": "code", "code": "code", "코드": "code", "종목코드": "code", "symbolname": "name", "종목명": "name",
    "name": "name", "item": "item_code", "itemname": "item", "항목명": "item", "아이템명": "item",
    "아이템": "item_code", "frequency": "frequency", "주기": "frequency", "kind": "kind",
}  # fmt: skip
_PRICES = ("open", "high", "low", "close", "volume", "trading_value", "market_cap", "listed_shares", "change_rate")
_ITEMS = {key_of(name): item for item in _PRICES for name in COLUMN_NAMES[item]} | {
    "기준가": "base", "수정시가": "adjusted open", "수정고가": "adjusted high", "수정저가": "adjusted low",
    "수정주가": "adjusted close", "수정종가": "adjusted close", "수익률": "change_rate",
}  # fmt: skip
_KOREAN = {
    "open": "시가", "high": "고가", "low": "저가", "close": "종가", "volume": "거래량", "trading_value": "거래대금",
    "market_cap": "시가총액", "listed_shares": "상장주식수", "change_rate": "등락률", "base": "기준가",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WideTable:
    """Long rows with the columns 날짜, 종목코드, 종목명 and those of the items; `units` by key of the column."""

    frame: pl.DataFrame
    units: dict[str, str]
    is_adjusted: bool
    dropped: dict[str, Rows]


@dataclass(frozen=True, kw_only=True)
class _Column:
    place: int
    item: str
    stock: int
    unit: str | None


@dataclass(frozen=True, kw_only=True)
class _Broken:
    """Cells that are no numbers: rows of the long table that have one, and their count and examples by kind."""

    rows: set[int]
    kinds: dict[str, Rows]


def is_wide(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first rows of a sheet label columns by stock and item."""
    found = {label for row in rows if (label := _label(row)) is not None}
    return "code" in found and "item" in found


def _label(row: Sequence[str]) -> str | None:
    filled = [cell for cell in row[:2] if cell.strip()]
    return _LABELS.get(key_of(filled[0])) if filled and len(row) > 1 else None


def wide_table(rows: Iterable[Sequence[str]], *, drop_broken: bool = False) -> WideTable:
    """Return the prices of a wide sheet; items that are not prices are left out and counted.

    Adjusted prices count only when the sheet has no others. FileRefusedError when the sheet has no prices, or a cell
    that is no number; with `drop_broken` the rows (a stock on a day) of such cells are left out and counted.
    """
    remaining = iter(rows)
    labels: dict[str, list[str]] = {}
    first: Sequence[str] | None = None
    for row in remaining:
        label = _label(row)
        if label is not None:
            labels[label] = [cell.strip() for cell in row]
        elif "item" in labels and row and _day(row[0]) is not None:
            first = row
            break
    if first is None:
        raise FileRefusedError("has no row that begins with a date below its labels")
    dropped: dict[str, Rows] = {}
    columns, codes, names, is_adjusted = _columns(labels, dropped)
    days, values, broken = _values(first, remaining, columns, len(codes), dropped)
    if broken.rows and not drop_broken:
        raise FileRefusedError(broken_text(broken.kinds))
    for kind, examples in broken.kinds.items():
        dropped.setdefault(kind, Rows()).add(examples)
    used = list(values)
    frame = pl.DataFrame(
        {
            "날짜": pl.Series(days, dtype=pl.Date).repeat_by(len(codes)).explode(),
            "종목코드": codes * len(days),
            "종목명": names * len(days),
            **{_KOREAN[item]: np.concatenate(values[item]) for item in used},
        }
    )
    if broken.rows:
        readable = np.ones(frame.height, bool)
        readable[list(broken.rows)] = False
        frame = frame.filter(pl.Series(readable))
    frame = frame.filter(pl.any_horizontal([pl.col(_KOREAN[item]).is_not_nan() for item in used]))
    if "base" in used and "close" in used:
        frame = frame.with_columns((pl.col("종가") - pl.col("기준가")).alias("대비")).drop("기준가")
    units = {key_of(_KOREAN[column.item]): column.unit for column in columns if column.unit is not None}
    return WideTable(frame=frame, units=units, is_adjusted=is_adjusted, dropped=dropped)


def _columns(
    labels: dict[str, list[str]], dropped: dict[str, Rows]
) -> tuple[list[_Column], list[str], list[str], bool]:
    codes = labels["code"]
    items, frequencies = labels["item"], labels.get("frequency", [])
    stocks: dict[str, int] = {}
    names: list[str] = []
    found: list[_Column] = []
    for place in range(1, min(len(codes), len(items))):
        if not codes[place] or not items[place]:
            continue
        text, unit = column_name(items[place])
        item = _ITEMS.get(key_of(re.split(r"[(\[]", text)[0]))
        daily = place >= len(frequencies) or frequencies[place].upper() in ("", "D", "DAILY", "일", "일간")
        if item is None or not daily:
            reason = "column of an item that is no price" if item is None else "column of another frequency than daily"
            _count(dropped, reason, f"{codes[place]} {items[place]}")
            continue
        stock = stocks.setdefault(codes[place], len(stocks))
        if stock == len(names):
            known = labels.get("name", [])
            names.append(known[place] if place < len(known) else "")
        found.append(_Column(place=place, item=item, stock=stock, unit=unit))
    raw = any(column.item == "close" for column in found)
    is_adjusted = not raw and any(column.item == "adjusted close" for column in found)
    kept = []
    for column in found:
        item = column.item.removeprefix("adjusted ") if is_adjusted else column.item
        if item.startswith("adjusted "):
            _count(dropped, "column of adjusted prices beside others", f"{codes[column.place]} {items[column.place]}")
        elif is_adjusted and column.item in ("open", "high", "low"):
            _count(
                dropped, "column of raw prices beside adjusted closes", f"{codes[column.place]} {items[column.place]}"
            )
        else:
            kept.append(_Column(place=column.place, item=item, stock=column.stock, unit=column.unit))
    if not any(column.item == "close" for column in kept):
        raise FileRefusedError("has no item 종가 or 수정주가 among its columns")
    return kept, list(stocks), names, is_adjusted


def _values(
    first: Sequence[str], rows: Iterator[Sequence[str]], columns: list[_Column], stocks: int, dropped: dict[str, Rows]
) -> tuple[list[dt.date], dict[str, list[np.ndarray]], _Broken]:
    days: list[dt.date] = []
    broken = _Broken(rows=set(), kinds={})
    values: dict[str, list[np.ndarray]] = {column.item: [] for column in columns}
    row: Sequence[str] | None = first
    number = 0
    while row is not None:
        number += 1
        day = _day(row[0]) if row else None
        if day is None:
            if any(cell.strip() for cell in row):
                _count(dropped, "row that does not begin with a date", f"row {number}")
        else:
            days.append(day)
            cells = {item: np.full(stocks, np.nan) for item in values}
            for column in columns:
                if column.place < len(row) and (cell := row[column.place]):
                    value = _number(cell)
                    if value is None:
                        _count(broken.kinds, f"{_KOREAN[column.item]} is not a number", f"row {number}: {cell[:60]!r}")
                        broken.rows.add((len(days) - 1) * stocks + column.stock)
                    else:
                        cells[column.item][column.stock] = value
            for item, found in cells.items():
                values[item].append(found)
        row = next(rows, None)
    return days, values, broken


def _number(cell: str) -> float | None:
    """Return the number of a cell, NaN for an empty one, None for one that is no number."""
    text = cell.strip()
    if text.lower() in EMPTY:
        return math.nan
    if "," in text and not re.search(GROUPS, text):
        return None
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _day(cell: str) -> dt.date | None:
    found = re.match(r"\s*(\d{4})[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?!\d)", cell)
    try:
        if found is not None:
            return dt.date(int(found[1]), int(found[2]), int(found[3]))
        if re.fullmatch(r"[2-6]\d{4}", cell.strip()):
            return dt.date(1899, 12, 30) + dt.timedelta(days=int(cell))
    except ValueError:
        return None
    return None


def _count(dropped: dict[str, Rows], reason: str, example: str) -> None:
    rows = dropped.setdefault(reason, Rows())
    rows.count += 1
    if len(rows.examples) < EXAMPLES:
        rows.examples.append(example)
