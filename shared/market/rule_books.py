"""Which of the exchange's tables of taxes, limits and ticks a market follows, as a number."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from shared.model.kinds import KRX_MARKETS

RULE_BOOKS = KRX_MARKETS
"""Markets with tables of their own; positions in this tuple are the rule book codes of arrays."""

_CODE = {name: code for code, name in enumerate(RULE_BOOKS)}


def rule_book(market: str) -> int:
    """Return the rule book code of a market; any other market follows KOSPI's tables (0) where a request sets them."""
    return _CODE.get(market, 0)


def rule_books(markets: Iterable[str]) -> np.ndarray:
    """Return uint8 [N]: the rule book code of each market."""
    return np.array([_CODE.get(market, 0) for market in markets], np.uint8)


def has_rules(market: str) -> bool:
    """Return whether ticks, limits and sales tax apply to a market when a request says nothing of them."""
    return market in _CODE
