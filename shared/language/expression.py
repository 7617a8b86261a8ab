"""A checked expression with the facts that planning needs: names it reads, look-back, and amount of work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from shared.errors import RequestError
from shared.language.ast import Call, Comparison, Index, Logic, Name, Node, children, size
from shared.language.dependencies import ALL_ROWS, own_lookback, whole_number
from shared.language.functions import BY_NAME
from shared.language.names import index_names
from shared.language.parser import parse
from shared.language.printer import render
from shared.language.scope import is_aggregate, is_cross_section, is_market_wide
from shared.language.typecheck import Checker, Role
from shared.model.fields import LANGUAGE_FIELDS


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A condition or number over [rows x instruments], or one value a row, that has passed every check.

    `fields` are panel fields, `factors` factor keys, `indices` index series in capitals. `market_wide`: all stocks of a
    row have the same value. `needs_universe`: a cross-section function or a row aggregate is in it. `lookback` is the
    number of rows before a row that its value reads (`ema` not counted: then `whole_history` is true). `reach` is that
    look-back for each factor, ALL_ROWS under `ema`; `nearest` is the fewest rows back at which a factor is read: above
    0 where every mention of it is below a `lag`. `work` is about the nanoseconds for each cell (see `work_of`);
    `planes` the most bytes of intermediate values that are stored for each cell; `windows` are the calls of window
    functions.
    """

    text: str
    node: Node = field(repr=False)
    role: Role
    fields: frozenset[str]
    factors: frozenset[str]
    indices: frozenset[str]
    lookback: int
    whole_history: bool
    needs_universe: bool
    market_wide: bool
    nodes: int
    work: int
    planes: int
    windows: tuple[Call, ...]
    reach: Mapping[str, int] = field(compare=False, repr=False, hash=False)
    nearest: Mapping[str, int] = field(compare=False, repr=False, hash=False)


def describe(node: Node, role: Role) -> Expression:
    """Return the expression of a tree that has passed every check."""
    reach: dict[str, int] = {}
    nearest: dict[str, int] = {}
    fields: set[str] = set()
    indices: set[str] = set()
    lookback, whole_history, needs_universe = 0, False, False
    nodes = work = planes = 0
    windows: list[Call] = []
    pending = [(node, 0, 0, False)]
    while pending:
        current, before, least, endless = pending.pop()
        own = own_lookback(current)
        if own == ALL_ROWS:
            own, endless, whole_history = 0, True, True
        back = before + own
        lookback = max(lookback, back)
        nodes += size(current)
        work += work_of(current)
        planes += stored_bytes_of(current)
        needs_universe = needs_universe or is_cross_section(current) or is_aggregate(current)
        if isinstance(current, Call) and BY_NAME[current.function].family == "window":
            windows.append(current)
            if current.function == "lag":
                least += own
        if isinstance(current, Index):
            indices.add(current.name)
        elif isinstance(current, Name):
            if current.name in LANGUAGE_FIELDS:
                fields.add(LANGUAGE_FIELDS[current.name])
            else:
                reach[current.name] = max(reach.get(current.name, 0), ALL_ROWS if endless else back)
                nearest[current.name] = min(nearest.get(current.name, least), least)
        pending.extend((child, back, least, endless) for child in children(current))
    return Expression(
        text=render(node), node=node, role=role, fields=frozenset(fields), factors=frozenset(reach),
        indices=frozenset(indices), lookback=lookback, whole_history=whole_history, needs_universe=needs_universe,
        market_wide=is_market_wide(node), nodes=nodes, work=work, planes=planes, windows=tuple(windows),
        reach=MappingProxyType(reach), nearest=MappingProxyType(nearest),
    )  # fmt: skip


@lru_cache(maxsize=128)
def compile_expression(
    text: str,
    *,
    role: Role,
    path: str,
    factors: frozenset[str] | None = None,
    indices: frozenset[str] | None = frozenset(),
) -> Expression:
    """Parse and check an expression; `factors` are the factor names that exist (None: the whole catalogue).

    `indices` are the names of the loaded index series. None is for canonical text that was checked before: every name
    that is neither a factor nor a price field is an index series then, and the caller compares `Expression.indices`
    with those of its dataset.

    Raises RequestError with every mistake: path, line, column (from 1), message, suggestions.
    """
    readable = index_names(indices, factors) if indices else indices
    node = parse(text, path, factors, readable)
    checker = Checker(text, path, factors, readable or frozenset())
    checker.root(node, role)
    if checker.problems:
        checker.problems.sort(key=lambda p: (p.line or 0, p.column or 0))
        raise RequestError(checker.problems)
    return describe(node, role)


@lru_cache(maxsize=128)
def parts(expression: Expression) -> tuple[Expression, ...]:
    """Return the operands of a condition's outermost `and`, each an expression; without one the expression itself."""
    node = expression.node
    if isinstance(node, Logic) and node.operator == "and":
        return tuple(describe(operand, expression.role) for operand in node.operands)
    return (expression,)


def work_of(node: Node) -> int:
    """Return about how many nanoseconds of a core a node takes for each cell, without its arguments.

    Measured on 250 x 2,600 cells and rounded up; an upper limit, since values that are computed already are read.
    """
    if isinstance(node, Call) and BY_NAME[node.function].family == "window":
        fixed, for_row = _WINDOW_WORK[node.function]
        return fixed + int(for_row * whole_number(node))
    return _ACROSS_WORK if is_cross_section(node) or is_aggregate(node) else 1


def stored_bytes_of(node: Node) -> int:
    """Return the most bytes that evaluation stores of a node itself for each cell: as float64, a truth value as a byte.

    `ema` is stored with its carry.
    """
    if isinstance(node, Call) and (BY_NAME[node.function].family == "window" or is_cross_section(node)):
        return 16 if node.function == "ema" else 8
    return int(isinstance(node, Comparison))


_WINDOW_WORK = {
    "lag": (1, 0.0), "delta": (2, 0.0), "pct_change": (3, 0.0), "ema": (4, 0.0), "ts_mean": (12, 0.2),
    "ts_sum": (8, 0.2), "ts_min": (10, 0.2), "ts_max": (10, 0.2), "ts_rank": (15, 0.5), "ts_std": (30, 0.6),
    "ts_corr": (80, 1.2),
}  # fmt: skip
"""Window function -> nanoseconds of a cell, and for each row of the window."""
_ACROSS_WORK = 40
