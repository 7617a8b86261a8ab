"""Values: columns of factors, price fields and expressions in long form, by date and stock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.language.columns import columns_of
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.column_values import column_values, columns_need
from shared.simulation.plan import expressions_of
from shared.simulation.universe import universe_rows


def values_on_mapped(request: BacktestRequest, query: queries.Values, reader: PanelReader) -> dict[str, Any]:
    """Map the panels that the fields read, then return their values."""
    rows = slice(query.first, query.stop)
    for name, needed in columns_need(columns_of(query.fields), rows).items():
        reader.ensure([name], needed)
    return values(request, query, reader)


def values(request: BacktestRequest, query: queries.Values, panels: Panels) -> dict[str, Any]:
    """Return the `fields` (canonical texts) of the query on rows `first` to `stop` of the dataset.

    `codes` are the stocks, or null for those of the request's universe, over which functions across the row are
    computed in both cases. There is a row for each day and stock with a close on it, or within the 60 rows before.
    """
    rows = slice(query.first, query.stop)
    columns = columns_of(query.fields)
    universe = universe_rows(request.strategy.universe, panels, expressions_of(request).universe)
    stocks = _stocks(query.codes, panels)
    present = ~np.isnan(panels.panel("adj_close", rows)[:, stocks])
    if query.codes is None:
        present &= universe.rows(rows)[:, stocks]
    found: dict[str, Any] = {}
    at_row, at_stock = np.nonzero(present)
    dates = [iso(int(day)) for day in panels.days[rows]]
    codes = [panels.instruments.code[column] for column in stocks.tolist()]
    found["date"] = [dates[row] for row in at_row.tolist()]
    found["stock_code"] = [codes[column] for column in at_stock.tolist()]
    for column in columns:
        cells = column_values(column, panels, rows, universe)
        found[column.name] = np.ascontiguousarray(cells[at_row, stocks[at_stock]])
    return {"rows": len(at_row), "columns": found}


def _stocks(codes: Sequence[str] | None, panels: Panels) -> np.ndarray:
    """Return the columns of the panels by stock code."""
    by_code: np.ndarray = panels.instruments.by_code
    if codes is None:
        return by_code
    wanted = np.zeros(len(panels.instruments), np.bool_)
    wanted[[panels.instruments.ordinal[code] for code in codes]] = True
    chosen: np.ndarray = by_code[wanted[by_code]]
    return chosen
