"""The factor report of a request over a dataset version: the window's rows, each the decision of a day."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np

from shared.errors import RunError
from shared.factors.catalogue import FACTORS
from shared.language import Expression, evaluate
from shared.messages import say
from shared.model.calendar import iso, years_of
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, canonical_json
from shared.research.factor_reports import forward_returns
from shared.research.factor_reports.figures import (
    checks,
    coefficient,
    coverage_figures,
    decay,
    group_figures,
    horizon_figures,
    series,
    year_figures,
)
from shared.research.factor_reports.forward_returns import Exit
from shared.research.factor_reports.native import Ordered, information_coefficients
from shared.research.factor_reports.options import DECAY_HORIZONS, LEAST_STOCKS, Neutral, Options
from shared.research.factor_reports.portfolio import portfolios
from shared.research.factor_reports.request import DIGEST_VERSION, place_of
from shared.research.factor_reports.rows import Subject, blocks, coefficients, report_rows
from shared.research.factor_reports.shapes import CorrelationFigures
from shared.simulation.coverage import FactorCoverage
from shared.simulation.panel_scans import order_rows
from shared.simulation.plan import Expressions, expressions_of, window_of
from shared.simulation.request_warnings import coverage_warnings
from shared.simulation.structures import matrix_view
from shared.simulation.universe import UniverseMask, universe_rows
from shared.simulation.warnings import documents

Array = np.ndarray[Any, np.dtype[Any]]


def report_needs(request: BacktestRequest, panels: Panels, options: Options) -> dict[str, slice]:
    """Return panel field or factor -> the rows that a report reads."""
    found = coefficient_needs(request, panels, all_horizons(options))
    rows = window_of(request, panels.days)
    for expression in options.controls:
        _read(found, expression, rows)
    if "cap_group" in options.breakdowns:
        _widen(found, "MARKET_CAP", rows)
    if options.correlations:
        for key in sorted(panels.factors):
            _widen(found, key, rows)
    return found


def coefficient_needs(request: BacktestRequest, panels: Panels, horizons: tuple[int, ...]) -> dict[str, slice]:
    """Return panel field or factor -> the rows that the coefficients of a factor read."""
    rows = window_of(request, panels.days)
    found = expression_needs(request, panels)
    for name, needed in forward_returns.returns_need(rows, horizons, panels.days).items():
        _widen(found, name, needed)
    return found


def expression_needs(request: BacktestRequest, panels: Panels) -> dict[str, slice]:
    """Return panel field or factor -> the rows that the expressions and the universe of a request read."""
    rows = window_of(request, panels.days)
    found: dict[str, slice] = {"idle": rows}
    for _, expression in expressions_of(request).named():
        _read(found, expression, rows)
    if request.strategy.universe.cap_groups is not None:
        _widen(found, "MARKET_CAP", rows)
    _widen(found, "adj_close", rows)
    return found


def _read(needs: dict[str, slice], expression: Expression, rows: slice) -> None:
    reach = rows.start if expression.whole_history else expression.lookback
    for name in expression.fields | expression.factors:
        _widen(needs, name, slice(max(0, rows.start - reach), rows.stop))


def _widen(needs: dict[str, slice], name: str, rows: slice) -> None:
    have = needs.get(name, rows)
    needs[name] = slice(min(have.start, rows.start), max(have.stop, rows.stop))


def all_horizons(options: Options) -> tuple[int, ...]:
    """Return the horizons of the decay and those of the request, ascending."""
    return tuple(sorted({*DECAY_HORIZONS, *options.horizons}))


def factor_report(request: BacktestRequest, panels: Panels, options: Options) -> dict[str, Any]:
    """Return the report of `strategy.buy.rank_by` over the rows of the window.

    Raises RunError for a window without rows and for a factor that no stock of the universe has in it.
    """
    subject, rows, warnings = _subject(request, panels, options.neutral)
    found = report_rows(subject, rows, all_horizons(options), options)
    correlations = _correlations(subject, rows) if options.correlations else None
    horizons = [horizon_figures(h, found.horizons[h], found, options) for h in options.horizons]
    report = {
        "factor": subject.factor.text,
        "window": {"start": iso(int(panels.days[rows.start])), "end": iso(int(panels.days[rows.stop - 1])),
                   "rows": rows.stop - rows.start},
        "coverage": coverage_figures(found),
        "horizons": horizons,
        "decay": decay(found),
        "years": year_figures(panels.days[rows], found, options),
        "groups": group_figures(found, options),
        "correlations": correlations,
        "checks": checks(horizons, correlations, subject.factor),
        "series": series(panels.days[rows], found, options) if options.series else None,
        "warnings": warnings,
    }  # fmt: skip
    return report | {"digest": hashlib.sha256(canonical_json([DIGEST_VERSION, report])).hexdigest()}


def factor_coefficients(
    request: BacktestRequest, panels: Panels, horizons: tuple[int, ...], neutral: Neutral, rule: Exit
) -> dict[str, Any]:
    """Return the IC and rank IC of the factor at each horizon; raises as `factor_report` does."""
    subject, rows, warnings = _subject(request, panels, neutral)
    found = coefficients(subject, rows, horizons, rule)
    return {
        "factor": subject.factor.text,
        "horizons": [
            {"horizon": h, "ic": coefficient(of.whole("ic"), h), "rank_ic": coefficient(of.whole("rank_ic"), h)}
            for h, of in found.items()
        ],
        "warnings": warnings,
    }


def factor_portfolios(
    request: BacktestRequest, panels: Panels, horizons: tuple[int, ...], neutral: Neutral, rule: Exit
) -> dict[str, Any]:
    """Return the weekly returns of the portfolio of the factor at each horizon; raises as `factor_report` does."""
    subject, rows, _ = _subject(request, panels, neutral)
    return {
        "horizons": [
            {"horizon": h, "weeks": of.weeks.tolist(), "returns": of.values.tolist()}
            for h, of in portfolios(subject, rows, horizons, rule).items()
        ],
    }


def coverage_by_year(request: BacktestRequest, panels: Panels) -> dict[str, Any]:
    """Return the share of the universe's stocks, over the rows of the window, that have a value: by calendar year."""
    expressions, rows = expressions_of(request), window_of(request, panels.days)
    universe = universe_rows(request.strategy.universe, panels, expressions.universe)
    counts: dict[int, list[int]] = {}
    for block in blocks(rows):
        values = evaluate(expressions.rank_by, panels, block, universe.rows, universe.key)
        members = universe.rows(block)
        known = np.count_nonzero(members & ~np.isnan(values), axis=1)
        for year, having, all_of in zip(
            years_of(panels.days[block]).tolist(), known.tolist(), np.count_nonzero(members, axis=1).tolist(),
            strict=True,
        ):  # fmt: skip
            total = counts.setdefault(year, [0, 0])
            total[0] += having
            total[1] += all_of
    return {"years": [{"year": year, "share": a / b if b else None} for year, (a, b) in sorted(counts.items())]}


def _subject(request: BacktestRequest, panels: Panels, neutral: Neutral) -> tuple[Subject, slice, list[dict[str, Any]]]:
    rows = window_of(request, panels.days)
    if rows.stop <= rows.start:
        raise RunError("no_window", say("no_window", date=request.start))
    subject = subject_of(request, panels, neutral)
    warnings = _coverage_warnings(expressions_of(request), subject.universe, panels, rows)
    return subject, rows, warnings


def subject_of(request: BacktestRequest, panels: Panels, neutral: Neutral) -> Subject:
    """Return the factor of a request over its universe."""
    expressions = expressions_of(request)
    universe = universe_rows(request.strategy.universe, panels, expressions.universe)
    return Subject(panels=panels, factor=expressions.rank_by, universe=universe, neutral=neutral)


def _coverage_warnings(
    expressions: Expressions, universe: UniverseMask, panels: Panels, rows: slice
) -> list[dict[str, Any]]:
    """Return warnings about scarce factors; raise RunError for one that no stock of the universe has."""
    columns = len(panels.instruments)
    coverage = FactorCoverage.of(expressions, np.ones(rows.stop - rows.start, np.bool_), rows.start, columns)
    for block in blocks(rows):
        mask = universe.rows(block)
        coverage.add(panels, universe, block, matrix_view(mask, block.start, np.bool_, columns))
    try:
        return documents(coverage_warnings(coverage.validate(panels, universe), panels))
    except RunError as error:
        problems = [replace(problem, path=place_of(problem.path)) for problem in error.problems]
        raise RunError(error.kind, error.detail, tuple(problems)) from None


def _correlations(subject: Subject, rows: slice) -> list[CorrelationFigures]:
    """Return the mean rank correlation with each factor of the version, over the last row of each month."""
    panels = subject.panels
    months = panels.days[rows].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.diff(months, append=months[-1] + 1))
    at = [slice(row, row + 1) for row in (last + rows.start).tolist()]
    ordered = Ordered.by(np.concatenate([subject.values(row) for row in at]), subject.by_code)
    universe = np.concatenate([subject.universe.rows(row) for row in at])
    found: list[CorrelationFigures] = []
    for factor in FACTORS:
        if factor.key not in panels.factors:
            continue
        other = np.where(universe, panels.panel(factor.key, rows)[last], np.float32(np.nan))
        orders = order_rows(other, subject.by_code, descending=False)
        _, correlation, _ = information_coefficients(ordered, other, orders, LEAST_STOCKS)
        known = correlation[np.isfinite(correlation)]
        found.append({
            "factor": factor.key, "correlation": float(known.mean()) if len(known) else None, "rows": len(known),
        })  # fmt: skip
    return found
