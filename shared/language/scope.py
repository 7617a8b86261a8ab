"""What a node depends on: one stock, the row's universe, or the whole market."""

from __future__ import annotations

from collections.abc import Iterator

from shared.language.ast import Call, Index, Name, Node, Number, children, walk
from shared.language.functions import BY_NAME, Family


def is_cross_section(node: Node) -> bool:
    """Whether the node itself (not one below it) is a function across the stocks of a row."""
    return _family(node) == "cross_section"


def is_aggregate(node: Node) -> bool:
    """Whether the node itself is a row aggregate: one number for all stocks of a row."""
    return _family(node) == "aggregate"


def reads_universe(node: Node) -> bool:
    """Whether a value of the tree depends on the universe of the row."""
    return any(is_cross_section(found) or is_aggregate(found) for found in walk(node))


def differing(node: Node) -> Iterator[Node]:
    """Yield the names and cross-section functions, from left to right, whose values differ by stock in a tree.

    What a row aggregate or an unknown function contains does not count; of a cross-section function only the function
    is given.
    """
    if isinstance(node, Name) or is_cross_section(node):
        yield node
    elif not is_aggregate(node) and not _is_unknown(node):
        for child in children(node):
            yield from differing(child)


def is_market_wide(node: Node) -> bool:
    """Whether a tree has the same value for all stocks of a row."""
    return next(differing(node), None) is None


def is_series(node: Node) -> bool:
    """Whether a tree is market-wide and reads an index or an aggregate: computed once a row, not once a stock."""
    if isinstance(node, Number | Name) or is_cross_section(node):
        return False
    if isinstance(node, Index) or is_aggregate(node):
        return True
    below = children(node)
    return all(map(is_market_wide, below)) and any(map(is_series, below))


def _family(node: Node) -> Family | None:
    """Return the family of the function that a node calls; None for other nodes and unknown functions."""
    found = BY_NAME.get(node.function) if isinstance(node, Call) else None
    return None if found is None else found.family


def _is_unknown(node: Node) -> bool:
    return isinstance(node, Call) and node.function not in BY_NAME
