"""Ranking: the largest stocks of a day by market cap, volume or trading value."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.contracts import queries
from shared.contracts.rankings import RANKING_MEAN_ROWS
from shared.model.calendar import iso
from shared.model.panels import Panels


def ranking(query: queries.Ranking, panels: Panels) -> dict[str, Any]:
    """Rank stocks of one day by market cap, or by the mean volume (in shares of that day) or trading value of 20 days.

    Stocks without a close within 60 rows are excluded.
    """
    last = int(np.searchsorted(panels.days, query.day))
    row, tail = slice(last, last + 1), slice(max(last - RANKING_MEAN_ROWS + 1, 0), last + 1)
    present = ~np.isnan(panels.panel("adj_close", row)[0])
    if query.ranking == "market_cap":
        tail = row
        values = panels.panel("cap", row)[0].astype(np.float64)
        counts = np.ones(len(values), np.int64)
    else:
        view = "adj_volume" if query.ranking == "trading_volume" else "view_trading_value"
        cells = panels.panel(view, tail)
        known = ~np.isnan(cells)
        counts = known.sum(axis=0)
        with np.errstate(invalid="ignore"):
            values = np.where(known, cells, 0.0).sum(axis=0) / counts
        if view == "adj_volume":
            values = values * panels.panel("adjust", row)[0]
    names = panels.instruments
    if query.market is not None:
        present = present & (np.array(names.market) == query.market)
    columns = np.flatnonzero(present & ~np.isnan(values))
    order = columns[np.lexsort((names.code_rank[columns], -values[columns]))]
    items = [
        {
            "rank": position + 1,
            "stock_code": names.code[column],
            "name": names.name[column],
            "name_en": names.name_en[column],
            "market": names.market[column],
            "value": float(values[column]),
            "rows": int(counts[column]),
        }
        for position, column in enumerate(order[: query.limit].tolist())
    ]
    return {"kind": query.ranking, "date": iso(query.day), "market": query.market,
            "mean_rows": tail.stop - tail.start, "total": len(order), "items": items}  # fmt: skip
