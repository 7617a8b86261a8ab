"""Prices in bounded memory: checked batch by batch, sorted into files of one part and year, merged with stored rows.

1. Every batch is checked and its rows are appended to a temporary file per (part of 512 instruments, calendar year).
2. Each such file fits in memory: its rows are sorted by stock and day, and two rows with one key are refused, unless
   they are equal and of two files.
3. They are merged with the stored rows of the same part and year; only stocks with a differing row are written again.
"""

from __future__ import annotations

import pathlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from services.preparer.loading.base_price_check import BasePriceCheck
from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.files import MarketFiles
from services.preparer.loading.known import Known
from services.preparer.loading.price_rules import PriceCounts, PriceRows, check_rows
from services.preparer.loading.refusals import Refusals
from services.preparer.loading.typed_rows import batches
from shared.infra.price_copy import compressor, decode_rows, encode_row
from shared.model.calendar import iso, years_of
from shared.model.fields import PART
from shared.model.market_data import PRICE_COLUMNS

ChangeUnit = Literal["won", "fraction"]
"""What the column `change` holds: won, or a fraction of the base price (0.03 for 3 %)."""

_KEY_COLUMNS = 3  # stock, day, row in the file
_WIDTH = _KEY_COLUMNS + len(PRICE_COLUMNS)
MAX_GROUP_ROWS = 2**20
"""Rows of a part and year in its file beyond which repeated ones are left out at once; without them it has 190,000."""
_CHANGE, _RATE = PRICE_COLUMNS.index("change"), PRICE_COLUMNS.index("change_rate")


@dataclass(frozen=True, kw_only=True)
class MergedGroup:
    """What one part and year becomes."""

    part: int
    year: int
    rows: list[bytes]
    """Encoded rows of `price_year` to write."""
    stocks: list[int]
    """Their stocks, whose stored rows they replace."""
    differing: int
    days: list[int] = field(default_factory=list)
    """Days of the new rows that differ."""


def spill_prices(  # noqa: PLR0917
    file: MarketFiles,
    known: Known,
    folder: pathlib.Path,
    counts: PriceCounts,
    change_unit: ChangeUnit,
    refusals: Refusals,
    progress: Callable[[int], None],
) -> int:
    """Step 1: check every row and write the rows to files of `folder`; returns how many rows there are."""
    total = 0
    broken = BrokenRows(file)
    sizes: Counter[int] = Counter()
    for before, frame in batches(file, broken):
        columns = _columns_of(known, frame, before, change_unit)
        rows = PriceRows(
            before=before, stock=columns[0].astype(np.int32), day=columns[1].astype(np.int32),
            prices=columns[_KEY_COLUMNS:],
        )  # fmt: skip
        if check_rows(broken, known, frame["stock_code"], rows, counts, refusals):
            sizes.update(_append(columns, folder))
            for group in [group for group, rows in sizes.items() if rows > MAX_GROUP_ROWS]:
                sizes[group] = _leave_out_repeated(file, known, folder / str(group))
        total = before + frame.height
        progress(total)
    broken.refuse()
    return total


def _columns_of(known: Known, frame: pl.DataFrame, before: int, change_unit: ChangeUnit) -> np.ndarray:
    """Return float64 [14, rows]: ordinal (-1 for an unknown code), day, row in the file, prices."""
    joined = frame.select("stock_code").join(known.ordinals, on="stock_code", how="left", maintain_order="left")
    columns = np.empty((_WIDTH, frame.height))
    columns[0] = joined["ordinal"].fill_null(-1).to_numpy()
    columns[1] = frame["date"].to_physical().to_numpy()
    columns[2] = np.arange(before, before + frame.height)
    prices = columns[_KEY_COLUMNS:]
    for number, name in enumerate(PRICE_COLUMNS):
        prices[number] = frame[name].to_numpy() if name in frame.columns else np.nan
    if change_unit == "fraction":
        prices[_RATE] = np.where(np.isnan(prices[_RATE]), prices[_CHANGE] * 100, prices[_RATE])
        prices[_CHANGE] = np.nan
    return columns


def _append(columns: np.ndarray, folder: pathlib.Path) -> dict[int, int]:
    """Append rows [14, rows] to the file of their part and year, row after row; return how many to each."""
    if not columns.size:
        return {}
    group = columns[0].astype(np.int32) // PART * 10_000 + years_of(columns[1].astype(np.int32))
    if (group[1:] < group[:-1]).any():
        order = np.argsort(group, kind="stable")
        columns, group = columns[:, order], group[order]
    rows = np.ascontiguousarray(columns.T)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    added: dict[int, int] = {}
    for start, stop in zip(starts, [*starts[1:], len(group)], strict=True):
        with (folder / str(group[start])).open("ab") as out:
            rows[start:stop].tofile(out)
        added[int(group[start])] = int(stop - start)
    return added


def _leave_out_repeated(file: MarketFiles, known: Known, path: pathlib.Path) -> int:
    """Write the file of a part and year again without rows that are in another file already; return how many are left.

    LoadError as of `merge_group`: a file that repeats rows of its own is refused before it fills the disk.
    """
    rows, _ = _ordered(file, known, int(path.name) // 10_000, path)
    rows.tofile(path)
    return len(rows)


def _ordered(file: MarketFiles, known: Known, part: int, path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of a part and year and their keys, ordered by key, without repeated ones."""
    new = np.fromfile(path).reshape(-1, _WIDTH)
    key = (new[:, 0] - part * PART) * 1_000_000 + new[:, 1]
    order = np.argsort(key, kind="stable")
    new, key = new[order], key[order]
    kept = _without_repeated(file, known, new, key)
    return new[kept], key[kept]


def groups(folder: pathlib.Path) -> Iterator[tuple[int, int, pathlib.Path]]:
    """Yield (part, year, file) in order."""
    for path in sorted(folder.iterdir(), key=lambda p: int(p.name)):
        yield int(path.name) // 10_000, int(path.name) % 10_000, path


def merge_group(
    file: MarketFiles,
    known: Known,
    group: tuple[int, int, pathlib.Path],
    stored: bytes | bytearray | None,
    base_prices: BasePriceCheck,
) -> MergedGroup:
    """Steps 2 and 3 for one part and year; `stored` is the COPY of its rows, None when there are none."""
    part, year, path = group
    new, key = _ordered(file, known, part, path)
    path.unlink()
    old = _stored_rows(stored)
    differs = np.ones(len(new), bool)
    merged = new
    if len(old):
        differs = _differs(new, key, old, (old[:, 0] - part * PART) * 1_000_000 + old[:, 1])
        merged = _union(new, old, np.unique(new[differs, 0]))
    columns = np.ascontiguousarray(merged.T)
    base_prices.add(columns[0].astype(np.int64), columns[_KEY_COLUMNS:])
    stocks = np.unique(new[differs, 0]).astype(int).tolist()
    return MergedGroup(
        part=part,
        year=year,
        rows=_encoded(columns, year, set(stocks)),
        stocks=stocks,
        differing=int(differs.sum()),
        days=np.unique(new[differs, 1]).astype(int).tolist(),
    )


def _without_repeated(file: MarketFiles, known: Known, rows: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Return which rows (ordered by key) to load: an equal row of another file counts once.

    LoadError for a key that is twice in one file, or in two files with different values.
    """
    kept = np.ones(len(rows), bool)
    again = np.flatnonzero(key[1:] == key[:-1]) + 1
    if not len(again):
        return kept
    values, numbers = rows[:, _KEY_COLUMNS:], file.files_of(rows[:, 2])
    same = ((values[again] == values[again - 1]) | (np.isnan(values[again]) & np.isnan(values[again - 1]))).all(axis=1)
    equal = same & (numbers[again] != numbers[again - 1])
    kept[again[equal]] = False
    broken = BrokenRows(file)

    def reason(at: int) -> str:
        day, code, first = iso(int(rows[at, 1])), known.codes[int(rows[at, 0])], int(rows[at - 1, 2])
        place, values = f"row {first - file.starts[int(numbers[at])] + 1}", ""
        if numbers[at] != numbers[at - 1]:
            place, values = file.where(first), ", with other values"
        return f"the key date {day}, stock_code {code} is in {place} already{values}"

    wrong = again[~equal]
    at_row = {int(rows[at, 2]): int(at) for at in wrong}
    broken.add("the key is in another row already", sorted(at_row), lambda row: reason(at_row[row]))
    broken.refuse()
    return kept


def _stored_rows(stored: bytes | bytearray | None) -> np.ndarray:
    """Return the stored rows in the shape of new ones (row number 0), ordered by stock and day."""
    blocks: list[np.ndarray] = []
    for stock, _, days, values in decode_rows(stored) if stored else ():
        block = np.zeros((len(days), _WIDTH))
        block[:, 0], block[:, 1], block[:, _KEY_COLUMNS:] = stock, days, values.T
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.empty((0, _WIDTH))


def _differs(new: np.ndarray, key: np.ndarray, old: np.ndarray, old_key: np.ndarray) -> np.ndarray:
    """Return bool per new row: it is not stored, or it is stored with another value."""
    at = np.minimum(np.searchsorted(old_key, key), len(old) - 1)
    a, b = new[:, _KEY_COLUMNS:], old[at, _KEY_COLUMNS:]
    same: np.ndarray = (old_key[at] == key) & ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    differs: np.ndarray = np.logical_not(same)
    return differs


def _union(new: np.ndarray, old: np.ndarray, stocks: np.ndarray) -> np.ndarray:
    """Return all rows of `stocks`, a new one instead of a stored one of its key, ordered by stock and day."""
    both = np.concatenate([old[np.isin(old[:, 0], stocks)], new[np.isin(new[:, 0], stocks)]])
    order = np.lexsort((both[:, 1], both[:, 0]))  # stable: a new row follows the stored one of its key
    both = both[order]
    last = np.ones(len(both), bool)
    last[:-1] = (both[1:, 0] != both[:-1, 0]) | (both[1:, 1] != both[:-1, 1])
    return both[last]


def _encoded(columns: np.ndarray, year: int, stocks: set[int]) -> list[bytes]:
    """Return the rows of `price_year` of these stocks; columns: [14, rows], ordered by stock and day."""
    if not columns.shape[1]:
        return []
    starts = np.flatnonzero(np.diff(columns[0], prepend=-1.0))
    found: list[bytes] = []
    shared = compressor()
    for start, stop in zip(starts, [*starts[1:], columns.shape[1]], strict=True):
        stock = int(columns[0, start])
        if stock in stocks:
            found.append(encode_row(stock, year, columns[1, start:stop], columns[_KEY_COLUMNS:, start:stop], shared))
    return found
