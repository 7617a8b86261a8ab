"""On which rows of a window positions are chosen."""

from __future__ import annotations

import numpy as np

from shared.model.request import RebalanceCalendar


def rebalance_rows(days: np.ndarray, window: slice, how: str | RebalanceCalendar) -> np.ndarray:
    """bool [rows of the window]: every row (`daily`), or rows whose ISO week, month or quarter differs from that of the
    dataset row before; always the window's first row."""
    if how == "daily":
        return np.ones(window.stop - window.start, np.bool_)
    first = max(window.start - 1, 0)
    inside = days[first : window.stop].astype(np.int64)
    if how == "weekly":
        period = (inside + 3) // 7  # day 0 was a Thursday, ISO weeks begin on Mondays
    else:
        period = inside.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        if how == "quarterly":
            period //= 3
    changes = np.concatenate([[True], period[1:] != period[:-1]])[window.start - first :]
    changes[0] = True
    return np.ascontiguousarray(changes)
