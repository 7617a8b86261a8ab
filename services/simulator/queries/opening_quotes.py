"""Opening quotes: those that the rule book of their market does not allow."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.simulation.opened_day import READS, marked_quotes


def opening_quotes(query: queries.OpeningQuotes, reader: PanelReader) -> dict[str, Any]:
    """Return {marked: [{stock_code, open, mark, lower, upper}]} of the query's quotes on its day."""
    rows = slice(max(len(reader.days) - 1, 0), len(reader.days))
    reader.ensure(READS, rows)
    return {"marked": [asdict(quote) for quote in marked_quotes(reader, query.day, dict(query.quotes))]}
