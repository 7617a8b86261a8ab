"""A naive evaluator, cell by cell, to compare the values of expressions with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from shared.language.ast import Arithmetic, Call, Comparison, Index, Logic, Name, Negate, Node, Not, Number
from shared.language.dependencies import whole_number
from shared.model.fields import LANGUAGE_FIELDS
from tests.unit.language.fixtures import SmallPanels

Grid = list[list[Any]]


def naive_values(node: Node, panels: SmallPanels, members: np.ndarray) -> Grid:
    """Return the values of a tree on every row; numbers are floats with NaN for absent."""
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
        inner = naive_values(node.operand, panels, members)
        for d, i in cells:
            out[d][i] = -inner[d][i] if isinstance(node, Negate) else not inner[d][i]
        return out
    if isinstance(node, Arithmetic | Comparison | Logic):
        grids = [naive_values(operand, panels, members) for operand in node.operands]
        for d, i in cells:
            out[d][i] = _combined(node, [grid[d][i] for grid in grids])
        return out
    assert isinstance(node, Call)
    grids = [naive_values(argument, panels, members) for argument in node.arguments]
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
    """Return the sector of a stock on a row: of its last listing entry so far that states one, else the company's."""
    listings = panels.listings
    entries = [k for k in range(len(listings.instrument)) if listings.instrument[k] == column]
    known = [k for k in entries if listings.from_day[k] <= panels.days[row]]
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
