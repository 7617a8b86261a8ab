"""What a result has to say beside its figures: sentences for `warnings`."""

from __future__ import annotations

import numpy as np

from shared.language import parts
from shared.language.evaluate import evaluate
from shared.model.calendar import NO_DAY, iso, to_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.native import mark_passed, plane
from shared.simulation.plan import Expressions, Plan
from shared.simulation.universe import UniverseMask

_COUNT_ROWS = 256


def window_notices(request: BacktestRequest, panels: Panels, plan: Plan) -> list[str]:
    """A window that the data do not fill, its missing first signal, excluded stocks that nobody knows."""
    first, last = int(panels.days[0]), int(panels.days[-1])
    found = []
    if to_day(request.start) < first:
        found.append(f"the start {request.start} is before the data, which begin on {iso(first)}")
    if to_day(request.end) > last:
        found.append(f"the end {request.end} is after the data, which end on {iso(last)}")
    if plan.window.start == 0:
        found.append(f"{iso(first)} is the dataset's first row: it has no signal and nothing is bought on it")
    unknown = [code for code in request.strategy.universe.exclude or () if code not in panels.instruments.ordinal]
    if unknown:
        found.append(f"excluded stocks that the dataset does not have: {', '.join(unknown[:20])}")
    return found


def endings(holdings: np.ndarray, panels: Panels, row: int) -> list[str]:
    """The stocks held on the window's last row whose prices ended before it without a delisting."""
    ages = panels.panel("idle", slice(row, row + 1))[0][holdings["col"]]
    delisted = panels.instruments.delisted_day[holdings["col"]]
    return [
        f"{panels.instruments.code[col]} has no price since {iso(int(panels.days[row - age]))} and no delisting date; "
        f"it stays valued at its last close"
        for col, age in zip(
            holdings["col"][(ages > 0) & (delisted == NO_DAY)].tolist(),
            ages[(ages > 0) & (delisted == NO_DAY)].tolist(),
            strict=True,
        )
    ]


def found_nothing(
    expressions: Expressions, universe: UniverseMask, panels: Panels, decisions: slice, decides: np.ndarray
) -> str:
    """That no stock was ever a candidate, with the number of stocks that passed each part of the condition at least
    once on a row that decides a purchase."""
    if decisions.stop <= decisions.start:
        return "no candidate was ever found: no row of the window has a row before it"
    columns = len(panels.instruments)
    pieces = parts(expressions.buy) if expressions.buy is not None else ()
    marks = [np.zeros(columns, np.uint8) for _ in range(len(pieces) + 2)]
    for start in range(decisions.start, decisions.stop, _COUNT_ROWS):
        rows = slice(start, min(start + _COUNT_ROWS, decisions.stop))
        flags = np.ascontiguousarray(decides[rows.start - decisions.start : rows.stop - decisions.start])
        mask = universe.rows(rows)
        inside = plane(mask, rows.start, np.bool_, columns)
        ranked = ~np.isnan(evaluate(expressions.rank_by, panels, rows, universe.rows, universe.key))
        passed = [mask, *(evaluate(piece, panels, rows, universe.rows, universe.key) for piece in pieces), ranked]
        for values, mark in zip(passed, marks, strict=True):
            mark_passed(plane(values, rows.start, np.bool_, columns), inside, flags, rows.start, mark)
    counts = [int(np.count_nonzero(mark)) for mark in marks]
    said = [f"universe: {counts[0]}"]
    said += [f"{piece.text}: {count}" for piece, count in zip(pieces, counts[1:-1], strict=True)]
    said.append(f"rank_by {expressions.rank_by.text} not absent: {counts[-1]}")
    return "no candidate was ever found; stocks that passed at least once: " + "; ".join(said)
