"""Audit of a factor report: computed again, and computed from data that end earlier.

The digest of the same report on the same dataset is the same. On data that end after a row, the coefficients of every
row whose exit lies before the end are the same to the bit, and those of the others are absent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.factor_reports.options import Options
from shared.research.factor_reports.report import factor_report, subject_of
from shared.research.factor_reports.rows import HorizonRows, coefficients
from shared.simulation.lookahead_audit import CutPanels
from shared.simulation.plan import window_of

Array = np.ndarray[Any, np.dtype[Any]]


def audit_report(
    request: BacktestRequest, panels: Panels, options: Options, *, stored_digest: str, seed: int, cuts: int
) -> dict[str, Any]:
    """Return the audit of a report that has `stored_digest`, with the data cut after `cuts` random rows of its window.

    `{identical, digest, stored_digest, cuts: [{date, coefficients, absent, identical, first_difference}]}`. Raises what
    `factor_report` raises.
    """
    digest = factor_report(request, panels, options)["digest"]
    window = window_of(request, panels.days)
    whole = _coefficients(request, panels, options, window)
    rows = np.arange(window.start, window.stop)
    chosen = np.sort(np.random.default_rng(seed).choice(rows, size=min(cuts, len(rows)), replace=False))
    found = []
    for last in chosen.tolist():
        part = _coefficients(request, CutPanels(panels, last + 1), options, slice(window.start, last + 1))
        found.append(_compare(panels.days[window.start : last + 1], whole, part))
    return {
        "identical": digest == stored_digest and all(cut["identical"] for cut in found),
        "digest": digest,
        "stored_digest": stored_digest,
        "cuts": found,
    }


def _coefficients(
    request: BacktestRequest, panels: Panels, options: Options, rows: slice
) -> dict[int, HorizonRows]:  # fmt: skip
    return coefficients(subject_of(request, panels, options.neutral), rows, options.horizons, options.rule)


def _compare(days: Array, whole: dict[int, HorizonRows], part: dict[int, HorizonRows]) -> dict[str, Any]:
    """Return the comparison of coefficients on data that end on the last of `days`, the first rows of the window."""
    compared = absent = 0
    difference: dict[str, Any] | None = None
    for horizon in whole:
        known = max(0, len(days) - 1 - horizon)
        for name in ("ic", "rank_ic"):
            expected = whole[horizon].whole(name)[: len(days)].copy()
            expected[known:] = np.nan
            found = part[horizon].whole(name)
            compared += int(np.count_nonzero(np.isfinite(expected)))
            absent += len(days) - known
            differ = np.flatnonzero((expected != found) & ~(np.isnan(expected) & np.isnan(found)))
            if len(differ) and difference is None:
                at = int(differ[0])
                difference = {
                    "date": iso(int(days[at])), "horizon": horizon, "figure": name, "whole": _number(expected[at]),
                    "cut": _number(found[at]),
                }  # fmt: skip
    return {
        "date": iso(int(days[-1])), "coefficients": compared, "absent": absent, "identical": difference is None,
        "first_difference": difference,
    }  # fmt: skip


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
