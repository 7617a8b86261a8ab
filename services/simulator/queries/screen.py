"""Screen: the stocks that a buy rule selects on one trading day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shared.contracts import queries
from shared.errors import RunError
from shared.language import parts
from shared.language.columns import columns_of
from shared.language.evaluate import evaluate
from shared.messages import say
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.column_values import column_values
from shared.simulation.coverage import FactorCoverage
from shared.simulation.plan import Expressions, expressions_of, window_of
from shared.simulation.request_warnings import coverage_warnings
from shared.simulation.structures import MatrixView, matrix_view
from shared.simulation.universe import UniverseMask, universe_rows
from shared.simulation.warnings import documents


def screen(request: BacktestRequest, query: queries.Screen, panels: Panels) -> dict[str, Any]:
    """Return the stocks that pass on one row, in the order of `rank_by`; stocks without a value come last.

    `parts` counts the stocks that pass each part of the condition's outermost `and`, and those that are left after it
    and the parts before. `columns` of the query are canonical texts whose values each item has. RunError when no
    stock of the universe has a factor, as in a run; a factor that few stocks have is a warning.
    """
    expressions = replace(expressions_of(request), sell=None, when=None)
    window = window_of(request, panels.days)
    if window.stop <= window.start:
        raise RunError("no_window", say("no_window", date=request.start))
    row = slice(window.stop - 1, window.stop)
    universe = universe_rows(request.strategy.universe, panels, expressions.universe)
    mask = universe.rows(row)
    view = matrix_view(mask, row.start, np.bool_, mask.shape[1])
    warnings = _coverage_warnings(expressions, universe, panels, row, view)
    counted, passed = _parts(expressions, panels, row, universe, mask[0])
    values = evaluate(expressions.rank_by, panels, row, universe.rows, universe.key)[0].astype(np.float64)
    columns = np.flatnonzero(passed)
    ranked = values[columns]
    key = ranked if request.strategy.buy.order == "asc" else -ranked
    order = columns[np.lexsort((panels.instruments.code_rank[columns], np.where(np.isnan(key), np.inf, key)))]
    names = panels.instruments
    chosen = order[: query.limit]
    columns_read = columns_of(query.columns)
    cells = [column_values(column, panels, row, universe)[0][chosen].tolist() for column in columns_read]
    items = [
        {
            "stock_code": names.code[column],
            "name": names.name[column],
            "name_en": names.name_en[column],
            "market": names.market[column],
            "sector": names.sector[column],
            "rank": position + 1,
            "value": None if np.isnan(values[column]) else float(values[column]),
            "values": {read.name: _present(of[position]) for read, of in zip(columns_read, cells, strict=True)},
        }
        for position, column in enumerate(chosen.tolist())
    ]
    return {
        "date": iso(int(panels.days[row.start])),
        "universe": int(np.count_nonzero(mask[0])),
        "parts": counted,
        "total": len(order),
        "rank_by": expressions.rank_by.text,
        "columns": [column.name for column in columns_read],
        "items": items,
        "warnings": warnings,
    }


def _present(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124  NaN is absent


def _parts(
    expressions: Expressions, panels: Panels, row: slice, universe: UniverseMask, mask: np.ndarray
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Return the counts of the parts of the condition, and where a stock passes all of them."""
    found: list[dict[str, Any]] = []
    left: np.ndarray = mask.copy()
    for part in () if expressions.buy is None else parts(expressions.buy):
        alone = mask & evaluate(part, panels, row, universe.rows, universe.key)[0]
        left &= alone
        counts = {"passed": int(np.count_nonzero(alone)), "remaining": int(np.count_nonzero(left))}
        found.append({"condition": part.text, **counts})
    return found, left


def _coverage_warnings(
    expressions: Expressions, universe: UniverseMask, panels: Panels, row: slice, mask: MatrixView
) -> list[dict[str, Any]]:
    """Return warnings about factors that are scarce on a row.

    Raises RunError with the name of the query parameter for a factor that is absent.
    """
    coverage = FactorCoverage.of(expressions, np.ones(1, np.bool_), row.start, len(panels.instruments))
    coverage.add(panels, universe, row, mask)
    try:
        return documents(coverage_warnings(coverage.validate(panels, universe), panels))
    except RunError as error:
        problems = [replace(problem, path=problem.path.removeprefix("strategy.buy.")) for problem in error.problems]
        raise RunError(error.kind, error.detail, tuple(problems)) from None
