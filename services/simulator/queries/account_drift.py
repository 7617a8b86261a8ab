"""Account drift: what restated cells, the engine, late data and the user each made of a paper account's difference."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.contracts import queries
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.model.calendar import from_day
from shared.model.request import BacktestRequest, request_from_json
from shared.simulation.plan import plan


def account_drift(
    request: BacktestRequest, query: queries.AccountDrift, old: MappedPanels | None, reader: PanelReader
) -> dict[str, Any]:
    """Return {causes, cells, cell_count, other_days}; `old` is None when the earlier version was deleted."""
    # imported at the first use: simulators start without it
    from shared.simulation.restatement.attribution import Inputs, attribute

    before = request_from_json(query.request_before)
    inputs = Inputs(
        request_before=before,
        request_now=request,
        old=None if old is None else _mapped(old.reader(reader.cancelled), query.until, before),
        new=_mapped(reader, query.until, before, request),
        until=query.until,
        engine_before=query.engine_before,
        late_stocks=query.late_stocks,
    )
    return attribute(inputs, stored_equity=query.stored_equity, day=query.day, orders=query.orders, fills=query.fills)


def _mapped(reader: PanelReader, until: int, *requests: BacktestRequest) -> PanelReader:
    """Return the reader with what the requests read up to a day number mapped."""
    for request in requests:
        whole = msgspec.structs.replace(request, end=max(from_day(until), request.start))
        for name, rows in plan(whole, reader.days).needs.items():
            if name in reader.factors or not name.isupper():
                reader.ensure([name], rows)
    return reader
