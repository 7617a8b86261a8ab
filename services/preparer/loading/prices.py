"""Prices in bounded memory: checked batch by batch, sorted into files of one part and year, merged with what is loaded.

1. Every batch is checked and its rows are appended to a temporary file per (part of 512 instruments, calendar year).
2. Each such file fits in memory: its rows are sorted by stock and day, and two rows with one key are refused.
3. They are merged with the stored rows of the same part and year; only stocks with a differing row are written again.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from services.preparer.loading.files import MarketFile, batches
from shared.infra.price_copy import compressor, decode_rows, encode_row
from shared.model.calendar import iso, years_of
from shared.model.fields import PART
from shared.model.market_data import PRICE_COLUMNS

_WIDTH = 3 + len(PRICE_COLUMNS)  # stock, day, row in the file, then the prices
_CLOSE, _VOLUME, _SPLIT = (PRICE_COLUMNS.index(name) for name in ("close", "volume", "split"))
_NEVER_NEGATIVE = range(PRICE_COLUMNS.index("listed_shares") + 1)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The instruments of this load: code -> ordinal, and the delisting day of each ordinal (NO_DAY where none)."""

    ordinals: pl.DataFrame  # stock_code, ordinal
    delisted_day: np.ndarray
    codes: list[str]


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What one part and year becomes."""

    part: int
    year: int
    rows: list[bytes]
    """Encoded rows of `price_year` to write."""
    stocks: list[int]
    """Their stocks, whose old rows go."""
    differing: int


def spill_prices(file: MarketFile, known: Known, folder: pathlib.Path, progress: Callable[[int], None]) -> int:
    """Step 1: check every row and sort the rows into files of `folder`; returns how many rows there are."""
    total = 0
    for before, frame in batches(file):
        _append(_checked(file, known, frame, before), folder)
        total = before + frame.height
        progress(total)
    return total


def _checked(file: MarketFile, known: Known, frame: pl.DataFrame, before: int) -> np.ndarray:
    """float64 [14, rows]: ordinal, day, row in the file, prices; LoadError at the first row that breaks a rule."""
    joined = frame.select("stock_code").join(known.ordinals, on="stock_code", how="left", maintain_order="left")
    stock = joined["ordinal"].fill_null(-1).to_numpy()
    day = frame["date"].to_physical().to_numpy()
    columns = np.empty((_WIDTH, frame.height))
    columns[0] = stock
    columns[1] = day
    columns[2] = np.arange(before, before + frame.height)
    prices = columns[3:]
    for number, name in enumerate(PRICE_COLUMNS):
        prices[number] = frame[name].to_numpy() if name in frame.columns else np.nan
    rules: list[tuple[np.ndarray, Callable[[int], str]]] = [
        (
            stock < 0,
            lambda r: f"stock_code {frame['stock_code'][r]} is no company of companies.* or of an earlier load",
        ),
        (
            day >= known.delisted_day[stock],
            lambda r: (
                f"a price on {iso(day[r])}, on or after the delisting "
                f"{iso(known.delisted_day[stock[r]])} of {frame['stock_code'][r]}"
            ),
        ),
    ]
    rules += [_negative(prices, number) for number in _NEVER_NEGATIVE]
    opened, high, low = prices[:3]
    traded = prices[_VOLUME] > 0
    rules += [
        (
            traded & ~(np.minimum(np.minimum(opened, high), low) > 0),
            lambda r: "open, high or low is empty or 0 on a row with volume",
        ),
        ((high < low) & (traded | ((high > 0) & (low > 0))), lambda r: f"high {high[r]:g} is below low {low[r]:g}"),
        (prices[_SPLIT] <= 0, lambda r: f"split is {prices[_SPLIT][r]:g}, expected a number above 0"),
    ]
    _refuse(file, rules, before)
    return columns


def _negative(prices: np.ndarray, number: int) -> tuple[np.ndarray, Callable[[int], str]]:
    return prices[number] < 0, lambda r: f"{PRICE_COLUMNS[number]} is negative ({prices[number][r]:g})"


def _refuse(file: MarketFile, rules: list[tuple[np.ndarray, Callable[[int], str]]], before: int) -> None:
    broken = [(int(np.argmax(mask)), number) for number, (mask, _) in enumerate(rules) if mask.any()]
    if broken:
        row, number = min(broken)
        raise file.error(before + row, rules[number][1](row))


def _append(columns: np.ndarray, folder: pathlib.Path) -> None:
    """Append rows [14, rows] to the file of their part and year, row after row."""
    if not columns.size:
        return
    group = columns[0].astype(np.int32) // PART * 10_000 + years_of(columns[1].astype(np.int32))
    if (group[1:] < group[:-1]).any():
        order = np.argsort(group, kind="stable")
        columns, group = columns[:, order], group[order]
    rows = np.ascontiguousarray(columns.T)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(group)], strict=True):
        with (folder / str(group[start])).open("ab") as out:
            rows[start:stop].tofile(out)


def groups(folder: pathlib.Path) -> Iterator[tuple[int, int, pathlib.Path]]:
    """(part, year, file) in order."""
    for path in sorted(folder.iterdir(), key=lambda p: int(p.name)):
        yield int(path.name) // 10_000, int(path.name) % 10_000, path


def merge_group(
    file: MarketFile, known: Known, group: tuple[int, int, pathlib.Path], stored: bytes | bytearray | None
) -> Merged:
    """Steps 2 and 3 for one part and year; `stored` is the COPY of its rows, None when there are none."""
    part, year, path = group
    new = np.fromfile(path).reshape(-1, _WIDTH)
    path.unlink()
    key = (new[:, 0] - part * PART) * 1_000_000 + new[:, 1]
    order = np.argsort(key, kind="stable")
    new, key = new[order], key[order]
    _refuse_twins(file, known, new, key)
    old = _stored_rows(stored)
    differs = np.ones(len(new), bool)
    merged = new
    if len(old):
        differs = _differs(new, key, old, (old[:, 0] - part * PART) * 1_000_000 + old[:, 1])
        merged = _union(new, old, np.unique(new[differs, 0]))
    stocks = np.unique(new[differs, 0])
    rows = _encoded(merged, year, set(stocks.astype(int).tolist()))
    return Merged(
        part=part,
        year=year,
        rows=rows,
        stocks=stocks.astype(int).tolist(),
        differing=int(differs.sum()),
    )


def _refuse_twins(file: MarketFile, known: Known, rows: np.ndarray, key: np.ndarray) -> None:
    twins = np.flatnonzero(key[1:] == key[:-1])
    if len(twins):
        at = twins[np.argmin(rows[twins + 1, 2])]
        code = known.codes[int(rows[at, 0])]
        raise file.error(
            int(rows[at + 1, 2]),
            f"the key date {iso(int(rows[at, 1]))}, stock_code {code} stands in row {int(rows[at, 2]) + 1} already",
        )


def _stored_rows(stored: bytes | bytearray | None) -> np.ndarray:
    """The stored rows in the shape of new ones (row number 0), ordered by stock and day."""
    blocks: list[np.ndarray] = []
    for stock, _, days, values in decode_rows(stored) if stored else ():
        block = np.zeros((len(days), _WIDTH))
        block[:, 0], block[:, 1], block[:, 3:] = stock, days, values.T
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.empty((0, _WIDTH))


def _differs(new: np.ndarray, key: np.ndarray, old: np.ndarray, old_key: np.ndarray) -> np.ndarray:
    """bool per new row: it is not stored, or it is stored with another value."""
    at = np.minimum(np.searchsorted(old_key, key), len(old) - 1)
    a, b = new[:, 3:], old[at, 3:]
    same: np.ndarray = (old_key[at] == key) & ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    differs: np.ndarray = np.logical_not(same)
    return differs


def _union(new: np.ndarray, old: np.ndarray, stocks: np.ndarray) -> np.ndarray:
    """All rows of `stocks`, a new one in the place of a stored one, ordered by stock and day."""
    both = np.concatenate([old[np.isin(old[:, 0], stocks)], new[np.isin(new[:, 0], stocks)]])
    order = np.lexsort((both[:, 1], both[:, 0]))  # stable: a new row follows the stored one of its key
    both = both[order]
    last = np.ones(len(both), bool)
    last[:-1] = (both[1:, 0] != both[:-1, 0]) | (both[1:, 1] != both[:-1, 1])
    return both[last]


def _encoded(rows: np.ndarray, year: int, stocks: set[int]) -> list[bytes]:
    if not len(rows):
        return []
    columns = np.ascontiguousarray(rows.T)
    starts = np.flatnonzero(np.diff(rows[:, 0], prepend=-1.0))
    found: list[bytes] = []
    shared = compressor()
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        stock = int(rows[start, 0])
        if stock in stocks:
            found.append(encode_row(stock, year, columns[1, start:stop], columns[3:, start:stop], shared))
    return found
