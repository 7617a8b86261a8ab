"""Prices: the rows of one stock as they were traded."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.contracts import queries
from shared.model.calendar import iso
from shared.model.fields import NEVER_TRADED
from shared.model.panels import Panels

PRICES = ("open", "high", "low", "close")


def prices(query: queries.Prices, panels: Panels) -> dict[str, Any]:
    """Return the rows `first` to `stop` of the stock `stock_code` of the query, from its first trade on.

    On a row without trading the prices are null and the volume is 0.
    """
    column = panels.instruments.ordinal[query.stock_code]
    first, stop = query.first, query.stop
    never = panels.panel("idle", slice(first, stop))[:, column] == NEVER_TRADED
    first += int(np.count_nonzero(never))
    rows = slice(first, stop)
    days = panels.days[rows].tolist()
    cells = {name: np.ascontiguousarray(panels.panel(name, rows)[:, column]) for name in (*PRICES, "volume")}
    volume = np.nan_to_num(cells.pop("volume")).astype(np.int64)
    split = panels.panel("split", rows)[:, column]
    return {
        "stock_code": query.stock_code,
        "name": panels.instruments.name[column],
        "dataset_version": panels.version,
        "dates": [iso(day) for day in days],
        **cells,
        "volume": volume,
        "splits": [{"date": iso(days[row]), "ratio": float(split[row])} for row in np.flatnonzero(split != 1).tolist()],
    }
