"""A checked expression with everything that planning needs: what it reads, how far back, and how much work it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from shared.errors import RequestError
from shared.language.ast import Call, Logic, Name, Node, Number, children, size
from shared.language.functions import BY_NAME
from shared.language.parser import parse
from shared.language.printer import render
from shared.language.typecheck import Checker, Role
from shared.model.fields import LANGUAGE_FIELDS

ALL_ROWS = 1 << 30
"""A look-back that reaches to the first row of the dataset."""


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A condition or number over [rows x instruments] that has passed every check.

    `fields` are panel fields, `factors` factor keys. `lookback` is the number of rows before a row that its value reads
    (`ema` not counted: then `whole_history` is true). `reach` is that look-back for each factor, ALL_ROWS under `ema`;
    `nearest` is the fewest rows back at which a factor is read: above 0 where every mention of it is below a `lag`.
    `work` is about the number of elementary operations for each cell.
    """

    text: str
    node: Node = field(repr=False)
    role: Role
    fields: frozenset[str]
    factors: frozenset[str]
    lookback: int
    whole_history: bool
    cross_section: bool
    nodes: int
    work: int
    reach: Mapping[str, int] = field(compare=False, repr=False, hash=False)
    nearest: Mapping[str, int] = field(compare=False, repr=False, hash=False)


def whole_number(call: Call) -> int:
    """The `n` of a window function."""
    last = call.arguments[-1]
    assert isinstance(last, Number)  # noqa: S101 - the checker saw to it
    return int(last.value)


def own_lookback(node: Node) -> int:
    """Rows before a row that a node itself adds to what its arguments read."""
    if not isinstance(node, Call) or BY_NAME[node.function].family != "window":
        return 0
    if node.function == "ema":
        return ALL_ROWS
    n = whole_number(node)
    return n if node.function in ("lag", "delta", "pct_change") else n - 1


def is_cross_section(node: Node) -> bool:
    """Whether the node itself (not what is below it) looks across the row."""
    return isinstance(node, Call) and BY_NAME[node.function].family == "cross_section"


def describe(node: Node, role: Role) -> Expression:
    """The expression of a tree that is known to be right."""
    reach: dict[str, int] = {}
    nearest: dict[str, int] = {}
    fields: set[str] = set()
    lookback, whole_history, cross_section = 0, False, False
    nodes = work = 0
    pending = [(node, 0, 0, False)]
    while pending:
        found, before, least, endless = pending.pop()
        own = own_lookback(found)
        if own == ALL_ROWS:
            own, endless, whole_history = 0, True, True
        back = before + own
        lookback = max(lookback, back)
        nodes += size(found)
        work += _work(found)
        cross_section = cross_section or is_cross_section(found)
        if isinstance(found, Call) and found.function == "lag":
            least += own
        if isinstance(found, Name):
            if found.name in LANGUAGE_FIELDS:
                fields.add(LANGUAGE_FIELDS[found.name])
            else:
                reach[found.name] = max(reach.get(found.name, 0), ALL_ROWS if endless else back)
                nearest[found.name] = min(nearest.get(found.name, least), least)
        pending.extend((child, back, least, endless) for child in children(found))
    return Expression(
        text=render(node), node=node, role=role, fields=frozenset(fields), factors=frozenset(reach), lookback=lookback,
        whole_history=whole_history, cross_section=cross_section, nodes=nodes, work=work,
        reach=MappingProxyType(reach), nearest=MappingProxyType(nearest),
    )  # fmt: skip


@lru_cache(maxsize=128)
def compile_expression(text: str, *, role: Role, path: str, factors: frozenset[str] | None = None) -> Expression:
    """Parse and check an expression; `factors` are the factor names that exist (None: the whole catalogue).

    Raises RequestError with every mistake: path, line, column (from 1), message, suggestions.
    """
    node = parse(text, path, factors)
    checker = Checker(text, path, factors)
    checker.root(node, role)
    if checker.problems:
        checker.problems.sort(key=lambda p: (p.line or 0, p.column or 0))
        raise RequestError(checker.problems)
    return describe(node, role)


@lru_cache(maxsize=128)
def parts(expression: Expression) -> tuple[Expression, ...]:
    """The operands of a condition's outermost `and`, each an expression; the expression itself without one."""
    node = expression.node
    if isinstance(node, Logic) and node.operator == "and":
        return tuple(describe(operand, "condition") for operand in node.operands)
    return (expression,)


def _work(node: Node) -> int:
    if isinstance(node, Call) and BY_NAME[node.function].family == "window":
        n = whole_number(node)
        return {"lag": 1, "delta": 2, "pct_change": 3, "ema": 4, "ts_std": 2 * n, "ts_corr": 5 * n}.get(
            node.function, n
        )
    return 20 if is_cross_section(node) else 1
