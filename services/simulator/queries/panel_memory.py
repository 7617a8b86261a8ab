"""The panel memory that the answer to a query needs, for its reservation."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from shared.contracts import queries
from shared.dataset.panels import MappedPanels
from shared.language import compile_expression
from shared.language.columns import columns_of
from shared.model.calendar import from_day
from shared.model.request import BacktestRequest
from shared.simulation.computing_cost import (
    read_bytes_of_request,
    stored_bytes_of_expressions,
    stored_bytes_of_request,
    stored_bytes_of_returns,
)
from shared.simulation.plan import window_of


def stored_bytes_of_query(query: queries.RequestQuery, request: BacktestRequest, panels: MappedPanels) -> int:
    """Return the most bytes of intermediate values that the computation of an answer stores in panels at once.

    Several runs follow each other: what one has stored can be evicted when the next one begins.
    """
    match query:
        case queries.Screen():
            window = window_of(request, panels.days)
            last = slice(max(0, window.stop - 1), window.stop)
            return _of_request(request, panels) + _of_columns(query.columns, last, panels)
        case queries.Values():
            return _of_request(request, panels) + _of_columns(query.fields, slice(query.first, query.stop), panels)
        case queries.FactorReport():
            window = window_of(request, panels.days)
            controls = [
                compile_expression(text, role="number", path="controls", indices=None) for text in query.controls
            ]
            stored = stored_bytes_of_expressions(controls, window, len(panels.days), len(panels.instruments))
            return _of_request(request, panels) + stored + _of_returns(request, panels)
        case queries.FactorCoefficients() | queries.FactorPortfolios():
            return _of_request(request, panels) + _of_returns(request, panels)
        case queries.AccountDay() | queries.AccountDrift():
            return _of_request(until_last_day(request, panels), panels)
        case _:
            return _of_request(request, panels)


def read_bytes_of_query(query: queries.RequestQuery, request: BacktestRequest, panels: MappedPanels) -> int:
    """Return about the most bytes of panels that the computation of an answer reads."""
    if isinstance(query, queries.AccountDay | queries.AccountDrift):
        request = until_last_day(request, panels)
    return read_bytes_of_request(request, panels.days, len(panels.instruments))


def until_last_day(request: BacktestRequest, panels: MappedPanels) -> BacktestRequest:
    """Return the request up to the last row of the panels."""
    return msgspec.structs.replace(request, end=max(from_day(int(panels.days[-1])), request.start))


def _of_request(request: BacktestRequest, panels: MappedPanels) -> int:
    return stored_bytes_of_request(request, panels.days, len(panels.instruments))


def _of_columns(texts: Sequence[str], rows: slice, panels: MappedPanels) -> int:
    expressions = (column.expression for column in columns_of(texts))
    return stored_bytes_of_expressions(expressions, rows, len(panels.days), len(panels.instruments))


def _of_returns(request: BacktestRequest, panels: MappedPanels) -> int:
    return stored_bytes_of_returns(window_of(request, panels.days), len(panels.instruments))
