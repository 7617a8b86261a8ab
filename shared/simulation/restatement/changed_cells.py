"""The cells that a request reads and that differ between two versions of a dataset, up to a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from shared.model.calendar import from_day, iso
from shared.model.fields import LANGUAGE_FIELDS, NEVER_TRADED
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.plan import plan
from shared.simulation.restatement.patched_panels import Cells, Reference

BLOCK_ROWS = 64
_NAMES = {panel: name for name, panel in LANGUAGE_FIELDS.items()}
_OF_PRICES = frozenset((*LANGUAGE_FIELDS.values(), "open", "high", "low", "volume", "last", "split", "idle", "adjust"))


@dataclass(frozen=True, kw_only=True)
class CellRun:
    """Neighbouring days of a stock on which a field differs: the days (ISO), and the first day's values (None: absent).

    `field` is a name of the language, a factor, a stored field, or a part of the reference: `dividend`,
    `delisted_on`, `market`, `sector`, or the name of an index, whose `stock_code` is None.
    """

    field: str
    stock_code: str | None
    date: str
    to: str
    days: int
    before: float | str | None
    after: float | str | None
    late: bool

    def document(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class ChangedCells:
    """What differs. `before` and `late` are by field: the earlier values of the later version's cells, and bool [n]:
    the stock's row, or the statement behind the cell, came later."""

    before: dict[str, Cells]
    late: dict[str, np.ndarray]
    reference: list[CellRun]
    """Differences beside the panels."""
    other_days: list[str]
    """Trading days that only one of the versions has."""
    runs: list[CellRun] = field(default_factory=list)

    @property
    def columns(self) -> list[int]:
        """Return the columns of stocks with cells that are not late, in order."""
        found = [cells.columns[~self.late[name]] for name, cells in self.before.items()]
        return np.unique(np.concatenate(found)).tolist() if found else []

    @property
    def has_late(self) -> bool:
        """Return whether some cell, or a part of the reference, came later."""
        return any(mask.any() for mask in self.late.values()) or any(run.late for run in self.reference)


def changed_cells(
    request: BacktestRequest, old: Panels, new: Panels, until: int, late_stocks: Collection[str] = ()
) -> ChangedCells:
    """Compare what a (canonical) request reads on the rows up to day number `until`.

    A cell is late when its stock had no tradable row on the day before, or when it is a factor and its stock is one of
    `late_stocks`, whose statements were loaded after their disclosure.
    """
    stop = int(new.days.searchsorted(until, "right"))
    whole = msgspec.structs.replace(request, end=max(from_day(until), request.start), benchmark=None)
    needs = {**plan(whole, new.days).needs}
    needs.setdefault("adj_close", needs["open"])
    first = min(rows.start for rows in needs.values())
    before, after = old.days[old.days <= until], new.days[:stop]
    begin = int(new.days[first]) if first < len(new.days) else until
    other = np.setxor1d(before[before >= begin], after[after >= begin])
    found: dict[str, Cells] = {}
    late: dict[str, np.ndarray] = {}
    stocks = np.array([new.instruments.ordinal[code] for code in late_stocks if code in new.instruments.ordinal], int)
    for name, rows in sorted(needs.items()):
        if not _is_stored(name, old) or not _is_stored(name, new):
            continue
        cells = _differences(name, old, new, slice(rows.start, min(rows.stop, stop)))
        if not len(cells.rows):
            continue
        found[name] = cells
        late[name] = _came_late(old, new, cells)
        if name not in _OF_PRICES:
            late[name] |= np.isin(cells.columns, stocks)
    changes = ChangedCells(
        before=found, late=late, reference=_reference_runs(old, new, until), other_days=[iso(int(day)) for day in other]
    )
    for name, cells in found.items():
        changes.runs.extend(_runs(name, cells, late[name], new))
    changes.runs.extend(changes.reference)
    return changes


def _is_stored(name: str, panels: Panels) -> bool:
    return name in panels.factors or not name.isupper()


def _old_rows(old: Panels, new: Panels, rows: slice) -> np.ndarray:
    """Return the old row of each new row; -1 where the old version does not have its day."""
    days = new.days[rows]
    at = np.minimum(np.searchsorted(old.days, days), len(old.days) - 1)
    found: np.ndarray = np.where(old.days[at] == days, at, -1)
    return found


def _differences(name: str, old: Panels, new: Panels, rows: slice) -> Cells:
    """Return the cells that differ with their old values, day by day; days of one version only are left out."""
    row_parts, column_parts, value_parts = [], [], []
    for start in range(rows.start, rows.stop, BLOCK_ROWS):
        block = slice(start, min(start + BLOCK_ROWS, rows.stop))
        of_old = _old_rows(old, new, block)
        known = np.flatnonzero(of_old >= 0)
        if not len(known):
            continue
        from_row = int(of_old[known[0]])
        rows_of_old = slice(from_row, int(of_old[known[-1]]) + 1)
        before = old.panel(name, rows_of_old)[of_old[known] - from_row]
        after = new.panel(name, block)[known]
        if before.shape[1] < after.shape[1]:
            absent = np.full((len(known), after.shape[1] - before.shape[1]), _absent(name, after.dtype), after.dtype)
            before = np.hstack([before, absent])
        same = before == after
        if after.dtype.kind == "f":
            same |= np.isnan(before) & np.isnan(after)
        at, columns = np.nonzero(~same)
        row_parts.append(known[at] + block.start)
        column_parts.append(columns)
        value_parts.append(before[at, columns])
    if not row_parts:
        return Cells(rows=np.empty(0, int), columns=np.empty(0, int), values=np.empty(0))
    return Cells(
        rows=np.concatenate(row_parts), columns=np.concatenate(column_parts), values=np.concatenate(value_parts)
    )


def _absent(name: str, dtype: np.dtype) -> Any:
    """Return what a field has where a stock has no row."""
    if name == "idle":
        return NEVER_TRADED
    if name in {"split", "adjust"}:
        return 1
    return np.nan if dtype.kind == "f" else 0


def _came_late(old: Panels, new: Panels, cells: Cells) -> np.ndarray:
    """Return bool [n]: the stock had no tradable row on the day, and has one."""
    found = np.zeros(len(cells.rows), bool)
    for row in np.unique(cells.rows).tolist():
        inside = cells.rows == row
        old_row = int(_old_rows(old, new, slice(row, row + 1))[0])
        after = new.panel("open", slice(row, row + 1))[0]
        before = np.full(len(after), np.nan)
        opened = old.panel("open", slice(old_row, old_row + 1))[0]
        before[: len(opened)] = opened
        found[inside] = (np.isnan(before) & ~np.isnan(after))[cells.columns[inside]]
    return found


def _runs(name: str, cells: Cells, late: np.ndarray, new: Panels) -> list[CellRun]:
    found = []
    for column in np.unique(cells.columns).tolist():
        at = np.flatnonzero(cells.columns == column)
        rows = cells.rows[at]
        ends = np.flatnonzero((np.diff(rows) != 1) | (late[at][1:] != late[at][:-1]))
        for first, last in zip([0, *(ends + 1)], [*ends, len(at) - 1], strict=True):
            row = int(rows[first])
            found.append(
                CellRun(
                    field=_NAMES.get(name, name), stock_code=new.instruments.code[column], date=iso(int(new.days[row])),
                    to=iso(int(new.days[rows[last]])), days=int(last - first + 1),
                    before=_number(cells.values[at[first]]),
                    after=_number(new.panel(name, slice(row, row + 1))[0, column]), late=bool(late[at[first]]),
                )
            )  # fmt: skip
    return found


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _reference_runs(old: Panels, new: Panels, until: int) -> list[CellRun]:
    """Return the differences of indices, dividends and instruments."""
    found = []
    for name in sorted(old.indices.keys() | new.indices.keys()):
        series = _series(old, name, until), _series(new, name, until)
        found += [_point(name, None, day, *values) for day, values in _unequal(*series)]
    paid = _paid(old, until), _paid(new, until)
    found += [_point("dividend", code, day, *values) for (code, day), values in _unequal(*paid)]
    for name in ("delisted_on", "market", "sector"):
        known = _attribute(old, name, until), _attribute(new, name, until)
        found += [_point(name, code, day, *values, late=False) for (code, day), values in _unequal(*known)]
    return found


def _unequal(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> list[tuple[Any, tuple[Any, Any]]]:
    """Return (key, (value before, value after)) where two mappings differ, by key; None for a key that is missing."""
    pairs = ((key, (one.get(key), other.get(key))) for key in sorted(one.keys() | other.keys()))
    return [(key, values) for key, values in pairs if values[0] != values[1]]


def _attribute(panels: Panels, name: str, until: int) -> dict[tuple[str, int], str]:
    """Return an attribute by (code, day from which it holds), of companies and of listings up to a day."""
    codes = panels.instruments.code
    values = getattr(panels.instruments, name)
    found = {
        (code, until): iso(value) if name == "delisted_on" else value
        for code, value in zip(codes, values, strict=True)
        if value is not None
    }
    if name != "delisted_on":
        rows = panels.listings
        entries = zip(rows.instrument.tolist(), rows.from_day.tolist(), getattr(rows, name), strict=True)
        found |= {(codes[stock], day): value for stock, day, value in entries if day <= until and value is not None}
    return found


def _point(name: str, code: str | None, day: int, before: Any, after: Any, *, late: bool | None = None) -> CellRun:
    return CellRun(
        field=name, stock_code=code, date=iso(day), to=iso(day), days=1, before=before, after=after,
        late=before is None if late is None else late,
    )  # fmt: skip


def _series(panels: Panels, name: str, until: int) -> dict[int, float]:
    series = panels.indices.get(name)
    if series is None:
        return {}
    return {int(d): float(v) for d, v in zip(panels.days, series, strict=True) if d <= until and not np.isnan(v)}


def _paid(panels: Panels, until: int) -> dict[tuple[str, int], float]:
    found: dict[tuple[str, int], float] = {}
    rows = panels.dividends
    for stock, day, won in zip(rows.instrument.tolist(), rows.ex_date.tolist(), rows.dps.tolist(), strict=True):
        if day <= until:
            key = panels.instruments.code[stock], day
            found[key] = found.get(key, 0.0) + won
    return found


def reference_without_late(old: Panels, new: Panels) -> Reference:
    """Return the later version's reference without the dividends that came late."""
    known = set(_paid(old, 2**31 - 1))
    rows = new.dividends
    kept = [
        (new.instruments.code[stock], day) in known
        for stock, day in zip(rows.instrument.tolist(), rows.ex_date.tolist(), strict=True)
    ]
    return Reference(
        instruments=new.instruments, dividends=rows.select(np.array(kept, bool)), listings=new.listings,
        indices=new.indices,
    )  # fmt: skip
