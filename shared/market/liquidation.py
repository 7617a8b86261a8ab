"""Liquidation trading: the last days of a stock before its delisting, on which no daily limit holds.

The day loop has the same rule (shared/native/day_rules.h); its constants are compared with these at load.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

LIQUIDATION_DAYS: Final = 21
"""Calendar days before the delisting in which liquidation trading takes place."""
LIQUIDATION_ROWS: Final = 7
"""Tradable rows of liquidation trading."""
SUSPENDED_ROWS: Final = 3
"""Rows without trading before it, at least."""
STALE_EXIT_DAYS: Final = 30
"""A holding ends at its last close when that is at most this many calendar days older than the delisting."""


def is_liquidation_row(idle: np.ndarray[Any, np.dtype[Any]], row: int, days_left: int, *, first: int = 0) -> bool:
    """Return whether a row is one of the first tradable ones after a suspension, shortly before the delisting.

    idle: rows since the stock's last tradable row, up to `row` at least; row: index in `idle`; days_left: calendar days
    from the row to the delisting; first: rows of the dataset before those of `idle`.
    """
    if idle[row] or not 0 < days_left <= LIQUIDATION_DAYS:
        return False
    traded = 0
    for at in range(row, 0, -1):
        if idle[at]:
            continue
        traded += 1
        if traded > LIQUIDATION_ROWS:
            return False
        if idle[at - 1] >= SUSPENDED_ROWS and first + at >= SUSPENDED_ROWS:
            return True
    return False
