"""Which rule book a market follows; a market without one of its own follows KOSPI's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

KINDS = ("KOSPI", "KOSDAQ", "KONEX")
"""Markets with rules of their own; positions in this tuple are the market codes of arrays."""

_CODE = {name: code for code, name in enumerate(KINDS)}


def kind_of(market: str) -> int:
    """Market code of a market's name (0 for any other market)."""
    return _CODE.get(market, 0)


def kinds_of(markets: Iterable[str]) -> np.ndarray:
    """uint8 [N]: market code of each name."""
    return np.array([_CODE.get(market, 0) for market in markets], np.uint8)
