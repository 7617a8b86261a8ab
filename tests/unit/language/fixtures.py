"""A small dataset in memory for the tests of the language, and a slow plain evaluator to compare with."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number
from shared.language.dependencies import whole_number
from shared.model.calendar import to_day, year_slices
from shared.model.fields import LANGUAGE_FIELDS, dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings

FACTORS = ("PER", "PBR", "ROE", "MOMENTUM_3M")
FIELDS = ("close", "volume", "trading_value", "raw_close")
INDICES = ("KOSPI", "KOSDAQ")
Grid = list[list[Any]]
_versions = itertools.count()


class SmallPanels:
    """Panels of a few stocks over parts of three years; records reads and the scratch years that were computed."""

    def __init__(  # noqa: PLR0917
        self,
        fields: dict[str, np.ndarray],
        days: np.ndarray,
        codes: tuple[str, ...],
        sector: tuple,
        indices: dict[str, np.ndarray],
        listings: Listings = NO_LISTINGS,
    ) -> None:
        self.fields = fields
        self.days = days
        self.version = f"small-{next(_versions)}"
        n = len(codes)
        self.instruments = Instruments(
            code=codes, name=codes, name_en=(None,) * n, market=("KOSPI",) * n, sector=sector,
            listed_on=(None,) * n, delisted_on=(None,) * n,
        )  # fmt: skip
        self.indices = indices
        none = np.zeros(0, np.int32)
        self.dividends = Dividends(instrument=none, ex_date=none, dps=np.zeros(0), disclosed_on=none)
        self.listings = listings
        self.factors = frozenset(FACTORS)
        self.kept: dict[str, tuple[np.ndarray, set[int]]] = {}
        self.made: list[tuple[str, int]] = []
        self.read: dict[str, slice] = {}

    def panel(self, field: str, rows: slice) -> np.ndarray:
        assert 0 <= rows.start <= rows.stop <= len(self.days)
        before = self.read.get(field, rows)
        self.read[field] = slice(min(before.start, rows.start), max(before.stop, rows.stop))
        return self.fields[field][rows]

    def scratch(self, key: str, dtype: np.dtype, rows: slice, make: Callable[[slice], np.ndarray]) -> np.ndarray:
        assert 0 <= rows.start <= rows.stop <= len(self.days)
        whole, years = self.kept.setdefault(key, (np.empty((len(self.days), len(self.instruments)), dtype), set()))
        for year, span in year_slices(self.days).items():
            if span.start < rows.stop and rows.start < span.stop and year not in years:
                values = make(span)
                assert values.dtype == dtype
                whole[span] = values
                years.add(year)
                self.made.append((key, year))
        found = whole[rows]
        found.flags.writeable = False
        return found

    def absent_reason(self, factor: str) -> str | None:
        return None

    def permuted(self, order: np.ndarray) -> SmallPanels:
        """The same market with its columns in another order."""
        codes = tuple(self.instruments.code[i] for i in order)
        sector = tuple(self.instruments.sector[i] for i in order)
        fields = {name: np.ascontiguousarray(values[:, order]) for name, values in self.fields.items()}
        kept = self.listings.select(np.isin(self.listings.instrument, order))
        columns = [order.tolist().index(column) for column in kept.instrument]
        moved = replace(kept, instrument=np.array(columns, np.int32))
        listings = moved.select(np.lexsort((moved.from_day, moved.instrument)))
        return SmallPanels(fields, self.days, codes, sector, self.indices, listings)

    def cut(self, rows: int) -> SmallPanels:
        """The same market as it was when only the first rows were known."""
        fields = {name: values[:rows] for name, values in self.fields.items()}
        indices = {name: series[:rows] for name, series in self.indices.items()}
        return SmallPanels(
            fields, self.days[:rows], self.instruments.code, self.instruments.sector, indices, self.listings
        )


def small_panels(seed: int = 1, years: tuple[int, ...] = (25, 22, 24), stocks: int = 9) -> SmallPanels:
    """A random market with ties, gaps, zeros, constant stretches and a stock without any value; strided panels."""
    rng = np.random.default_rng(seed)
    starts = [dt.date(2021 + i, 1, 4) for i in range(len(years))]
    days = np.array([to_day(s) + i for s, n in zip(starts, years, strict=True) for i in range(n)], np.int32)
    rows = len(days)
    fields = {}
    for name in (*FACTORS, *(LANGUAGE_FIELDS[field] for field in FIELDS)):
        values = np.round(rng.normal(8, 10, (rows, stocks)), 1)
        values[rng.random(values.shape) < 0.3] = 3.0
        if name in LANGUAGE_FIELDS.values():
            values = np.abs(values) * 1000
        values[rng.random(values.shape) < 0.08] = np.nan
        values[rng.random(values.shape) < 0.05] = 0.0
        values[5:20, 2 % stocks] = 7.3
        values[:, 4 % stocks] = np.where(np.isnan(values[:, 4 % stocks]), 2.0, values[:, 4 % stocks])
        values[:, stocks - 1] = np.nan
        wide = np.full((rows, stocks + 7), np.nan, dtype_of(name))
        wide[:, :stocks] = values
        fields[name] = wide[:, :stocks]
    codes = tuple(f"{(i * 37) % 101:06d}" for i in range(stocks))
    sector = tuple((None, "Steel", "Banks", "Ships")[i % 4] for i in range(stocks))
    indices = {name: np.round(np.abs(rng.normal(8, 6, rows)), 1) for name in INDICES}
    for series in indices.values():
        series[rng.random(rows) < 0.2] = np.nan
        series[rng.random(rows) < 0.05] = -1.0
        series[:2] = np.nan
        series[30:45] = np.nan
    listings = Listings(
        instrument=np.array([1, 1, 2], np.int32),
        from_day=np.array([days[0], days[min(30, rows - 1)], days[min(5, rows - 1)]], np.int32),
        market=("KOSPI",) * 3,
        name=(None,) * 3,
        sector=("Banks", "Ships", "Steel"),
    )
    return SmallPanels(fields, days, codes, sector, indices, listings.select(listings.instrument < stocks))


def universe_of(panels: SmallPanels, seed: int = 2) -> Callable[[slice], np.ndarray]:
    """A random universe that is the same for a stock and day whatever the order of columns and the rows known."""
    order = np.array([int(code) for code in panels.instruments.code])
    members = np.random.default_rng(seed).random((200, 101)) < 0.8
    return lambda rows: np.ascontiguousarray(members[rows][:, order])


def plain(node: Node, panels: SmallPanels, members: np.ndarray) -> Grid:
    """Values of a tree on every row, cell by cell; numbers are floats with NaN for absent."""
    rows, stocks = len(panels.days), len(panels.instruments)
    cells = [(d, i) for d in range(rows) for i in range(stocks)]
    out: Grid = [[None] * stocks for _ in range(rows)]
    if isinstance(node, Index):
        series = carried(panels.indices[node.name].tolist())
        for d, i in cells:
            out[d][i] = series[d]
        return out
    if isinstance(node, Number | Name):
        values = None if isinstance(node, Number) else panels.fields[LANGUAGE_FIELDS.get(node.name, node.name)]
        for d, i in cells:
            out[d][i] = node.value if isinstance(node, Number) else float(values[d, i])  # type: ignore[index]
        return out
    if isinstance(node, Negate | Not):
        inner = plain(node.operand, panels, members)
        for d, i in cells:
            out[d][i] = -inner[d][i] if isinstance(node, Negate) else not inner[d][i]
        return out
    if isinstance(node, Arithmetic | Comparison | Logic):
        grids = [plain(operand, panels, members) for operand in node.operands]
        for d, i in cells:
            out[d][i] = _combined(node, [grid[d][i] for grid in grids])
        return out
    assert isinstance(node, Call)
    grids = [plain(argument, panels, members) for argument in node.arguments]
    if node.function in _ELEMENT:
        for d, i in cells:
            out[d][i] = _ELEMENT[node.function](*(grid[d][i] for grid in grids))
        return out
    if node.function in ("lag", "delta", "pct_change") or node.function == "ema" or node.function.startswith("ts_"):
        n = whole_number(node)
        for i in range(stocks):
            series = [[grid[d][i] for d in range(rows)] for grid in grids[:-1]]
            below = node.arguments[0]
            while isinstance(below, Call) and below.function == "lag":
                below = below.arguments[0]
            prices = isinstance(below, Name) and below.name in LANGUAGE_FIELDS
            for d, value in enumerate(_series(node.function, series, n, prices=prices)):
                out[d][i] = value
        return out
    p = node.arguments[-1].value if isinstance(node.arguments[-1], Number) else 0.0
    by_code = sorted(range(stocks), key=panels.instruments.code.__getitem__)
    if node.function.startswith("row_"):
        for d in range(rows):
            inside = [grids[0][d][i] for i in by_code if members[d, i]]
            out[d] = [_aggregate(node.function, inside)] * stocks
        return out
    for d in range(rows):
        inside = [i for i in by_code if members[d, i] and not math.isnan(grids[0][d][i])]
        sectors = [sector_on(panels, i, d) for i in range(stocks)]
        for i in range(stocks):
            group = inside
            if node.function.startswith("sector_"):
                group = [j for j in inside if sectors[j] == sectors[i] is not None]
            out[d][i] = (
                _across(node.function, grids[0][d][i], [grids[0][d][j] for j in group], p) if i in group else math.nan
            )
    return out


def sector_on(panels: SmallPanels, column: int, row: int) -> str | None:
    """The sector of a stock on a row: of its last entry in the listings so far, its first one also before."""
    listings = panels.listings
    entries = [k for k in range(len(listings.instrument)) if listings.instrument[k] == column]
    known = [k for k in entries if listings.from_day[k] <= panels.days[row]] or entries[:1]
    stated = [listings.sector[k] for k in known if listings.sector[k] is not None]
    return stated[-1] if stated else panels.instruments.sector[column]


def carried(series: list[float]) -> list[float]:
    """An index series row by row: a value of 0 or less is none, and a value is carried over at most 10 rows."""
    found = []
    for d in range(len(series)):
        recent = [value for value in series[max(0, d - 10) : d + 1] if value > 0]
        found.append(recent[-1] if recent else math.nan)
    return found


def _aggregate(function: str, inside: list[Any]) -> float:
    if function == "row_count":
        return float(sum(inside))
    values = [value for value in inside if not math.isnan(value)]
    if function == "row_sum":
        return finite(_total(values))
    if not values:
        return math.nan
    if function == "row_mean":
        return finite(values[0] + _total([value - values[0] for value in values]) / len(values))
    values.sort()
    low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
    return finite(low + (high - low) * 0.5)


def single(value: float) -> float:
    """Rounded to float32, beyond its range infinite."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _combined(node: Arithmetic | Comparison | Logic, values: list[Any]) -> Any:
    if isinstance(node, Logic):
        return all(values) if node.operator == "and" else any(values)
    if isinstance(node, Comparison):
        return all(_holds(sign, a, b) for sign, a, b in zip(node.operators, values, values[1:], strict=False))
    total = values[0]
    for sign, value in zip(node.operators, values[1:], strict=True):
        if sign == "/":
            total = math.nan if value == 0 else finite(total / value)
        else:
            total = finite({"+": total + value, "-": total - value, "*": total * value}[sign])
    return total


def _holds(sign: str, a: float, b: float) -> bool:
    a, b = single(a), single(b)
    if math.isnan(a) or math.isnan(b):
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[sign]


def _either(pick: Callable[[float, float], float]) -> Callable[[float, float], float]:
    return lambda x, y: math.nan if math.isnan(x) or math.isnan(y) else pick(x, y)


_ELEMENT: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "log": lambda x: math.log(x) if x > 0 else math.nan,
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "sign": lambda x: math.nan if math.isnan(x) else float((x > 0) - (x < 0)),
    "min": _either(min),
    "max": _either(max),
    "clip": lambda x, lo, hi: _either(min)(_either(max)(x, lo), hi),
    "if": lambda c, x, y: x if c else y,
    "coalesce": lambda x, y: y if math.isnan(x) else x,
    "is_null": math.isnan,
    "not_null": lambda x: not math.isnan(x),
}


def _series(function: str, series: list[list[float]], n: int, *, prices: bool) -> list[float]:
    x = series[0]
    found: list[float] = []
    carry = math.nan
    for d, now in enumerate(x):
        if function == "ema":
            if not math.isnan(now):
                carry = now if math.isnan(carry) else carry + 2 / (n + 1) * (now - carry)
            found.append(math.nan if math.isnan(now) else carry)
        elif function in ("lag", "delta", "pct_change"):
            then = x[d - n] if d >= n else math.nan
            if prices and abs(now - then) < 1e-9 * abs(then):
                now = then  # noqa: PLW2901
            change = math.nan if then == 0 else finite(finite(now / then) - 1) * 100
            found.append({"lag": then, "delta": now - then, "pct_change": change}[function])
        else:
            windows = [s[d - n + 1 : d + 1] for s in series] if d + 1 >= n else [[math.nan]]
            absent = any(math.isnan(value) for window in windows for value in window)
            found.append(math.nan if absent else _window(function, windows, n))
    return found


def _window(function: str, windows: list[list[float]], n: int) -> float:
    x = windows[0]
    if function in ("ts_min", "ts_max"):
        return min(x) if function == "ts_min" else max(x)
    if function == "ts_sum":
        return _total(x)
    if function == "ts_rank":
        return (_place(x[-1], x) - 1) / (n - 1)
    mean, away = _around(x)
    if function == "ts_mean":
        return x[0] + mean
    squares = _total([d * d for d in away])
    if function == "ts_std":
        return math.sqrt(squares / (n - 1)) if n > 1 else math.nan
    others = _around(windows[1])[1]
    below = math.sqrt(squares) * math.sqrt(_total([e * e for e in others]))
    return (
        max(-1.0, min(1.0, _total([d * e for d, e in zip(away, others, strict=True)]) / below)) if below else math.nan
    )


def _total(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def _around(x: list[float]) -> tuple[float, list[float]]:
    """Mean of the distances from the first value, and each distance from the mean."""
    mean = _total([v - x[0] for v in x]) / len(x)
    return mean, [(v - x[0]) - mean for v in x]


def _place(value: float, values: list[float]) -> float:
    mine = single(value)
    less = sum(single(v) < mine for v in values)
    return less + (sum(single(v) == mine for v in values) + 1) / 2


def _across(function: str, value: float, group: list[float], p: float) -> float:
    n = len(group)
    if function in ("rank", "sector_rank"):
        return _place(value, group)
    if function == "rank_desc":
        return n + 1 - _place(value, group)
    if function == "pct_rank":
        return (_place(value, group) - 1) / (n - 1) if n > 1 else math.nan
    if function == "winsorize":
        low, high = (float(np.quantile(group, q)) for q in (p / 100, 1 - p / 100))
        return min(max(value, low), high)
    mean, away = _around(group)
    mine = (value - group[0]) - mean
    if function != "zscore":
        return mine
    deviation = math.sqrt(_total([d * d for d in away]) / (n - 1)) if n > 1 else 0.0
    return mine / deviation if deviation else math.nan
