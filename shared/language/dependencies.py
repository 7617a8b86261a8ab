"""How far back the nodes of a tree read, and which rows its windows need."""

from __future__ import annotations

from shared.language.ast import Call, Node, Number
from shared.language.functions import BY_NAME

ALL_ROWS = 1 << 30
"""A look-back that reaches to the first row of the dataset."""


def whole_number(call: Call) -> int:
    """Return the `n` of a window function."""
    last = call.arguments[-1]
    assert isinstance(last, Number)  # noqa: S101 - checked before
    return int(last.value)


def own_lookback(node: Node) -> int:
    """Return the rows before a row that a node itself adds to those that its arguments read."""
    if not isinstance(node, Call) or BY_NAME[node.function].family != "window":
        return 0
    if node.function == "ema":
        return ALL_ROWS
    n = whole_number(node)
    return n if node.function in ("lag", "delta", "pct_change") else n - 1
