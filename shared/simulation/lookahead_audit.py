"""Look-ahead audit: the trades of a run up to a day must not change when the data after that day are removed."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from shared.model.calendar import iso
from shared.model.instruments import Instruments
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import Run, simulate, simulate_days
from shared.simulation.structures import REASONS
from shared.simulation.yearly_scratch import YearlyScratch

ANNOUNCED_DAYS = 21
"""Calendar days before a delisting on which the exchange has announced it."""

_COMPARED = ("row", "col", "reason", "shares", "price", "commission", "tax")


class CutPanels(YearlyScratch):
    """A dataset without its rows from `rows` on: the same chunks, but nothing computed is shared with the whole one.

    Everything that is known only later (delistings announced later, dividends, listings, index values) is left out.
    """

    def __init__(self, whole: Panels, rows: int) -> None:
        last = int(whole.days[rows - 1])
        known = last + ANNOUNCED_DAYS
        kept = whole.dividends.ex_date <= last
        self._whole = whole
        super().__init__()
        self.version = f"{whole.version}-cut-{rows}"
        self.days = whole.days[:rows]
        self.instruments: Instruments = msgspec.structs.replace(
            whole.instruments,
            delisted_on=tuple(d if d is not None and d <= known else None for d in whole.instruments.delisted_on),
        )
        self.indices = {name: series[:rows] for name, series in whole.indices.items()}
        self.dividends = whole.dividends.select(kept)
        self.listings = whole.listings.known_on(last)
        self.factors = whole.factors

    def panel(self, field: str, rows: slice) -> np.ndarray:
        """Return the rows of a field; IndexError for a row that was cut away."""
        if rows.stop > len(self.days):
            raise IndexError(f"row {rows.stop - 1} was cut away")
        return self._whole.panel(field, rows)

    def absent_reason(self, factor: str, year: int | None = None) -> str | None:
        """Return the reason that the whole dataset states."""
        return self._whole.absent_reason(factor, year)


def audit(request: BacktestRequest, panels: Panels, seed: int, cuts: int) -> dict[str, Any]:
    """Run a canonical request on the data cut after `cuts` random days of its window (chosen by `seed`).

    `{identical, trades, cuts: [{date, trades, identical, first_difference}]}`: every trade and every equity value up to
    a cut must be the same to the bit. Raises what `run` raises.
    """
    whole = simulate(request, panels)
    window = whole.plan.window
    rows = np.arange(window.start, window.stop)
    chosen = np.sort(np.random.default_rng(seed).choice(rows, size=min(cuts, len(rows)), replace=False))
    found = [_compare(request, panels, whole, int(row)) for row in chosen]
    return {
        "identical": all(cut["identical"] for cut in found),
        "trades": len(whole.ledger.trades),
        "cuts": found,
    }


def _compare(request: BacktestRequest, panels: Panels, whole: Run, last: int) -> dict[str, Any]:
    alone = msgspec.structs.replace(request, benchmark=None)
    part, _ = simulate_days(alone, CutPanels(panels, last + 1))
    before = whole.ledger.trades[whole.ledger.trades["row"] <= last]
    difference = _first_difference(before, part.ledger.trades, panels)
    rows = last + 1 - whole.plan.window.start
    if difference is None and not np.array_equal(whole.ledger.equity[:rows], part.ledger.equity[:rows]):
        at = int(np.flatnonzero(whole.ledger.equity[:rows] != part.ledger.equity[:rows])[0])
        difference = {"date": iso(int(panels.days[whole.plan.window.start + at])), "what": "equity"}
    return {
        "date": iso(int(panels.days[last])),
        "trades": len(before),
        "identical": difference is None,
        "first_difference": difference,
    }


def _first_difference(whole: np.ndarray, part: np.ndarray, panels: Panels) -> dict[str, Any] | None:
    for a, b in zip(whole, part, strict=False):
        if any(a[name] != b[name] for name in _COMPARED):
            return {"date": iso(int(panels.days[a["row"]])), "what": "trade", "whole": _brief(a), "cut": _brief(b)}
    if len(whole) == len(part):
        return None
    more = (whole if len(whole) > len(part) else part)[min(len(whole), len(part))]
    return {"date": iso(int(panels.days[more["row"]])), "what": "trade on one side only", "trade": _brief(more)}


def _brief(trade: np.void) -> dict[str, Any]:
    return {"reason": REASONS[trade["reason"]], "shares": int(trade["shares"]), "price": float(trade["price"])}
