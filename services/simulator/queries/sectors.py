"""Sectors: how many stocks each sector has on one row."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from shared.contracts import queries
from shared.model.calendar import iso
from shared.model.listings import NO_SECTOR, row_attributes
from shared.model.panels import Panels


def sectors(query: queries.Sectors, panels: Panels) -> dict[str, Any]:
    """Return the sectors of the `day` of the query by name, and the stocks without one.

    A stock counts when it has a close on the row, or within the 60 rows before it.
    """
    row = int(np.searchsorted(panels.days, query.day))
    rows = slice(row, row + 1)
    present = ~np.isnan(panels.panel("adj_close", rows)[0])
    attributes = row_attributes(panels, rows)
    counts = Counter(attributes.sector[0][present].tolist())
    named = sorted((attributes.sectors[code], count) for code, count in counts.items() if code != NO_SECTOR)
    return {
        "date": iso(query.day),
        "items": [{"sector": name, "stocks": count} for name, count in named],
        "without_sector": counts.get(NO_SECTOR, 0),
    }
